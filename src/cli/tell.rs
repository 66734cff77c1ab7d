//! `perjury tell`: tells another process about a run, for `perjury check`.

use crate::sim::World;

use crate::judge::Judged;
use crate::run::{self, Visitor};
use crate::scenario::Scenario;

use super::args::Subject;
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Tell another process about a run.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Tell every event instead of digests.
    #[arg(long)]
    lines: bool,
}

pub(super) fn tell(args: &Args, shell: &mut Shell) -> Outcome {
    let scenario = args.subject.scenario(shell)?;
    let told = run::visit(&scenario, Telling { lines: args.lines, out: shell });
    told.map_err(|refusal| Failure::Refused { path: args.subject.file.clone(), refusal })??;
    Ok(Exit::Held)
}

struct Telling<'a> {
    lines: bool,
    out: &'a mut Shell,
}

impl Visitor for Telling<'_> {
    type Outcome = std::io::Result<()>;

    fn visit<P: Judged>(self, _: &Scenario, world: World<P>) -> std::io::Result<()> {
        match self.lines {
            true => crate::twice::tell_lines(world, self.out),
            false => crate::twice::tell_digests(world, self.out),
        }
    }
}
