//! `perjury convert`: print a scenario in its TOML form.

use std::io::Write as _;

use crate::scenario;

use super::args::Reader;
use super::shell::Shell;
use super::{Exit, Outcome};

/// Print a scenario in its TOML form. The run of both has the same digest.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  perjury convert --lenient old-test.config > new-test.toml")]
pub(super) struct Args {
    /// The scenario, in either format; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    reader: Reader,
}

pub(super) fn convert(args: &Args, shell: &mut Shell) -> Outcome {
    let scenario = args.reader.scenario(&args.file, shell)?;
    write!(shell, "{}", scenario::to_toml(&scenario))?;
    Ok(Exit::Held)
}
