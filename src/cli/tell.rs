//! `perjury tell`: tells another process about a run, for `perjury check`.

use std::io::{self, Read as _};

use crate::judge::Judged;
use crate::run::{self, Visitor};
use crate::scenario::{Diagnosis, MAX_BYTES, MAX_TAPE_BYTES, Scenario};
use crate::sim::World;

use super::args::{Given, Subject};
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Tell another process about a run.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// So many bytes of standard input are the scenario, the rest is the tape.
    #[arg(long, value_name = "NUMBER")]
    scenario_bytes: usize,
    /// Tell every event instead of digests.
    #[arg(long)]
    lines: bool,
}

pub(super) fn tell(args: &Args, shell: &mut Shell) -> Outcome {
    // Whoever listens has said what there is to say, unless this process reads something else.
    let (scenario, diagnostics) = args.subject.read(&given(args)?)?;
    let wrong = || diagnostics.last().map_or_else(String::new, Diagnosis::compact);
    let scenario = scenario.ok_or_else(|| Failure::Usage(wrong()))?;
    let told = run::visit(&scenario, Telling { lines: args.lines, out: shell });
    told.map_err(|refusal| Failure::Refused { path: args.subject.file.clone(), refusal })??;
    Ok(Exit::Held)
}

/// What the other process read, under the names by which it did.
fn given(args: &Args) -> io::Result<Given> {
    let most = (MAX_BYTES + MAX_TAPE_BYTES) as u64 + 1;
    let mut scenario = Vec::new();
    io::stdin().lock().take(most).read_to_end(&mut scenario)?;
    let tape = scenario.split_off(args.scenario_bytes.min(scenario.len()));
    Ok(Given { scenario, tape: Some(tape) })
}

struct Telling<'a> {
    lines: bool,
    out: &'a mut Shell,
}

impl Visitor for Telling<'_> {
    type Outcome = io::Result<()>;

    fn visit<P: Judged>(self, _: &Scenario, world: World<P>) -> io::Result<()> {
        match self.lines {
            true => crate::twice::tell_lines(world, self.out),
            false => crate::twice::tell_digests(world, self.out),
        }
    }
}
