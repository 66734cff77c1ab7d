//! `perjury check`: is it the same run in another process?

use std::io::{self, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::judge::Judged;
use crate::run::{self, Visitor};
use crate::scenario::Scenario;
use crate::sim::World;
use crate::twice::{self, Comparison, Form};

use super::args::Subject;
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Run a scenario again in another process, and find the first event that differs.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  perjury check scenarios/bcr/first.toml")]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
}

pub(super) fn check(args: &Args, shell: &mut Shell) -> Outcome {
    if args.subject.file == "-" {
        let reason = "two processes cannot both read standard input; give a file";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let scenario = args.subject.scenario(shell)?;
    let words = args.subject.words();
    let compared = run::visit(&scenario, Checking { words });
    let refused = |refusal| Failure::Refused { path: args.subject.file.clone(), refusal };
    let file = &args.subject.file;
    match compared.map_err(refused)?? {
        Comparison::Same(digest) => {
            writeln!(shell, "{file}: the same run in both processes, digest {digest}")?;
            Ok(Exit::Held)
        }
        Comparison::Differs(difference) => {
            writeln!(shell, "{file}: NOT DETERMINISTIC: {difference}")?;
            Ok(Exit::NotDeterministic)
        }
    }
}

struct Checking {
    words: Vec<String>,
}

impl Visitor for Checking {
    type Outcome = io::Result<Comparison>;

    fn visit<P: Judged>(self, _: &Scenario, world: World<P>) -> io::Result<Comparison> {
        let mut children = Vec::new();
        let compared = twice::compare(&world, |form| {
            let (child, told) = start(&self.words, form)?;
            children.push(child);
            Ok(told)
        });
        for mut child in children {
            // It may still be telling what nobody needs to hear.
            let _ = child.kill();
            child.wait()?;
        }
        compared
    }
}

/// Starts another process of this program that tells its run.
fn start(words: &[String], form: Form) -> io::Result<(Child, BufReader<ChildStdout>)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("tell").args(words).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::null());
    if form == Form::Lines {
        command.arg("--lines");
    }
    let mut child = command.spawn()?;
    let told = child.stdout.take().ok_or_else(|| io::Error::other("the other process is mute"))?;
    Ok((child, BufReader::new(told)))
}
