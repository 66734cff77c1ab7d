//! How users' requests become commands of a protocol, and its answers become text.

use crate::object::Operation;
use crate::process::Protocol;
use crate::protocol::bcr::{self, Bcr, Rules};

/// A protocol that serves users: its client processes can be asked for operations.
pub trait Served: Protocol {
    /// The command that asks for an operation.
    fn command(operation: Operation) -> Self::Command;

    /// What a user is told.
    ///
    /// # Errors
    ///
    /// If the operation was not carried out: why, with what to do about it.
    fn result(answer: Self::Answer) -> Result<String, String>;
}

impl<R: Rules> Served for Bcr<R> {
    fn command(operation: Operation) -> bcr::Command {
        bcr::Command::Ask(operation)
    }

    fn result(answer: bcr::Answer) -> Result<String, String> {
        match answer {
            bcr::Answer::Result(reply) => Ok(reply.to_string()),
            bcr::Answer::Busy => Err("too many requests wait; ask again later".to_owned()),
            bcr::Answer::NotAClient => {
                Err("this was given to a process that executes nothing; serve again".to_owned())
            }
        }
    }
}
