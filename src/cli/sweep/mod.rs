//! `perjury sweep`: every failure at every message and place, as a matrix.

mod html;
mod matrix;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::explore::Kinds;
use crate::explore::sweep::{Cell, Outcome as Came, Sweep, Unswept};
use crate::fault::text;
use crate::scenario::{Scenario, Verdict, to_toml};
use crate::time::Instant;
use crate::view::Report;
use crate::words::counted;

use super::args::Subject;
use super::bar::Bar;
use super::pictured::show;
use super::place::{self, store};
use super::shell::Shell;
use super::{Exit, Failure, Outcome};
use matrix::Matrix;

/// Run a scenario with every failure at every message and place, one at a time.
#[derive(clap::Args)]
#[command(after_help = "\
Every cell is the scenario with one fault more: a failure of one replica, on one message. Messages
that come only when replicas are replaced are reached if the scenario has them replaced. Of each
kind there are as many as a replica receives in the scenario by itself, and at least as many as
there are requests.
Ctrl-C ends early, with the cells that were run. Exit codes: 0 nothing broke; 1 something broke
within tolerance; 3 a limit was reached, in a cell or by itself, or not all cells were run; 5
something broke, all of it beyond tolerance.

Examples:
  perjury sweep scenarios/bcr/first.toml
  perjury sweep mine.toml --html sweep.html
  perjury sweep mine.toml --pairs --only crash,early_reply,rollback --out found")]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Two faults of one replica instead of one, each on the first message of its kind.
    #[arg(long)]
    pairs: bool,
    /// These failures alone, or lies for all that are more than silence.
    #[arg(long, value_name = "FAILURE,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Write the matrix to this file, as a page with every cell.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the scenarios of broken cells to this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many run at a time; one for each processor, without.
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
}

pub(super) fn sweep(args: &Args, shell: &mut Shell) -> Outcome {
    let scenario = args.subject.scenario(shell)?;
    let file = &args.subject.file;
    args.out.as_deref().map_or(Ok(()), |out| place::folder("--out", out))?;
    args.html.as_deref().map_or(Ok(()), |page| place::file("--html", page))?;
    let kinds = match args.only.is_empty() {
        true => Kinds::all(),
        false => Kinds::named(args.only.iter().map(String::as_str))
            .map_err(|unknown| Failure::Usage(format!("--only: {unknown}")))?,
    };
    unswept(&args.only, shell);
    let wanted = |failure: crate::fault::Failure| kinds.has(failure.name());
    let swept = match args.pairs {
        false => Sweep::of(&scenario, wanted),
        true => Sweep::of_pairs(&scenario, wanted),
    };
    let sweep = swept.map_err(|why| match why {
        Unswept::Refused(refusal) => Failure::Refused { path: file.clone(), refusal },
        why @ Unswept::TooLarge => Failure::Usage(format!("{file}: {why}")),
    })?;
    if sweep.is_empty() {
        return Err(Failure::Usage(format!(
            "{file}: there is no cell: no replica can have such a failure on any message"
        )));
    }
    if sweep.verdict() != Verdict::Held {
        let verdict = sweep.verdict();
        shell.say(&format!("{file}: {verdict} by itself, whatever is added to it in a cell"));
    }
    let pool = super::pool(args.jobs)?;
    let bar = Bar::new(sweep.len() as u64);
    let mut goes_on = |done: usize| bar.shows(done as u64, format!("{done} cells"));
    let cells = pool.install(|| sweep.run(&mut goes_on, &Bar::is_interrupted));
    bar.ends();
    bar.tells_speed(cells.len() as u64, shell);
    let matrix = Matrix::new(&scenario, &cells);
    let is_cut = cells.len() < sweep.len();
    let cut = if is_cut { format!("INTERRUPTED, of {} ", sweep.len()) } else { String::new() };
    writeln!(shell, "{file}: {cut}{}", Counts(&cells))?;
    write!(shell, "{matrix}")?;
    outages(&cells, shell)?;
    broken(args, &sweep, &cells, shell)?;
    if let Some(path) = &args.html {
        let title = format!("{file}{}", if is_cut { ", interrupted" } else { "" });
        let mut report = html::page(&title, &scenario, &cells);
        report.paragraph(&bar.speed(cells.len() as u64));
        findings(args, path, &sweep, &cells, &mut report)?;
        store(path, &report.page())?;
    }
    let is_open = is_cut || sweep.verdict() == Verdict::Undecided;
    Ok(match exit(&cells) {
        Exit::Held if is_open => Exit::Undecided,
        exit => exit,
    })
}

