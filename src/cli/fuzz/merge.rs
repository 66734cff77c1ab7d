//! `perjury fuzz merge`: put the parts of a campaign together.

use std::path::PathBuf;

use crate::cli::args::bytes_of;
use crate::cli::shell::Shell;
use crate::cli::{Failure, Outcome};
use crate::explore::record::{Record, RecordError};

use super::outcome;
use super::progress::Progress;

/// Put the parts of a campaign together: the outcome is that of the campaign in one part.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  for i in 0 1 2 3; do perjury fuzz bcr --runs 40000 --shard $i/4 --json > $i.jsonl; done
  perjury fuzz merge 0.jsonl 1.jsonl 2.jsonl 3.jsonl")]
pub(super) struct Args {
    /// What `perjury fuzz … --shard INDEX/COUNT --json` printed, all parts.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// Write what was found to this folder: a scenario, a test and a picture each; to findings,
    /// without.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the outcome to this file too, as a page for a browser.
    #[arg(long, value_name = "PAGE")]
    report: Option<PathBuf>,
    /// How many scenarios are tried at a time when a finding is made small.
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
}

pub(super) fn merge(args: &Args, shell: &mut Shell) -> Outcome {
    let wrong = |path: &str, error: RecordError| Failure::Usage(format!("{path}: {error}"));
    let places = outcome::Places { out: args.out.as_deref(), report: args.report.as_deref() };
    places.can_be_written_to(shell)?;
    let mut parts = Vec::new();
    for path in &args.files {
        let bytes = bytes_of(path)?;
        let text = String::from_utf8_lossy(&bytes);
        parts.push(
            Record::from_lines(&text, &Default::default()).map_err(|error| wrong(path, error))?,
        );
    }
    let merged = Record::merge(parts).map_err(|(place, error)| match place {
        Some(place) => wrong(&args.files[place], error),
        None => Failure::Usage(error.to_string()),
    })?;
    let mut progress = Progress::of_shrinking();
    let pool = crate::cli::pool(args.jobs)?;
    outcome::tell(&merged, places, &pool, &mut progress, shell)
}
