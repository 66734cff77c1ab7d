//! What is signed. Each statement binds all that it says under a domain of its own, configuration
//! and slot included, so that nothing can be replayed elsewhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::rules::Replicated;
use crate::crypto::{Digest, Hasher, Notary, PublicKey, Signed, Statement};
use crate::identity::{Class, Identity};
use crate::object::{Canonical, Operation, ReplicatedState, Reply};

/// A client's wish, signed by the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Who wishes.
    pub client: u32,
    /// The client's own number for it; each is larger than those before.
    pub id: u64,
    /// What is to be done.
    pub operation: Operation,
}

impl Statement for Request {
    /// Also what order and result statements name the request by.
    fn hash(&self) -> Digest {
        let mut hasher = Hasher::new("bcr request");
        hasher.u32(self.client).u64(self.id);
        self.operation.feed(|piece| {
            hasher.bytes(piece);
        });
        hasher.finish()
    }
}

/// A replica puts a request into a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Of which configuration.
    pub configuration: u32,
    /// Which slot, from 1.
    pub slot: u64,
    /// The hash of client, request id and operation.
    pub request: Digest,
}

impl Statement for Order {
    #[inline]
    fn hash(&self) -> Digest {
        Hasher::new("bcr order")
            .u32(self.configuration)
            .u64(self.slot)
            .digest(&self.request)
            .finish()
    }
}

/// A replica tells what came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultStatement {
    /// In which configuration.
    pub configuration: u32,
    /// In which slot.
    pub slot: u64,
    /// Whose request.
    pub client: u32,
    /// The client's number for it.
    pub id: u64,
    /// The hash of client, request id and operation.
    pub request: Digest,
    /// The hash of the result.
    pub result: Digest,
}

impl ResultStatement {
    /// Whether both speak of one request in one slot; the results may differ.
    pub fn is_about_the_same(&self, other: &ResultStatement) -> bool {
        self.slot == other.slot
            && self.configuration == other.configuration
            && (self.client, self.id) == (other.client, other.id)
            && self.request == other.request
    }
}

impl Statement for ResultStatement {
    #[inline]
    fn hash(&self) -> Digest {
        Hasher::about(&self.request, "result")
            .u32(self.configuration)
            .u64(self.slot)
            .u32(self.client)
            .u64(self.id)
            .digest(&self.result)
            .finish()
    }
}

/// A replica tells the hash of its state after a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointStatement {
    /// In which configuration.
    pub configuration: u32,
    /// After which slot.
    pub slot: u64,
    /// The hash of the running state.
    pub state: Digest,
}

impl Statement for CheckpointStatement {
    fn hash(&self) -> Digest {
        Hasher::new("bcr checkpoint")
            .u32(self.configuration)
            .u64(self.slot)
            .digest(&self.state)
            .finish()
    }
}

/// The order statements of the replicas 0 to i for one slot.
pub type OrderProof = Chain<Signed<Order>>;
/// The result statements of replicas, from the head on, for one request in one slot.
pub type ResultProof = Chain<Signed<ResultStatement>>;
/// The checkpoint statements of replicas, from the head on, for one slot.
pub type CheckpointProof = Chain<Signed<CheckpointStatement>>;

/// The slot that a checkpoint proof is about; 0 for none.
pub fn checkpoint_slot(proof: &CheckpointProof) -> u64 {
    proof.newest().map_or(0, |statement| statement.body().slot)
}

/// A result with the statements that vouch for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenResult {
    /// Whose request.
    pub client: u32,
    /// The client's number for it.
    pub id: u64,
    /// The result.
    pub reply: Reply,
    /// Who vouches for it.
    pub statements: ResultProof,
}

impl ProvenResult {
    /// The slot that it is said to have had.
    pub fn slot(&self) -> u64 {
        self.statements.newest().map_or(0, |statement| statement.body().slot)
    }

