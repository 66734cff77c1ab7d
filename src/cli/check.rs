//! `perjury check`: is it the same run in another process?
//!
//! The files are read once; the other process is handed their bytes on its standard input.

use std::io::{self, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::judge::Judged;
use crate::run::{self, Visitor};
use crate::scenario::Scenario;
use crate::sim::World;
use crate::twice::{self, Comparison, Form};

use super::args::{Given, Subject};
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
    let given = args.subject.given()?;
    let scenario = args.subject.understand(&given, shell)?;
    let words = args.subject.words();
    let compared = run::visit(&scenario, Checking { words: &words, given: &given });
    let file = &args.subject.file;
    let refused = |refusal| Failure::Refused { path: file.clone(), refusal };
    let failed = |error| Failure::Usage(format!("{file}: {error}"));
    match compared.map_err(refused)?.map_err(failed)? {
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

struct Checking<'a> {
    words: &'a [String],
    given: &'a Given,
}

impl Visitor for Checking<'_> {
    type Outcome = io::Result<Comparison>;

    fn visit<P: Judged>(self, _: &Scenario, world: World<P>) -> io::Result<Comparison> {
        twice::compare(&world, |form| {
            let mut command = Command::new(std::env::current_exe()?);
            let length = self.given.scenario.len().to_string();
            command.args(["tell", "--scenario-bytes", &length]);
            if form == Form::Lines {
                command.arg("--lines");
            }
            command.args(self.words);
            let tape = self.given.tape.as_deref().unwrap_or_default();
            let told = Told::start(&mut command, &[&self.given.scenario, tape])?;
            Ok(BufReader::new(told))
        })
    }
}

/// What another process tells. Its end is that of the process, which must be a good one.
struct Told {
    child: Child,
    out: ChildStdout,
}

impl Told {
    /// Starts the process and hands it its input.
    fn start(command: &mut Command, input: &[&[u8]]) -> io::Result<Told> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let out = child.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?;
        let mut told = Told { child, out };
        if let Some(mut stdin) = told.child.stdin.take() {
            // One that does not listen says why at its end.
            let _ = input.iter().try_for_each(|part| stdin.write_all(part));
        }
        Ok(told)
    }

    /// Why the process failed, if it did.
    fn end(&mut self) -> io::Result<()> {
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        let mut said = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            stderr.take(MOST_SAID).read_to_string(&mut said).ok();
        }
        let said = if said.trim().is_empty() { "nothing" } else { said.trim() };
        Err(io::Error::other(format!(
            "the second process came to no end that could be compared ({status}); it said: {said}"
        )))
    }
}

/// So much of what a process says about its failure is passed on.
const MOST_SAID: u64 = 4_096;

impl Read for Told {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.out.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            self.end()?;
        }
        Ok(read)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        // It may still be telling what nobody needs to hear.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn told(script: &str) -> io::Result<String> {
        let mut told = Told::start(Command::new("sh").args(["-c", script]), &[b"in", b"put"])?;
        let mut text = String::new();
        told.read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn what_a_process_is_handed_and_tells_comes_through() {
        assert_eq!(told("cat").unwrap(), "input");
    }

    #[test]
    fn a_process_that_fails_tells_nothing_that_could_be_compared() {
        let error = told("echo half; echo 'no such file' >&2; exit 2").unwrap_err().to_string();
        assert!(error.contains("no such file") && error.contains("exit status: 2"), "{error}");
        assert!(told("kill -9 $$").is_err());
    }
}
