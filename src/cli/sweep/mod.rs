//! `perjury sweep`: every failure at every message and place, as a matrix.

mod html;
mod matrix;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use crate::explore::Kinds;
use crate::explore::sweep::{Cell, Outcome as Came, Sweep};
use crate::scenario::{Scenario, to_toml};

use super::args::Subject;
use super::bar::Bar;
use super::shell::Shell;
use super::{Exit, Failure, Outcome};
use matrix::Matrix;

/// Run a scenario with every failure at every message and place, one at a time.
#[derive(clap::Args)]
#[command(after_help = "\
Every cell is the scenario with one fault more: a failure of one replica, on one message. Messages
that come only when replicas are replaced are reached if the scenario has them replaced.
Exit codes: 0 nothing broke; 1 something broke within tolerance; 3 a limit was reached; 5 something
broke, all of it beyond tolerance.

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
    let refused = |refusal| Failure::Refused { path: args.subject.file.clone(), refusal };
    let mut sweep = match args.pairs {
        false => Sweep::of(&scenario).map_err(refused)?,
        true => Sweep::of_pairs(&scenario).map_err(refused)?,
    };
    if !args.only.is_empty() {
        let kinds = Kinds::named(args.only.iter().map(String::as_str));
        let kinds = kinds.map_err(|unknown| Failure::Usage(format!("--only: {unknown}")))?;
        sweep = sweep.only(|failure| kinds.has(failure.name()));
    }
    let pool = super::pool(args.jobs)?;
    let bar = Bar::new(sweep.len() as u64);
    let mut goes_on = |done: usize| bar.shows(done as u64, format!("{done} cells"));
    let cells = pool.install(|| sweep.run(&mut goes_on));
    bar.ends();
    bar.tells_speed(cells.len() as u64, shell);
    let matrix = Matrix::new(&scenario, &cells);
    writeln!(shell, "{}: {}", args.subject.file, Counts(&cells))?;
    write!(shell, "{matrix}")?;
    broken(args, &sweep, &cells, shell)?;
    if let Some(path) = &args.html {
        let wrong = |error| Failure::File { path: path.display().to_string(), error };
        fs::write(path, html::page(&args.subject.file, &scenario, &cells)).map_err(wrong)?;
    }
    Ok(exit(&cells))
}

fn exit(cells: &[Cell]) -> Exit {
    match cells.iter().map(|cell| &cell.outcome).max() {
        Some(Came::Broken { .. }) => Exit::Broken,
        Some(Came::Beyond { .. }) => Exit::BeyondTolerance,
        Some(Came::Undecided) => Exit::Undecided,
        _ => Exit::Held,
    }
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
            let wrong = |error| Failure::File { path: path.display().to_string(), error };
            fs::create_dir_all(folder).map_err(wrong)?;
            let description = format!("{} {judge}: {}", word, matrix::told(&cell.faults));
            let scenario = Scenario { description, ..sweep.scenario(&cell.faults) };
            fs::write(&path, to_toml(&scenario)).map_err(wrong)?;
            writeln!(shell, "  again  perjury run {}", path.display())?;
        }
    }
    Ok(())
}

/// How many cells came to what.
struct Counts<'a>(&'a [Cell]);

impl std::fmt::Display for Counts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} cells", self.0.len())?;
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