    /// The configuration that it is said to come from.
    pub fn configuration(&self) -> Option<u32> {
        self.statements.newest().map(|statement| statement.body().configuration)
    }
}

/// Who is who in a configuration: signed by Olympus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Which one.
    pub number: u32,
    /// The replicas' public keys, head first.
    pub replicas: Vec<PublicKey>,
    /// The clients' public keys, by their numbers.
    pub clients: Vec<PublicKey>,
}

impl Configuration {
    /// How many replicas it has.
    pub fn size(&self) -> usize {
        self.replicas.len()
    }

    /// How many of its replicas may be faulty.
    pub fn t(&self) -> usize {
        self.replicas.len() / 2
    }

    /// The replica at a position.
    pub fn replica(&self, position: usize) -> Identity {
        Identity::replica(self.number, position as u32)
    }

    /// All its replicas.
    pub fn members(&self) -> impl Iterator<Item = Identity> + use<> {
        let number = self.number;
        (0..self.replicas.len() as u32).map(move |position| Identity::replica(number, position))
    }

    /// Whether this is one of its replicas.
    pub fn has(&self, who: Identity) -> bool {
        self.key_of(who).is_some()
    }

    /// Whether one of its replicas signed this.
    pub fn signed<T: Statement>(&self, statement: &Signed<T>, notary: &mut Notary) -> bool {
        self.key_of(statement.signer()).is_some_and(|key| statement.verify(key, notary))
    }

    /// Whether there is such a client.
    pub fn has_client(&self, client: u32) -> bool {
        (client as usize) < self.clients.len()
    }

    /// Whether this is a request that its client signed.
    pub fn signed_by_client(&self, request: &Signed<Request>, notary: &mut Notary) -> bool {
        let client = request.body().client;
        request.signer() == Identity::client(client)
            && self.clients.get(client as usize).is_some_and(|key| request.verify(key, notary))
    }

    fn key_of(&self, who: Identity) -> Option<&PublicKey> {
        let is_member = who.class == Class::Replica && who.configuration == self.number;
        self.replicas.get(who.index as usize).filter(|_| is_member)
    }
}

impl Statement for Configuration {
    const OVER_KEYS: bool = true;

    fn hash(&self) -> Digest {
        let mut hasher = Hasher::new("bcr configuration");
        hasher.u32(self.number).u64(self.replicas.len() as u64);
        for key in self.replicas.iter().chain(&self.clients) {
            hasher.bytes(key.as_bytes());
        }
        hasher.finish()
    }
}

/// Why somebody asks for a reconfiguration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Reason {
    /// No result came in time for a retransmitted request.
    TimerExpired = 0,
    /// The predecessor left out a slot.
    SlotGap = 1,
    /// A signature of the predecessor's message is invalid.
    InvalidSignature = 2,
    /// A statement is missing in the predecessor's message.
    MissingStatement = 3,
    /// Two order statements for one slot differ.
    ContradictingOrders = 4,
    /// The order statements name an operation that is not the client's.
    WrongOperation = 5,
    /// The client's signature in a shuttle is invalid.
    BadClientSignature = 6,
    /// A shuttle carries a request that is older than the client's last executed one.
    OldRequest = 7,
    /// A result proof fails its rule.
    BadResultProof = 8,
    /// A checkpoint proof fails its rule.
    BadCheckpointProof = 9,
    /// Result statements for one request differ.
    ContradictingResults = 10,
    /// A client's workload says so.
    Wish = 11,
}

/// Somebody asks for a reconfiguration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconfigurationRequest {
    /// Which configuration should be replaced.
    pub configuration: u32,
    /// Why.
    pub reason: Reason,
}

impl Statement for ReconfigurationRequest {
    fn hash(&self) -> Digest {
        Hasher::new("bcr reconfiguration request")
            .u32(self.configuration)
            .u8(self.reason as u8)
            .finish()
    }
}

