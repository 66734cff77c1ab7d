//! What processes say to each other. Cheap to clone: whatever is large is shared.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rules::Replicated;
use super::statements::*;
use crate::choice::{Name, Subject};
use crate::crypto::{PublicKey, SecretKey, Signed};
use crate::process;

/// The kinds of messages, each in one word.
pub mod kind {
    use crate::choice::Name;

    /// From a client to a replica.
    pub const CLIENT_REQUEST: Name = Name::new("client_request");
    /// From another replica to the head.
    pub const FORWARDED_REQUEST: Name = Name::new("forwarded_request");
    /// From a replica to its successor.
    pub const SHUTTLE: Name = Name::new("shuttle");
    /// To a client, from a replica or Olympus.
    pub const RESULT: Name = Name::new("result");
    /// From a replica to its predecessor, or from the head to whoever forwarded a request.
    pub const RESULT_SHUTTLE: Name = Name::new("result_shuttle");
    /// From an immutable replica to a client.
    pub const ERROR: Name = Name::new("error");
    /// From a replica to its successor.
    pub const CHECKPOINT: Name = Name::new("checkpoint");
    /// From a replica to its predecessor.
    pub const COMPLETED_CHECKPOINT: Name = Name::new("completed_checkpoint");
    /// To Olympus, from anybody.
    pub const RECONFIGURATION_REQUEST: Name = Name::new("reconfiguration_request");
    /// From a client to Olympus.
    pub const GET_CONFIGURATION: Name = Name::new("get_configuration");
    /// From Olympus to a client.
    pub const CONFIGURATION: Name = Name::new("configuration");
    /// From Olympus to a replica.
    pub const WEDGE_REQUEST: Name = Name::new("wedge_request");
    /// From a replica to Olympus.
    pub const WEDGED: Name = Name::new("wedged");
    /// From Olympus to a replica.
    pub const CATCH_UP: Name = Name::new("catch_up");
    /// From a replica to Olympus.
    pub const CAUGHT_UP: Name = Name::new("caught_up");
    /// From Olympus to a replica.
    pub const GET_RUNNING_STATE: Name = Name::new("get_running_state");
    /// From a replica to Olympus.
    pub const RUNNING_STATE: Name = Name::new("running_state");
    /// From Olympus to a new replica.
    pub const NEW_CONFIGURATION: Name = Name::new("new_configuration");
    /// From a new replica to Olympus.
    pub const ACKNOWLEDGEMENT: Name = Name::new("acknowledgement");
    /// From Olympus to an old replica.
    pub const STOP: Name = Name::new("stop");

    /// All of them.
    pub const ALL: &[Name] = &[
        CLIENT_REQUEST,
        FORWARDED_REQUEST,
        SHUTTLE,
        RESULT,
        RESULT_SHUTTLE,
        ERROR,
        CHECKPOINT,
        COMPLETED_CHECKPOINT,
        RECONFIGURATION_REQUEST,
        GET_CONFIGURATION,
        CONFIGURATION,
        WEDGE_REQUEST,
        WEDGED,
        CATCH_UP,
        CAUGHT_UP,
        GET_RUNNING_STATE,
        RUNNING_STATE,
        NEW_CONFIGURATION,
        ACKNOWLEDGEMENT,
        STOP,
    ];
}

/// What a client needs beside the configuration, from Olympus, over an authenticated and private
/// link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientKeys {
    /// What it signs with.
    pub own: SecretKey,
    /// What Olympus signs with.
    pub olympus: PublicKey,
}

/// What one process says to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "O: Replicated", rename_all = "snake_case")]
pub enum Message<O: Replicated> {
    /// A client asks a replica.
    ClientRequest {
        /// What it asks.
        request: Arc<Signed<Request>>,
        /// Whether it asked this before, in vain.
        retransmitted: bool,
    },
    /// A replica passes a retransmitted request to the head.
    ForwardedRequest {
        /// What a client asked.
        request: Arc<Signed<Request>>,
    },
    /// A replica has ordered a request; now it is the successor's turn.
    Shuttle {
        /// What a client asked.
        request: Arc<Signed<Request>>,
        /// The order statements of the sender and all its predecessors.
        orders: OrderProof,
        /// Their result statements.
        results: ResultProof,
    },
    /// A replica answers a client.
    Result(Arc<ProvenResult>),
    /// A result travels back up the chain.
    ResultShuttle(Arc<ProvenResult>),
    /// Olympus answers a client.
    Delivery(Arc<Signed<Delivery>>),
    /// A replica does nothing for a client.
    Error(Arc<Signed<ErrorStatement>>),
    /// The replicas so far state the hash of their state at a slot.
    Checkpoint {
        /// Which slot.
        slot: u64,
        /// The sender's statement and those of all its predecessors.
        statements: CheckpointProof,
    },
    /// All replicas have stated it.
    CompletedCheckpoint {
        /// Which slot.
        slot: u64,
        /// Their statements.
        statements: CheckpointProof,
    },
    /// Somebody asks Olympus for a reconfiguration.
    ReconfigurationRequest(Arc<Plea>),
    /// A client asks Olympus which configuration is current.
    GetConfiguration {
        /// The one that it knows.
        known: Option<u32>,
    },
    /// Olympus tells a client which configuration is current.
    Configuration {
        /// Who is who in it.
        configuration: Arc<Signed<Configuration>>,
        /// For a client that knows no configuration.
        keys: Option<Arc<ClientKeys>>,
    },
    /// Olympus tells a replica to become immutable.
    WedgeRequest(Arc<Signed<WedgeRequest>>),
    /// A replica is immutable.
    Wedged(Arc<Signed<Wedged>>),
    /// Olympus tells a member of a quorum what it lacks.
    CatchUp(Arc<Signed<CatchUp>>),
    /// A member of a quorum lacks nothing more.
    CaughtUp(Arc<Signed<CaughtUp>>),
    /// Olympus asks a member of a quorum for its state.
    GetRunningState(Arc<Signed<GetRunningState>>),
    /// A member of a quorum hands over its state.
    RunningState(Arc<Signed<RunningState<O>>>),
    /// Olympus gives a new replica its state.
    NewConfiguration(Arc<Signed<NewConfiguration<O>>>),
    /// A new replica has its state.
    Acknowledgement {
        /// Of which configuration it is.
        configuration: u32,
    },
    /// Olympus needs an old replica no more.
    Stop {
        /// Of which configuration it is.
        configuration: u32,
    },
}

