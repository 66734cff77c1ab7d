//! One server, unreplicated: what everything else is compared with.
//!
//! The server holds the object and executes requests in the order in which they come; to which
//! number they came is nobody's business, so there are no slots, no statements and no signatures.
//! A client asks for one thing at a time and asks again when no answer comes in time. The server
//! keeps each client's last reply: a request that comes a second time is answered as before, and
//! executed once.
//!
//! # What it promises
//!
//! As long as the server lives: every request is executed once, what clients see is linearizable,
//! and everybody is answered whatever the network loses, doubles or holds back for a time. It bears
//! no fault at all, t = 0: the server's memory is all that there is, and a crash takes it. A server
//! that lives again would have forgotten what it promised, so it stays away, and its clients wait
//! for ever.
//!
//! # Where to read
//!
//! [`Server`] and [`Client`] are all; this page has their words.

mod adversary;
mod client;
mod server;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use client::Client;
pub use server::Server;

pub use super::users::{Answer, Command};

use crate::choice::{Name, Subject};
use crate::identity::Identity;
use crate::object::{Operation, Reply, Workload};
use crate::process::{self, Field, Input, Milestone, Outbox, Protocol};
use crate::time::{Now, SECOND_NS};

/// The protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Solo;

/// Who the server is.
pub const SERVER: Identity = Identity::replica(0, 0);

/// What may differ from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// How long a client waits for a reply before it asks again.
    pub timeout_ns: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { timeout_ns: 3 * SECOND_NS }
    }
}

/// What one process says to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A client asks the server.
    Ask {
        /// The client's number for the request, larger than all before.
        request: u64,
        /// What is to be executed.
        operation: Operation,
    },
    /// The server has executed it.
    Told {
        /// Which request.
        request: u64,
        /// What it gave.
        reply: Reply,
    },
}

/// From a client to the server.
pub const ASK: Name = Name::new("ask");
/// Back to it.
pub const TOLD: Name = Name::new("told");

impl process::Message for Message {
    fn kind(&self) -> Name {
        match self {
            Message::Ask { .. } => ASK,
            Message::Told { .. } => TOLD,
        }
    }

    fn subject(&self) -> Subject {
        let (Message::Ask { request, .. } | Message::Told { request, .. }) = self;
        Subject::number(*request)
    }
}

/// What a process waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// A client: for a reply.
    Client,
}

/// What a process is born from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Birth {
    /// The server.
    Server,
    /// A client.
    Client {
        /// The knobs.
        settings: Settings,
        /// Its number.
        number: u32,
        /// What it asks for, in order.
        workload: Workload,
    },
}

/// What processes put on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A client makes a request.
    Asked {
        /// Which client.
        client: u32,
        /// Its own number for the request.
        request: u64,
        /// What it asks for.
        operation: Operation,
    },
    /// A client has its answer.
    Answered {
        /// Which client.
        client: u32,
        /// Its own number for the request.
        request: u64,
        /// The result.
        result: Reply,
    },
    /// A client has nothing more to ask.
    Finished {
        /// Which client.
        client: u32,
    },
    /// No answer came in time: a client asks again.
    Retransmits {
        /// Which client.
        client: u32,
        /// Its own number for the request.
        request: u64,
    },
    /// The server executed a request.
    Executed {
        /// Its number among all, from 1.
        number: u64,
        /// Whose it is.
        client: u32,
        /// The client's number for it.
        request: u64,
        /// What was executed.
        operation: Operation,
        /// What it gave.
        result: Reply,
    },
    /// The server answers a request again that it had executed.
    Repeats {
        /// Whose it is.
        client: u32,
        /// The client's number for it.
        request: u64,
    },
}

impl Note {
    /// What all notes are called in the trace.
    pub const NAMES: &[&str] =
        &["asked", "answered", "finished", "retransmits", "executed", "repeats"];
}

impl process::Note for Note {
    fn milestone(&self) -> Option<Milestone<'_>> {
        match self {
            Note::Asked { client, request, operation } => {
                Some(Milestone::Asked { client: *client, request: *request, operation })
            }
            Note::Answered { client, request, result } => {
                Some(Milestone::Answered { client: *client, request: *request, result })
            }
            Note::Finished { client } => Some(Milestone::Finished { client: *client }),
            _ => None,
        }
    }
}

/// A process of this protocol.
#[derive(Clone, Debug)]
pub enum Process {
    /// The server.
    Server(Box<Server>),
    /// A client.
    Client(Box<Client>),
}

impl Protocol for Solo {
    const NAME: &'static str = "solo";
    type Message = Message;
    type Timer = Timer;
    type Note = Note;
    type Birth = Birth;
    type Command = Command;
    type Answer = Answer;
    type Process = Process;

    fn born(birth: Birth) -> Process {
        match birth {
            Birth::Server => Process::Server(Box::default()),
            Birth::Client { settings, number, workload } => {
                Process::Client(Box::new(Client::new(settings, number, &workload)))
            }
        }
    }
}

impl process::Process<Solo> for Process {
    fn handle(&mut self, _: Now, input: Input<Solo>, out: &mut Out) {
        match self {
            Process::Server(server) => server.handle(input, out),
            Process::Client(client) => client.handle(input, out),
        }
    }

    fn look(&self) -> Vec<Field> {
        match self {
            Process::Server(server) => server.look(),
            Process::Client(client) => client.look(),
        }
    }
}

/// Where these processes put their effects.
type Out = Outbox<Solo>;
