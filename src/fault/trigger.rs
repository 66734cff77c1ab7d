//! When a replica fails: on the receipt of a certain message, counted.

use std::fmt;

use crate::choice::Name;

/// The message whose receipt sets a failure off.
///
/// Numbers count the receipts of one type (and of one client, where the type names one) by one
/// replica process, from 0, before any validation; each configuration starts again at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// A request directly from a client, retransmissions included.
    ClientRequest {
        /// The client, from 0.
        client: u32,
        /// The how manieth such message, from 0.
        number: u64,
    },
    /// A request that another replica passed on to the head.
    ForwardedRequest {
        /// The client, from 0.
        client: u32,
        /// The how manieth such message, from 0.
        number: u64,
    },
    /// A shuttle with a request of that client.
    Shuttle {
        /// The client, from 0.
        client: u32,
        /// The how manieth such message, from 0.
        number: u64,
    },
    /// A result shuttle with a result for that client.
    ResultShuttle {
        /// The client, from 0.
        client: u32,
        /// The how manieth such message, from 0.
        number: u64,
    },
    /// Olympus asks the replica to become immutable.
    WedgeRequest {
        /// The how manieth such message, from 0.
        number: u64,
    },
    /// The replica's configuration begins; 0 is the first change after the initial one.
    NewConfiguration {
        /// The how manieth such message, from 0.
        number: u64,
    },
    /// A checkpoint on its way to the tail.
    Checkpoint {
        /// The how manieth such message, from 0.
        number: u64,
    },
    /// A checkpoint with all statements on its way back to the head.
    CompletedCheckpoint {
        /// The how manieth such message, from 0.
        number: u64,
    },
    /// Olympus asks for the running state.
    GetRunningState {
        /// The how manieth such message, from 0.
        number: u64,
    },
    /// Olympus sends the operations that the replica lacks.
    CatchUp {
        /// The how manieth such message, from 0.
        number: u64,
    },
    /// A message of this kind, whoever sent it and whatever it says.
    Received {
        /// Its kind.
        kind: Name,
        /// The how manieth such message, from 0.
        number: u64,
    },
}

impl Trigger {
    /// The message whose receipt it is, in a word.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Received { kind, .. } => kind.text(),
            named => named.name(),
        }
    }

    /// The name in the scenario text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientRequest { .. } => "client_request",
            Self::ForwardedRequest { .. } => "forwarded_request",
            Self::Shuttle { .. } => "shuttle",
            Self::ResultShuttle { .. } => "result_shuttle",
            Self::WedgeRequest { .. } => "wedge_request",
            Self::NewConfiguration { .. } => "new_configuration",
            Self::Checkpoint { .. } => "checkpoint",
            Self::CompletedCheckpoint { .. } => "completed_checkpoint",
            Self::GetRunningState { .. } => "get_running_state",
            Self::CatchUp { .. } => "catch_up",
            Self::Received { .. } => "received",
        }
    }

    /// The client that the trigger names, if its message type has one.
    #[must_use]
    pub const fn client(self) -> Option<u32> {
        match self {
            Self::ClientRequest { client, .. }
            | Self::ForwardedRequest { client, .. }
            | Self::Shuttle { client, .. }
            | Self::ResultShuttle { client, .. } => Some(client),
            _ => None,
        }
    }

    /// The how manieth message of its type sets the failure off, from 0.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::ClientRequest { number, .. }
            | Self::ForwardedRequest { number, .. }
            | Self::Shuttle { number, .. }
            | Self::ResultShuttle { number, .. }
            | Self::WedgeRequest { number }
            | Self::NewConfiguration { number }
            | Self::Checkpoint { number }
            | Self::CompletedCheckpoint { number }
            | Self::GetRunningState { number }
            | Self::CatchUp { number }
            | Self::Received { number, .. } => number,
        }
    }

    /// The same trigger for a message of another client, if its message type has one.
    #[must_use]
    pub const fn with_client(mut self, other: u32) -> Self {
        match &mut self {
            Self::ClientRequest { client, .. }
            | Self::ForwardedRequest { client, .. }
            | Self::Shuttle { client, .. }
            | Self::ResultShuttle { client, .. } => *client = other,
            _ => {}
        }
        self
    }

    /// The same trigger for another message of its type.
    #[must_use]
    pub const fn with_number(mut self, other: u64) -> Self {
        match &mut self {
            Self::ClientRequest { number, .. }
            | Self::ForwardedRequest { number, .. }
            | Self::Shuttle { number, .. }
            | Self::ResultShuttle { number, .. }
            | Self::WedgeRequest { number }
            | Self::NewConfiguration { number }
            | Self::Checkpoint { number }
            | Self::CompletedCheckpoint { number }
            | Self::GetRunningState { number }
            | Self::CatchUp { number }
            | Self::Received { number, .. } => *number = other,
        }
        self
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.client()) {
            (Self::Received { kind, number }, _) => write!(f, "received({kind},{number})"),
            (_, Some(client)) => write!(f, "{}({client},{})", self.name(), self.number()),
            (_, None) => write!(f, "{}({})", self.name(), self.number()),
        }
    }
}
