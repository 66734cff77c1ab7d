//! `perjury new`: print a commented scenario to start from.

use std::io::Write as _;

use crate::scenario;

use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Print a commented scenario to start from.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  perjury new bcr > mine.toml")]
pub(super) struct Args {
    /// The protocol.
    #[arg(value_name = "PROTOCOL", default_value = "bcr")]
    protocol: String,
}

pub(super) fn new(args: &Args, shell: &mut Shell) -> Outcome {
    let template = scenario::template(&args.protocol).ok_or_else(|| {
        Failure::Usage(format!(
            "there is no protocol '{}'; there are: {}",
            args.protocol,
            scenario::TEMPLATES.join(", ")
        ))
    })?;
    write!(shell, "{template}")?;
    Ok(Exit::Held)
}