/// Two validly signed statements that cannot both be honest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contradiction {
    /// Two requests in one slot.
    Orders(Signed<Order>, Signed<Order>),
    /// Two results of one request in one slot.
    Results(Signed<ResultStatement>, Signed<ResultStatement>),
}

/// A reconfiguration request as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plea {
    /// What is asked, and by whom.
    pub request: Signed<ReconfigurationRequest>,
    /// Whoever is no replica of that configuration must prove that somebody lied.
    pub proof: Option<Contradiction>,
}

/// Why a replica does nothing for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ErrorReason {
    /// It is immutable.
    Immutable = 0,
}

/// A replica tells a client that it will not order the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorStatement {
    /// Of which configuration it is.
    pub configuration: u32,
    /// Why.
    pub reason: ErrorReason,
}

impl Statement for ErrorStatement {
    fn hash(&self) -> Digest {
        Hasher::new("bcr error").u32(self.configuration).u8(self.reason as u8).finish()
    }
}

/// Olympus tells the replicas of a configuration to order nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WedgeRequest {
    /// Which configuration.
    pub configuration: u32,
}

impl Statement for WedgeRequest {
    fn hash(&self) -> Digest {
        Hasher::new("bcr wedge request").u32(self.configuration).finish()
    }
}

/// One slot of a history, as a wedged message tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Which slot.
    pub slot: u64,
    /// The client's request.
    pub request: Arc<Signed<Request>>,
    /// The order statements of the teller and all its predecessors.
    pub orders: OrderProof,
}

/// An immutable replica tells what it has ordered since its last completed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wedged {
    /// Of which configuration it is.
    pub configuration: u32,
    /// Its place in the chain.
    pub position: u32,
    /// The proof of its last completed checkpoint; empty for none.
    pub checkpoint: CheckpointProof,
    /// What it ordered after that.
    pub history: Vec<Recorded>,
}

impl Wedged {
    /// The slot of its checkpoint; 0 for none.
    pub fn checkpoint_slot(&self) -> u64 {
        checkpoint_slot(&self.checkpoint)
    }

    /// The last slot that it ordered.
    pub fn last_slot(&self) -> u64 {
        self.history.last().map_or(self.checkpoint_slot(), |entry| entry.slot)
    }
}

impl Statement for Wedged {
    fn hash(&self) -> Digest {
        let mut hasher = Hasher::new("bcr wedged");
        hasher.u32(self.configuration).u32(self.position);
        add_statements(&mut hasher, &self.checkpoint);
        hasher.u64(self.history.len() as u64);
        for entry in &self.history {
            hasher.u64(entry.slot).digest(entry.request.hash());
            add_statements(&mut hasher, &entry.orders);
        }
        hasher.finish()
    }
}

/// Adds who states what; a statement that equals the one before it takes one byte.
fn add_statements<T>(hasher: &mut Hasher, statements: &Chain<Signed<T>>) {
    hasher.u64(statements.len() as u64);
    let mut last = None;
    for statement in statements.backwards() {
        hasher.u64(statement.signer().pack());
        if last == Some(statement.hash()) {
            hasher.u8(1);
        } else {
            hasher.u8(0).digest(statement.hash());
        }
        last = Some(statement.hash());
    }
}

/// Olympus tells a member of a quorum what it lacks of the longest history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatchUp {
    /// In which configuration.
    pub configuration: u32,
    /// In which attempt of its reconfiguration.
    pub attempt: u32,
    /// The slots after the member's last one, with their requests; perhaps none.
    pub requests: Vec<(u64, Arc<Signed<Request>>)>,
}

impl Statement for CatchUp {
    fn hash(&self) -> Digest {
        let mut hasher = Hasher::new("bcr catch up");
        hasher.u32(self.configuration).u32(self.attempt);
        for (slot, request) in &self.requests {
            hasher.u64(*slot).digest(request.hash());
        }
        hasher.finish()
    }
}

