//! What users ask of the clients of any protocol, beside their workloads and after them.

use serde::{Deserialize, Serialize};

use crate::object::{Operation, Reply};

/// What may be asked of a client from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// That an operation is executed.
    Ask(Operation),
}

/// What the outside is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What the operation gave.
    Result(Reply),
    /// The operation is not executed: too many wait already.
    Busy,
    /// The operation is not executed: only clients take any.
    NotAClient,
}