impl<O: Replicated> process::Message for Message<O> {
    fn kind(&self) -> Name {
        match self {
            Message::ClientRequest { .. } => kind::CLIENT_REQUEST,
            Message::ForwardedRequest { .. } => kind::FORWARDED_REQUEST,
            Message::Shuttle { .. } => kind::SHUTTLE,
            Message::Result(_) | Message::Delivery(_) => kind::RESULT,
            Message::ResultShuttle(_) => kind::RESULT_SHUTTLE,
            Message::Error(_) => kind::ERROR,
            Message::Checkpoint { .. } => kind::CHECKPOINT,
            Message::CompletedCheckpoint { .. } => kind::COMPLETED_CHECKPOINT,
            Message::ReconfigurationRequest(_) => kind::RECONFIGURATION_REQUEST,
            Message::GetConfiguration { .. } => kind::GET_CONFIGURATION,
            Message::Configuration { .. } => kind::CONFIGURATION,
            Message::WedgeRequest(_) => kind::WEDGE_REQUEST,
            Message::Wedged(_) => kind::WEDGED,
            Message::CatchUp(_) => kind::CATCH_UP,
            Message::CaughtUp(_) => kind::CAUGHT_UP,
            Message::GetRunningState(_) => kind::GET_RUNNING_STATE,
            Message::RunningState(_) => kind::RUNNING_STATE,
            Message::NewConfiguration(_) => kind::NEW_CONFIGURATION,
            Message::Acknowledgement { .. } => kind::ACKNOWLEDGEMENT,
            Message::Stop { .. } => kind::STOP,
        }
    }

    fn subject(&self) -> Subject {
        match self {
            Message::ClientRequest { request, .. } | Message::ForwardedRequest { request } => {
                Subject::of(request.body().client.into(), request.body().id)
            }
            Message::Shuttle { orders, .. } => {
                Subject::number(orders.newest().map_or(0, |order| order.body().slot))
            }
            Message::Result(proven) | Message::ResultShuttle(proven) => {
                Subject::of(proven.client.into(), proven.id)
            }
            Message::Delivery(delivery) => {
                Subject::of(delivery.body().client.into(), delivery.body().id)
            }
            Message::Checkpoint { slot, .. } | Message::CompletedCheckpoint { slot, .. } => {
                Subject::number(*slot)
            }
            Message::Wedged(wedged) => {
                let Wedged { position, configuration, .. } = *wedged.body();
                Subject::of(position.into(), configuration.into())
            }
            _ => Subject::number(self.step()),
        }
    }
}

impl<O: Replicated> Message<O> {
    /// Which configuration, or which attempt to replace one, a rare message is about.
    fn step(&self) -> u64 {
        match self {
            Message::Error(error) => error.body().configuration.into(),
            Message::ReconfigurationRequest(plea) => plea.request.body().configuration.into(),
            Message::GetConfiguration { known } => known.map_or(0, |known| u64::from(known) + 1),
            Message::Configuration { configuration, .. } => configuration.body().number.into(),
            Message::WedgeRequest(request) => request.body().configuration.into(),
            Message::CatchUp(catch_up) => catch_up.body().attempt.into(),
            Message::CaughtUp(caught_up) => caught_up.body().attempt.into(),
            Message::GetRunningState(get) => get.body().attempt.into(),
            Message::RunningState(running) => running.body().attempt.into(),
            Message::NewConfiguration(new) => new.body().configuration.into(),
            Message::Acknowledgement { configuration } | Message::Stop { configuration } => {
                (*configuration).into()
            }
            _ => 0,
        }
    }
}