/// A member of a quorum tells the result of a client's last request on its caught-up copy.
///
/// It counts only together with others inside what Olympus signs: the copy may be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaughtUpResult {
    /// In which attempt.
    pub attempt: u32,
    /// What is told.
    pub result: ResultStatement,
}

impl Statement for CaughtUpResult {
    fn hash(&self) -> Digest {
        Hasher::new("bcr caught-up result").u32(self.attempt).digest(&self.result.hash()).finish()
    }
}

/// A client's last result as a member of a quorum has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastResult {
    /// The result.
    pub reply: Reply,
    /// The member's word for it.
    pub statement: Signed<CaughtUpResult>,
}

/// A member of a quorum has caught up, on a copy of its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaughtUp {
    /// In which configuration.
    pub configuration: u32,
    /// In which attempt.
    pub attempt: u32,
    /// The last slot that the copy has executed.
    pub last_slot: u64,
    /// The hash of the copy.
    pub state: Digest,
    /// The last results of all clients that had a request ordered in this configuration.
    pub results: Vec<LastResult>,
}

impl Statement for CaughtUp {
    fn hash(&self) -> Digest {
        let mut hasher = Hasher::new("bcr caught up");
        hasher.u32(self.configuration).u32(self.attempt).u64(self.last_slot).digest(&self.state);
        for last in &self.results {
            hasher.digest(last.statement.hash()).digest(&result_hash(&last.reply));
        }
        hasher.finish()
    }
}

/// Olympus asks a member of a quorum for the copy that all members agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRunningState {
    /// In which configuration.
    pub configuration: u32,
    /// Of which attempt.
    pub attempt: u32,
}

impl Statement for GetRunningState {
    fn hash(&self) -> Digest {
        Hasher::new("bcr get running state").u32(self.configuration).u32(self.attempt).finish()
    }
}

/// A member of a quorum hands over its copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "O: Replicated")]
pub struct RunningState<O: Replicated> {
    /// In which configuration.
    pub configuration: u32,
    /// Of which attempt.
    pub attempt: u32,
    /// The copy.
    pub state: ReplicatedState<O>,
}

impl<O: Replicated> Statement for RunningState<O> {
    fn hash(&self) -> Digest {
        Hasher::new("bcr running state")
            .u32(self.configuration)
            .u32(self.attempt)
            .digest(&state_hash(&self.state))
            .finish()
    }
}

/// Olympus gives the replicas of a new configuration their state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "O: Replicated")]
pub struct NewConfiguration<O: Replicated> {
    /// Which configuration.
    pub configuration: u32,
    /// The state that it begins with.
    pub state: ReplicatedState<O>,
}

impl<O: Replicated> Statement for NewConfiguration<O> {
    fn hash(&self) -> Digest {
        Hasher::new("bcr new configuration")
            .u32(self.configuration)
            .digest(&state_hash(&self.state))
            .finish()
    }
}

/// Olympus tells a client a result that a reconfiguration saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Whose request.
    pub client: u32,
    /// The client's number for it.
    pub id: u64,
    /// The result.
    pub reply: Reply,
    /// The word of all members of the quorum.
    pub statements: Vec<Signed<CaughtUpResult>>,
}

impl Statement for Delivery {
    fn hash(&self) -> Digest {
        let mut hasher = Hasher::new("bcr delivery");
        hasher.u32(self.client).u64(self.id).digest(&result_hash(&self.reply));
        for statement in &self.statements {
            hasher.u64(statement.signer().pack()).digest(statement.hash());
        }
        hasher.finish()
    }
}

/// The hash of a result, as statements carry it.
pub fn result_hash(reply: &Reply) -> Digest {
    Digest::from_bytes(reply.digest())
}

/// The hash of a running state: of its object and of each client's last request and result.
pub fn state_hash<O: Replicated>(state: &ReplicatedState<O>) -> Digest {
    Digest::from_bytes(state.state_hash())
}
