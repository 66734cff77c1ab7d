//! `perjury schema`: print the JSON Schema of scenarios, or of logs.

use std::io::Write as _;

use crate::{scenario, trace};

use super::shell::Shell;
use super::{Exit, Outcome};

/// Print the JSON Schema of scenarios, for editors, or that of a log's lines.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Of what.
    #[arg(value_name = "WHAT", default_value = "scenario")]
    of: Of,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Of {
    /// A scenario in TOML.
    Scenario,
    /// A line of what `run --log json` prints.
    Log,
}

pub(super) fn schema(args: &Args, shell: &mut Shell) -> Outcome {
    let schema = match args.of {
        Of::Scenario => scenario::json_schema(),
        Of::Log => trace::json_schema(),
    };
    writeln!(shell, "{schema:#}")?;
    Ok(Exit::Held)
}