/// Says which of the kinds that were asked for are no failures of replicas.
fn unswept(only: &[String], shell: &mut Shell) {
    for name in only {
        let kinds = Kinds::named([name.as_str()]).unwrap_or_else(|_| Kinds::none());
        if !text::failure_names().any(|failure| kinds.has(failure)) {
            shell.say(&format!("--only {name}: this is no failure of a replica: it is not swept"));
        }
    }
}

/// How often the replicas had to be replaced, and how long clients waited for it.
fn outages(cells: &[Cell], shell: &mut Shell) -> std::io::Result<()> {
    let mut recovered: BTreeMap<u64, (u64, u64, &Cell)> = BTreeMap::new();
    for cell in cells {
        if let Came::Recovered { reconfigurations, outage_ns } = cell.outcome {
            let (count, longest, worst) =
                recovered.entry(reconfigurations).or_insert((0, outage_ns, cell));
            *count += 1;
            if outage_ns > *longest {
                (*longest, *worst) = (outage_ns, cell);
            }
        }
    }
    for (reconfigurations, (count, longest_ns, worst)) in recovered {
        let (longest, worst) = (Instant(longest_ns), matrix::told(&worst.faults));
        let times = counted(reconfigurations, "reconfiguration", "reconfigurations");
        writeln!(
            shell,
            "  {count} recovered with {times}; the longest wait took {longest} s: {worst}"
        )?;
    }
    Ok(())
}

fn exit(cells: &[Cell]) -> Exit {
    match cells.iter().map(|cell| &cell.outcome).max() {
        Some(Came::Broken { .. }) => Exit::Broken,
        Some(Came::Beyond { .. }) => Exit::BeyondTolerance,
        Some(Came::Undecided) => Exit::Undecided,
        _ => Exit::Held,
    }
}

/// How many broken cells a page shows with their pictures.
const PICTURED: usize = 12;

/// Adds the cells that broke to a page, each with its picture and the command that runs it again.
fn findings(
    args: &Args,
    page: &Path,
    sweep: &Sweep,
    cells: &[Cell],
    report: &mut Report,
) -> Result<(), Failure> {
    let judge = |cell: &Cell| match cell.outcome {
        Came::Broken { judge } => Some(("BROKEN", judge)),
        Came::Beyond { judge } => Some(("beyond tolerance", judge)),
        _ => None,
    };
    let broken: Vec<(usize, &Cell, (&str, &str))> =
        (0..).zip(cells).filter_map(|(number, cell)| Some((number, cell, judge(cell)?))).collect();
    report.heading("Findings");
    if broken.is_empty() {
        report.paragraph("None.");
    }
    for (number, cell, (word, judge)) in broken.iter().take(PICTURED) {
        if Bar::is_interrupted() {
            report.paragraph("Interrupted: the rest was not drawn.");
            return Ok(());
        }
        report.heading(&format!("{word}: {judge}: {}", matrix::told(&cell.faults)));
        match &args.out {
            Some(folder) => {
                let path = folder.join(format!("cell-{number}.toml"));
                report.lines(&format!("perjury run {}", path.display()));
            }
            None => {
                report.paragraph("Save the scenario below to run it again, or sweep with --out.")
            }
        }
        show(page, &format!("cell-{number}"), &sweep.scenario(&cell.faults), report)?;
    }
    if broken.len() > PICTURED {
        report.paragraph(&format!("And {} more: see the matrix.", broken.len() - PICTURED));
    }
    Ok(())
}

/// Names the cells that broke, and writes their scenarios.
fn broken(args: &Args, sweep: &Sweep, cells: &[Cell], shell: &mut Shell) -> Result<(), Failure> {
    for (number, cell) in cells.iter().enumerate() {
        let (word, judge) = match &cell.outcome {
            Came::Broken { judge } => ("BROKEN", judge),
            Came::Beyond { judge } => ("beyond", judge),
            _ => continue,
        };
        writeln!(shell, "{word}  {judge}: {}", matrix::told(&cell.faults))?;
        if let Some(folder) = &args.out {
            let path = folder.join(format!("cell-{number}.toml"));
            let description = format!("{} {judge}: {}", word, matrix::told(&cell.faults));
            let scenario = Scenario { description, ..sweep.scenario(&cell.faults) };
            store(&path, &to_toml(&scenario))?;
            writeln!(shell, "  again  perjury run {}", path.display())?;
        }
    }
    Ok(())
}

/// How many cells came to what.
struct Counts<'a>(&'a [Cell]);

impl std::fmt::Display for Counts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&counted(self.0.len(), "cell", "cells"))?;
        for (symbol, word) in matrix::SYMBOLS {
            let is = |cell: &&Cell| matrix::symbol(&cell.outcome) == symbol;
            let count = self.0.iter().filter(is).count();
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        Ok(())
    }
}
