//! Byzantine chain replication: van Renesse, Ho and Schiper, OPODIS 2012.
//!
//! 2t + 1 replicas stand in a chain. A client's request enters at the head; each replica puts it
//! into the same slot, executes it, signs an *order* and a *result* statement and sends both on, in
//! a **shuttle**, to its successor. The tail answers the client with the result and everybody's
//! result statements, and the same goes back up the chain as a **result shuttle**. When something
//! looks wrong, a replica asks **Olympus**, the one process that everybody trusts, for a new
//! configuration: Olympus makes the replicas immutable, finds t + 1 of them that agree on what was
//! ordered, and hands their state to new replicas with new keys.
//!
//! # Where to read
//!
//! [`statements`] is what is signed, [`messages`] what is sent, [`proof`] how lists of statements
//! are checked; [`rules`] has every decision. The replica is in parts, each one concern: requests
//! and their retransmission, ordering, results, checkpoints, asking for a reconfiguration.
//!
//! # How clients get to know the system
//!
//! Olympus makes all keys. A client is born with its number, its workload and nothing secret. It
//! knows the way to Olympus, over a link that is authenticated and private on both sides (a real
//! deployment: TLS with certificates that the operator gave out), and asks there for the
//! configuration. The first answer also holds the client's own signing key and the key of Olympus,
//! by which it checks later configurations and results that Olympus sends. Replicas are spawned by
//! Olympus, which hands them their keys in the birth.

mod adversary;
pub mod chain;
mod client;
pub mod messages;
pub mod notes;
mod olympus;
pub mod proof;
mod quirks;
mod replica;
pub mod rules;
mod settings;
pub mod statements;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use adversary::Liar;
pub use client::Client;
pub use messages::Message;
pub use notes::Note;
pub use olympus::Olympus;
pub use quirks::Quirk;
pub use replica::Replica;
pub use rules::{Rules, Sound};
pub use settings::{Accept, CheckpointProof, Deliver, Settings};

pub use super::users::{Answer, Command};

use crate::crypto::{PublicKey, SecretKey, Signed};
use crate::object::{ReplicatedState, Workload};
use crate::process::{self, Field, Input, Outbox, Protocol};
use crate::time::Now;
use statements::Configuration;

/// The protocol under these rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bcr<R: Rules = Sound>(PhantomData<R>);

/// What a process waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// A client: for a result, or for the configuration.
    Client,
    /// The head: for the result shuttle of a retransmitted request.
    Head {
        /// Whose request.
        client: u32,
        /// The client's number for it.
        request: u64,
    },
    /// Another replica: for the result shuttle of a request that it forwarded.
    Nonhead {
        /// Whose request.
        client: u32,
        /// The client's number for it.
        request: u64,
    },
    /// A replica that asked for a reconfiguration: for the wedge request.
    Plea,
    /// Olympus: for the answers to a step of a reconfiguration.
    Step,
    /// Olympus: for acknowledgements of a new configuration.
    Acknowledgements,
}

/// What a process is born from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "R: Rules", rename_all = "snake_case")]
pub enum Birth<R: Rules> {
    /// Olympus, which makes everything else but the clients.
    Olympus {
        /// The knobs.
        settings: Settings<R>,
        /// How many clients there are.
        clients: u32,
    },
    /// A replica. Only Olympus can make one.
    Replica(Box<ReplicaBirth<R>>),
    /// A client.
    Client {
        /// The knobs.
        settings: Settings<R>,
        /// Its number.
        number: u32,
        /// What it asks for, in order.
        workload: Workload,
    },
}

/// What a replica is born from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "R: Rules")]
pub struct ReplicaBirth<R: Rules> {
    /// The knobs.
    pub settings: Settings<R>,
    /// What it signs with.
    pub key: SecretKey,
    /// Who is who in its configuration.
    pub configuration: Arc<Signed<Configuration>>,
    /// By what it knows the word of Olympus.
    pub olympus: PublicKey,
    /// The state that it begins with; without one, it waits for it.
    pub state: Option<ReplicatedState<R::Object>>,
}

/// A process of this protocol.
#[derive(Clone, Debug)]
pub enum Process<R: Rules> {
    /// Olympus.
    Olympus(Box<Olympus<R>>),
    /// A replica.
    Replica(Box<Replica<R>>),
    /// A client.
    Client(Box<Client<R>>),
}

impl<R: Rules> Protocol for Bcr<R> {
    const NAME: &'static str = "bcr";
    type Message = Message<R::Object>;
    type Timer = Timer;
    type Note = Note;
    type Birth = Birth<R>;
    type Command = Command;
    type Answer = Answer;
    type Process = Process<R>;

    fn born(birth: Birth<R>) -> Process<R> {
        match birth {
            Birth::Olympus { settings, clients } => {
                Process::Olympus(Box::new(Olympus::new(settings, clients)))
            }
            Birth::Replica(birth) => Process::Replica(Box::new(Replica::new(*birth))),
            Birth::Client { settings, number, workload } => {
                Process::Client(Box::new(Client::new(settings, number, &workload)))
            }
        }
    }

    /// Replicas that do not acknowledge their state may be gone; if nobody asks for anything, they
    /// are not missed.
    fn is_idle(timer: &Timer) -> bool {
        *timer == Timer::Acknowledgements
    }
}

impl<R: Rules> process::Process<Bcr<R>> for Process<R> {
    fn handle(&mut self, _: Now, input: Input<Bcr<R>>, out: &mut Outbox<Bcr<R>>) {
        match self {
            Process::Olympus(olympus) => olympus.handle(input, out),
            Process::Replica(replica) => replica.handle(input, out),
            Process::Client(client) => client.handle(input, out),
        }
    }

    fn look(&self) -> Vec<Field> {
        match self {
            Process::Olympus(olympus) => olympus.look(),
            Process::Replica(replica) => replica.look(),
            Process::Client(client) => client.look(),
        }
    }
}

/// Where these processes put their effects.
type Out<R> = Outbox<Bcr<R>>;
