//! Whether anything is left to do at a node.
//!
//! A run on many nodes is over when nothing is left to do anywhere. Each can tell that of itself
//! alone. If all of them say so, are asked again, and have not moved since, then it was true of all
//! at one moment: a message under way between them would have been missed by its sender the first
//! time, or moved its receiver before the second.

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::arrival::{Arrival, Inlet};
use super::served::Served;

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether everybody has begun who lives from the beginning.
    pub has_begun: bool,
    /// Whether nothing is left to do: no message on its way from here, nobody asleep, and no timer
    /// that anybody waits for.
    pub is_quiet: bool,
    /// Grows whenever something happens here.
    pub moves: u64,
    /// When a failure was last set off here, or somebody woke who had stood still.
    pub trouble_ns: u64,
    /// The time here.
    pub now_ns: u64,
}

/// Asks a node how it stands.
pub(super) struct Asking(Box<dyn Fn(oneshot::Sender<Standing>) -> bool + Send>);

impl Asking {
    pub(super) fn through<P: Served>(inlet: Inlet<P>) -> Asking {
        Asking(Box::new(move |answer| inlet.blocking_send(Arrival::Asked(answer)).is_ok()))
    }

    /// How the node stands; none, if it has ended. Not to be called where tasks run.
    pub(super) fn ask(&self) -> Option<Standing> {
        let (answer, told) = oneshot::channel();
        if !(self.0)(answer) {
            return None;
        }
        told.blocking_recv().ok()
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asking")
    }
}
