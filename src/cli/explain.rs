//! `perjury explain`: what led to a violation, and from when on it could not be avoided.

use std::io::Write as _;
use std::path::PathBuf;

use crate::explore::explain::{Chance, Explanation, Parting, explain_what as why};
use crate::run;
use crate::time::Instant;
use crate::trace::Line;

use super::args::{Subject, titled};
use super::place;
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Explain a violation: what led to it, which event decided it, from when on it was unavoidable.
#[derive(clap::Args)]
#[command(after_help = "\
At many points of the run it is gone on with many times, with other delays: the share of these
futures that break is the chance of the violation at that point. Where no delay is left to chance,
messages take the usual time on average.
Exit codes: 0 if nothing breaks, whatever the scenario expects; 1 if something does, 3 if that is
undecided, 5 beyond tolerance.

Examples:
  perjury explain scenarios/bcr/accepted_operation_lost_under_quorum.toml
  perjury explain findings/extension-4f2c9a10.toml --futures 200 --picture past.mmd")]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// What this judge found, instead of what was found first.
    #[arg(long, value_name = "NAME")]
    judge: Option<String>,
    /// How many futures are drawn at each point.
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    futures: u32,
    /// Print every event that led to it, instead of those that matter most.
    #[arg(long)]
    events: bool,
    /// Write what led to it to this file, as a sequence diagram for Mermaid.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// How many run at a time; one for each processor, without.
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
}

pub(super) fn explain(args: &Args, shell: &mut Shell) -> Outcome {
    let scenario = args.subject.scenario(shell)?;
    let refused = |refusal| Failure::Refused { path: args.subject.file.clone(), refusal };
    args.picture.as_deref().map_or(Ok(()), |path| place::file("--picture", path))?;
    let pool = super::pool(args.jobs)?;
    let report = run::run(&scenario).map_err(refused)?;
    let charge = super::args::charge(&report, args.judge.as_deref(), &args.subject.file)?;
    let judge = charge.as_ref().map(|charge| charge.judge.as_str());
    let explained = match judge {
        Some(_) => pool.install(|| why(&scenario, judge, args.futures)).map_err(refused)?,
        None => None,
    };
    let Some(why) = explained else {
        writeln!(shell, "{}: nothing breaks: {}", args.subject.file, report.verdict)?;
        return Ok(Exit::from(report.verdict));
    };
    tell(args, &why, shell)?;
    if let Some(path) = &args.picture {
        place::store(path, &why.past.to_mermaid())?;
    }
    Ok(Exit::from(why.report.verdict))
}

fn tell(args: &Args, why: &Explanation, shell: &mut Shell) -> std::io::Result<()> {
    let Explanation { report, finding, charge, past, futures, .. } = why;
    let text = &finding.text;
    writeln!(shell, "{}: {}: {}: {text}", args.subject.file, report.verdict, charge.judge)?;
    let enough = match why.is_enough {
        Some(true) => "; with everybody stopped after his part in it, the same breaks",
        Some(false) => "; with everybody stopped after his part in it, it does not break",
        None => "",
    };
    writeln!(shell, "  past         {} of {} events led to it{enough}", past.lines.len(), past.of)?;
    let telling = past.lines.iter().filter(|line| args.events || line.is_telling());
    for line in telling {
        writeln!(shell, "    {}", short(line))?;
    }
    match &why.jump {
        Some((line, before, after)) => {
            writeln!(shell, "  decided      by {}", short(line))?;
            writeln!(
                shell,
                "               before it {before} of {futures} futures break, after it {after}"
            )?;
        }
        None if why.chances.first().is_some_and(|first| first.broke == *futures) => {
            writeln!(shell, "  decided      from the beginning, by the faults and the workload")?
        }
        None => writeln!(shell, "  decided      by no single event: the chance rises bit by bit")?,
    }
    match &why.unavoidable {
        Some(line) => writeln!(shell, "  unavoidable  after {}", short(line))?,
        None => writeln!(shell, "  unavoidable  only when it shows")?,
    }
    if let Some(Parting { without, event, here, there }) = &why.nearest {
        let ended = || "(the run had ended)".to_owned();
        let shown = |line: &Option<Line>| line.as_ref().map_or_else(ended, short);
        let title = titled(&args.subject.file, &args.subject.changes());
        writeln!(
            shell,
            "  nearest      nothing of it breaks in B; the runs part at event {event}:"
        )?;
        writeln!(shell, "    A: {title}")?;
        writeln!(shell, "    B: {title}, {without}")?;
        writeln!(shell, "    A  {}", shown(here))?;
        writeln!(shell, "    B  {}", shown(there))?;
    }
    writeln!(shell, "  chance       futures of {futures} that break, where that changes")?;
    changes(&why.chances).try_for_each(|chance| row(chance, *futures, shell))
}

/// The points where the chance is another than at the one before.
fn changes(chances: &[Chance]) -> impl Iterator<Item = &Chance> {
    let before = [None].into_iter().chain(chances.iter().map(Some));
    let changed = chances.iter().zip(before);
    changed
        .filter(|(chance, before)| before.is_none_or(|before| before.broke != chance.broke))
        .map(|(chance, _)| chance)
}

fn row(chance: &Chance, futures: u32, shell: &mut Shell) -> std::io::Result<()> {
    const WIDTH: u32 = 40;
    let bar = "#".repeat((chance.broke * WIDTH / futures) as usize);
    let (at, event) = (Instant(chance.at_ns), format!("#{}", chance.event));
    writeln!(shell, "    {at} {event:<7}{:>5}  {bar}", chance.broke)
}

/// A line that fits one.
fn short(line: &Line) -> String {
    const LONGEST: usize = 150;
    let text = line.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
