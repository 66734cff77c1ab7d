//! What `run --real` and the programs of its nodes say to each other: a line of JSON each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::net::{NodeNumber, Peer, Standing};

/// To a node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// Take this part.
    Take {
        /// The node's number.
        number: NodeNumber,
        /// The scenario, in its TOML form.
        scenario: String,
        /// Where to record.
        folder: PathBuf,
    },
    /// Play it.
    Play {
        /// All nodes.
        nodes: Vec<Peer>,
        /// When time begins, in nanoseconds since 1970.
        origin_ns: u64,
    },
    /// Tell how you stand.
    Tell,
    /// End.
    Stop,
}

/// From a node: what comes of an order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// It has a part, and is here.
    Here(Peer),
    /// It plays.
    Plays,
    /// It stands so.
    Stands(Standing),
    /// It has ended.
    Stopped,
}
