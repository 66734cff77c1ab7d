//! `perjury lint`: read scenarios and explain what is wrong with them.

use std::io::Write as _;

use crate::scenario::Severity;
use crate::words::counted;

use super::args::{Reader, report};
use super::shell::Shell;
use super::{Exit, Outcome};

/// Read scenarios and explain what is wrong with them; run nothing. Warnings alone exit with 0.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury lint scenarios/bcr/*.toml
  perjury lint --lenient --short old-tests/*.config")]
pub(super) struct Args {
    /// The scenarios.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    #[command(flatten)]
    reader: Reader,
    /// One line for each finding, `file:line:column: …`, as editors and scripts read it.
    #[arg(long)]
    short: bool,
}

pub(super) fn lint(args: &Args, shell: &mut Shell) -> Outcome {
    let [mut accepted, mut warned, mut refused] = [0_u32; 3];
    for path in &args.files {
        let reading = match args.reader.read(path) {
            Ok(reading) => reading,
            Err(failure) => {
                shell.complain(&failure.to_string());
                refused += 1;
                continue;
            }
        };
        match args.short {
            true => reading.diagnostics.iter().for_each(|found| shell.say(&found.compact())),
            false => report(&reading.diagnostics, shell),
        }
        let errors = reading.diagnostics.iter().any(|found| found.severity() == Severity::Error);
        let count = match (errors || reading.scenario.is_none(), reading.diagnostics.is_empty()) {
            (true, _) => &mut refused,
            (false, true) => &mut accepted,
            (false, false) => &mut warned,
        };
        *count += 1;
    }
    let all = counted(args.files.len(), "file", "files");
    writeln!(
        shell,
        "{all}: {accepted} accepted, {warned} accepted with warnings, {refused} refused"
    )?;
    Ok(if refused > 0 { Exit::BadInput } else { Exit::Held })
}
