//! `perjury explore`: every order of a small world.

use std::io::Write as _;

use crate::explore::{self, Bounds, Explored, Step, Unfit, Walk};
use crate::judge::Finding;
use crate::scenario::Scenario;
use crate::words::counted;

use super::args::{Subject, command};
use super::bar::Bar;
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Walk all orders in which the messages of a small scenario can arrive, under its judges.
///
/// A timer runs out when no message is on its way, any that runs, in all orders. What the walk
/// leaves out it says: ways on which more timers run out, more states than may be walked.
#[derive(clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing is broken in any order; 1 something is, within tolerance; 3 not all was seen,
or somebody waits for an answer where the bound on timers ends a way; 5 something is broken, beyond
tolerance.

Examples:
  perjury explore small.toml --crashes 1           a replica crashes, anywhere
  perjury explore small.toml --timers 6 --early 1  one timer runs out too early
  perjury explore small.toml --way 0x9.2.0x4       one way again, with what happened on it")]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Walk so many states at most.
    #[arg(long, value_name = "NUMBER", default_value_t = Bounds::default().states)]
    states: u64,
    /// How many timers run out on one way.
    #[arg(long, value_name = "NUMBER", default_value_t = Bounds::default().timers)]
    timers: u32,
    /// How many of these run out early, while messages are on their way.
    #[arg(long, value_name = "NUMBER", default_value_t = Bounds::default().early)]
    early: u32,
    /// How many replicas crash on one way, each at any point.
    #[arg(long, value_name = "NUMBER", default_value_t = Bounds::default().crashes)]
    crashes: u32,
    /// Go one way again, as a walk printed it, and print what happens on it.
    #[arg(long, value_name = "WAY")]
    way: Option<Walk>,
}

pub(super) fn explore(args: &Args, shell: &mut Shell) -> Outcome {
    let scenario = args.subject.scenario(shell)?;
    let Args { states, timers, early, crashes, .. } = *args;
    let bounds = Bounds { states, timers, early, crashes };
    match &args.way {
        Some(way) => retrace(args, &scenario, bounds, way, shell),
        None => walk(args, &scenario, bounds, shell),
    }
}

fn unfit(args: &Args, unfit: Unfit) -> Failure {
    let path = args.subject.file.clone();
    match unfit {
        Unfit::Refused(refusal) => Failure::Refused { path, refusal },
        unfit @ Unfit::Chance(..) => Failure::Usage(format!("{path}: {unfit}")),
    }
}

fn walk(args: &Args, scenario: &Scenario, bounds: Bounds, shell: &mut Shell) -> Outcome {
    let bar = Bar::new(bounds.states);
    let mut goes_on =
        |so_far: &Explored| bar.shows(so_far.states, format!("{} states", so_far.states));
    let explored = explore::explore_while(scenario, bounds, &mut goes_on);
    bar.ends();
    let explored = explored.map_err(|why| unfit(args, why))?;
    let Explored { states, steps, ends, longest, unanswered, .. } = explored;
    let path = &args.subject.file;
    let Some((finding, way, within)) = found(&explored) else {
        let cut = explored.timers_cut || explored.states_cut;
        let open = explored.states_cut || unanswered > 0;
        let word = if open { "undecided" } else { "held" };
        writeln!(shell, "{path}: {word}")?;
        if open {
            writeln!(shell, "  so far      nothing is broken in any order")?;
        }
        let (all, between) = (counted(states, "state", "states"), counted(steps, "step", "steps"));
        writeln!(shell, "  walked      {all}, {between} between them")?;
        let longest = counted(longest, "step", "steps");
        writeln!(shell, "  ends        {ends}, the farthest after {longest}")?;
        let timers = counted(bounds.timers, "timer", "timers");
        let crashes = counted(bounds.crashes, "crash", "crashes");
        writeln!(shell, "  bounds      {timers}, {} of them early; {crashes}", bounds.early)?;
        if cut {
            let what = match explored.states_cut {
                true if Bar::is_interrupted() => "there are more states: it was interrupted",
                true => "there are more states: give more with --states",
                false => "on some ways more timers would run out: give more with --timers",
            };
            writeln!(shell, "  left out    {what}")?;
        }
        if unanswered > 0 {
            writeln!(shell, "  unanswered  in {unanswered} of the ends somebody would ask again")?;
        }
        return Ok(if open { Exit::Undecided } else { Exit::Held });
    };
    let word = if within { "BROKEN" } else { "broken beyond tolerance" };
    writeln!(shell, "{path}: {word}: {}", finding.judge)?;
    writeln!(shell, "  {}", finding.text)?;
    let states = counted(states, "state", "states");
    writeln!(shell, "  after {states}, in event {} of this way:", finding.event)?;
    let mut words = args.subject.words();
    let Bounds { timers, early, crashes, .. } = bounds;
    for (option, value) in [("--timers", timers), ("--early", early), ("--crashes", crashes)] {
        words.extend([option.to_owned(), value.to_string()]);
    }
    words.extend(["--way".to_owned(), way.to_string()]);
    writeln!(shell, "  again: {}", command("explore", words))?;
    Ok(if within { Exit::Broken } else { Exit::BeyondTolerance })
}

/// What was found: first what is within what the protocol bears.
fn found(explored: &Explored) -> Option<(&Finding, &Walk, bool)> {
    let within = explored.broken.as_ref().map(|(finding, way)| (finding, way, true));
    within.or_else(|| explored.beyond.as_ref().map(|(finding, way)| (finding, way, false)))
}

fn retrace(
    args: &Args,
    scenario: &Scenario,
    bounds: Bounds,
    way: &Walk,
    shell: &mut Shell,
) -> Outcome {
    let mut lost = false;
    let mut written = Ok(());
    let mut tell = |step: Step| {
        if written.is_err() {
            return;
        }
        written = match step {
            Step::Taken(what, of) => writeln!(shell, "-- {what} (one of {of})"),
            Step::Event(line) => writeln!(shell, "{line}"),
            Step::Lost => {
                lost = true;
                Ok(())
            }
        };
    };
    let broken =
        explore::retrace(scenario, bounds, way, &mut tell).map_err(|why| unfit(args, why))?;
    written?;
    if lost {
        return Err(Failure::Usage(
            "the way leads nowhere from here on; give the scenario, options and bounds with \
             which it was found"
                .to_owned(),
        ));
    }
    let Some((finding, within)) = broken else {
        return Ok(Exit::Held);
    };
    let word = if within { "BROKEN" } else { "broken beyond tolerance" };
    writeln!(shell, "{word}: {}: {}", finding.judge, finding.text)?;
    Ok(if within { Exit::Broken } else { Exit::BeyondTolerance })
}
