//! `perjury schema`: print the JSON Schema of scenarios.

use std::io::Write as _;

use crate::scenario;

use super::shell::Shell;
use super::{Exit, Outcome};

pub(super) fn schema(shell: &mut Shell) -> Outcome {
    writeln!(shell, "{:#}", scenario::json_schema())?;
    Ok(Exit::Held)
}
