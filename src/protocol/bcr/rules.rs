//! Every decision of the protocol, as a method: the place where a reader finds it, and where
//! another answer can be put in without touching a process.
//!
//! The methods' bodies are the protocol's true answers. [`Sound`] takes all of them and costs
//! nothing; a variant overrides one.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::messages::kind;
use super::proof::{self, Flaw, Judgement, OrderFlaw};
use super::settings::{Accept, CheckpointProof as ProofRule, Settings};
use super::statements::*;
use crate::choice::Name;
use crate::crypto::{Digest, Notary, Signed};
use crate::identity::{Class, Identity};
use crate::object::{Dictionary, Object, Operation, ReplicatedState, Reply};

/// What can be replicated here: an object with the operations and replies that statements carry.
pub trait Replicated: Object<Operation = Operation, Reply = Reply> + Send + Sync + 'static {}

impl<O> Replicated for O where
    O: Object<Operation = Operation, Reply = Reply> + Send + Sync + 'static
{
}

/// What a replica knows of a client when a request comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The newest request whose result is cached with its proof.
    pub cached: Option<u64>,
    /// The newest request that was ordered in this configuration.
    pub ordered: Option<u64>,
    /// The newest request that the state holds as executed.
    pub executed: Option<u64>,
}

/// Where a request stands at a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its result is cached with its proof.
    Cached,
    /// The client has gone on to a newer one, so it has its answer.
    Old,
    /// It is ordered, and no result has come back yet.
    Ordered,
    /// It was not ordered in this configuration.
    Unknown,
}

/// How a slot compares with the one that a replica expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotTest {
    /// It is the expected one.
    Next,
    /// It was ordered before.
    Before,
    /// Slots are missing.
    Gap,
}

/// Who a replica is and whom it lives among: what the rule about senders looks at.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The configuration.
    pub members: &'a Configuration,
    /// The replica's position in it.
    pub position: usize,
}

impl Place<'_> {
    /// Whether it is the first replica of the chain.
    pub fn is_head(&self) -> bool {
        self.position == 0
    }

    /// Whether it is the last replica of the chain.
    pub fn is_tail(&self) -> bool {
        self.position + 1 == self.members.size()
    }

    /// The replica before it.
    pub fn predecessor(&self) -> Option<Identity> {
        self.position.checked_sub(1).map(|before| self.members.replica(before))
    }

    /// The replica after it.
    pub fn successor(&self) -> Option<Identity> {
        let next = self.position + 1;
        (next < self.members.size()).then(|| self.members.replica(next))
    }
}

/// Why Olympus does not act on a reconfiguration request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// It is about another configuration than the current one.
    OtherConfiguration,
    /// It is not validly signed by who sent it.
    BadSignature,
    /// Whoever is no replica of the configuration must bring a proof.
    NoProof,
    /// The proof proves nothing.
    BadProof,
    /// A reconfiguration is under way.
    UnderWay,
}

/// Why a wedged message cannot be a member of any quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WedgeFlaw {
    /// It is not validly signed by the replica that sent it.
    BadSignature,
    /// Its checkpoint proof fails the rule.
    BadCheckpoint,
    /// Its history does not begin right after its checkpoint.
    WrongStart,
    /// A slot is missing in its history.
    Hole,
    /// A client's signature in its history is invalid.
    BadClientSignature,
    /// An order proof in its history is not valid.
    BadOrderProof,
}

/// The decisions of the protocol.
pub trait Rules:
    Copy + Debug + PartialEq + Eq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// What is replicated.
    type Object: Replicated;

    /// How many replicas must agree where at least one of them must be correct.
    fn quorum(&self, t: usize) -> usize {
        t + 1
    }

    /// Whether a request is its client's own.
    fn is_signed_by_client(
        &self,
        members: &Configuration,
        request: &Signed<Request>,
        notary: &mut Notary,
    ) -> bool {
        members.signed_by_client(request, notary)
    }

    /// Whether a message of this kind may come to a replica from this sender, the link being
    /// authenticated. What comes from anybody else is dropped, and is no reason for anything.
    fn may_come_from(&self, place: &Place<'_>, kind: Name, from: Identity) -> bool {
        if kind == kind::CLIENT_REQUEST {
            from.class == Class::Client
        } else if kind == kind::FORWARDED_REQUEST {
            place.is_head() && place.members.has(from)
        } else if kind == kind::SHUTTLE || kind == kind::CHECKPOINT {
            place.predecessor() == Some(from)
        } else if kind == kind::COMPLETED_CHECKPOINT {
            place.successor() == Some(from)
        } else if kind == kind::RESULT_SHUTTLE {
            let from_head = !place.is_head() && from == place.members.replica(0);
            place.successor() == Some(from) || from_head
        } else {
            from == Identity::OLYMPUS
        }
    }

    /// Where request `id` of a client stands. The cache comes first, then the rule about old ids.
    /// What was executed in an earlier configuration alone is unknown here: it is ordered again.
    fn standing(&self, id: u64, known: &Known) -> Standing {
        if known.cached == Some(id) {
            return Standing::Cached;
        }
        let newest = known.cached.max(known.ordered).max(known.executed);
        if newest.is_some_and(|newest| id < newest) {
            Standing::Old
        } else if known.ordered == Some(id) {
            Standing::Ordered
        } else {
            Standing::Unknown
        }
    }

    /// How a slot compares with the next one: a replica orders it only after all lower ones.
    fn test_slot(&self, next: u64, slot: u64) -> SlotTest {
        match slot {
            _ if slot == next => SlotTest::Next,
            _ if slot < next => SlotTest::Before,
            _ => SlotTest::Gap,
        }
    }

    /// Whether a request is too old to be ordered: an id below the client's last executed one.
    fn is_old(&self, id: u64, executed: Option<u64>) -> bool {
        executed.is_some_and(|executed| id < executed)
    }

    /// Whether replicas 0 to `count` - 1 have validly put this request into this slot.
    fn check_orders(
        &self,
        members: &Configuration,
        orders: &OrderProof,
        count: usize,
        slot: u64,
        request: &Digest,
        notary: &mut Notary,
    ) -> Result<(), OrderFlaw> {
        proof::check_orders(members, orders, count, slot, request, notary)
    }

    /// Whether replicas 0 to `count` - 1 have validly stated a result, perhaps not the same, for
    /// the request and slot that `own` is about.
    fn check_results(
        &self,
        members: &Configuration,
        results: &ResultProof,
        count: usize,
        own: &ResultStatement,
        notary: &mut Notary,
    ) -> Result<(), Flaw> {
        let fits = |result: &ResultStatement| result.is_about_the_same(own);
        proof::all_stated(members, results, count, &Chain::EMPTY, notary, fits)
    }

    /// Whether a result counts. Statements that stand in `known` were checked before.
    fn judge_result(
        &self,
        settings: &Settings<Self>,
        members: &Configuration,
        proven: &ProvenResult,
        request: &Digest,
        known: &ResultProof,
        notary: &mut Notary,
    ) -> Judgement {
        let quorum = self.quorum(members.t());
        match settings.accept {
            Accept::Chain => {
                proof::judge_whole_chain(members, proven, request, quorum, known, notary)
            }
            Accept::Quorum => proof::judge_agreeing(members, proven, request, quorum, notary),
        }
    }

    /// Whether a result that was judged so is cached, passed on and served.
    fn may_serve(&self, judgement: &Judgement) -> bool {
        judgement.verdict.is_ok()
    }

    /// Whether the timer of a request stops when its result has come.
    fn cancels_timer(&self) -> bool {
        true
    }

    /// The hash of a running state.
    fn state_hash(&self, state: &ReplicatedState<Self::Object>) -> Digest {
        state_hash(state)
    }

    /// Whether replicas 0 to `count` - 1 have validly stated the hash of their state at this slot.
    fn check_checkpoint_so_far(
        &self,
        members: &Configuration,
        statements: &CheckpointProof,
        count: usize,
        slot: u64,
        notary: &mut Notary,
    ) -> Result<(), Flaw> {
        let fits = |statement: &CheckpointStatement| {
            (statement.configuration, statement.slot) == (members.number, slot)
        };
        proof::all_stated(members, statements, count, &Chain::EMPTY, notary, fits)
    }

    /// Whether a completed checkpoint counts. Statements that stand in `known` were checked before.
    fn check_checkpoint(
        &self,
        settings: &Settings<Self>,
        members: &Configuration,
        proof: &CheckpointProof,
        known: &CheckpointProof,
        notary: &mut Notary,
    ) -> Result<(), Flaw> {
        let quorum = self.quorum(members.t());
        match settings.checkpoint_proof {
            ProofRule::Everybody => {
                proof::check_checkpoint_of_all(members, proof, quorum, known, notary)
            }
            ProofRule::Quorum => proof::check_checkpoint_of_some(members, proof, quorum, notary),
        }
    }

    /// Up to which slot history may be dropped, given the newest slot whose state was hashed for a
    /// checkpoint and the newest one with a proof.
    fn droppable(&self, _hashed: u64, proven: u64) -> u64 {
        proven
    }

    /// Whether a wedge request makes a replica immutable.
    fn wedge_makes_immutable(&self) -> bool {
        true
    }

    /// Whether catching up leaves no trace: it happens on a copy of the state as of wedging.
    fn catches_up_on_a_copy(&self) -> bool {
        true
    }

    /// Whether a wedged message may stand in a quorum.
    fn check_wedged(
        &self,
        settings: &Settings<Self>,
        members: &Configuration,
        wedged: &Signed<Wedged>,
        notary: &mut Notary,
    ) -> Result<(), WedgeFlaw> {
        check_wedged(self, settings, members, wedged, notary)
    }

    /// Whether a history begins exactly after its own checkpoint and has no hole.
    fn check_slots(&self, wedged: &Wedged) -> Result<(), WedgeFlaw> {
        let slots = wedged.history.iter().map(|entry| entry.slot);
        let first = wedged.checkpoint_slot() + 1;
        if wedged.history.first().is_some_and(|entry| entry.slot != first) {
            return Err(WedgeFlaw::WrongStart);
        }
        match slots.eq(first..first + wedged.history.len() as u64) {
            true => Ok(()),
            false => Err(WedgeFlaw::Hole),
        }
    }

    /// Whether one slot of the history of the replica at `position` is proved.
    fn check_entry(
        &self,
        members: &Configuration,
        position: u32,
        entry: &Recorded,
        notary: &mut Notary,
    ) -> Result<(), WedgeFlaw> {
        check_entry(self, members, position, entry, notary)
    }

    /// Whether two histories have the same operation in every slot that both hold. They may begin
    /// at different slots, so slots are compared, never places.
    fn are_consistent(&self, one: &Wedged, other: &Wedged) -> bool {
        let (mut ours, mut theirs) =
            (one.history.iter().peekable(), other.history.iter().peekable());
        while let (Some(our), Some(their)) = (ours.peek(), theirs.peek()) {
            if our.slot == their.slot && our.request.hash() != their.request.hash() {
                return false;
            }
            let (our, their) = (our.slot, their.slot);
            ours.next_if(|_| our <= their);
            theirs.next_if(|_| their <= our);
        }
        true
    }

    /// Which member of a quorum has the longest history: the one with the highest last slot.
    fn longest(&self, quorum: &[&Wedged]) -> usize {
        let last = |place: &usize| (quorum[*place].last_slot(), usize::MAX - *place);
        (0..quorum.len()).max_by_key(last).unwrap_or_default()
    }

    /// The part of the longest history that a member has not executed; none if its own ends before
    /// the longest begins, which refuses the quorum.
    fn missing_part<'a>(&self, longest: &'a Wedged, member: &Wedged) -> Option<&'a [Recorded]> {
        let last = member.last_slot();
        if last < longest.checkpoint_slot() {
            return None;
        }
        let known = longest.history.partition_point(|entry| entry.slot <= last);
        longest.history.get(known..)
    }

    /// Whether two members of a quorum agree after catching up.
    fn have_caught_up_alike(&self, one: &CaughtUp, other: &CaughtUp) -> bool {
        one.state == other.state
    }

    /// Whether what a member says it has done is about the current attempt.
    fn is_of_this_attempt(&self, attempt: u32, current: u32) -> bool {
        attempt == current
    }

    /// Whether all members of a quorum have caught up, where so many have told.
    fn have_all_caught_up(&self, told: usize, quorum: usize) -> bool {
        told == quorum
    }

    /// Whether a quorum that was refused for what its members said is never tried again.
    fn refuses_for_good(&self) -> bool {
        true
    }

    /// Whether a running state is the one that a quorum agreed on.
    fn is_agreed_state(&self, state: &ReplicatedState<Self::Object>, agreed: &Digest) -> bool {
        self.state_hash(state) == *agreed
    }

    /// Whether a client's last result is confirmed by all members of a quorum: here are those who
    /// have told the same.
    fn is_confirmed(&self, quorum: usize, statements: &[Signed<CaughtUpResult>]) -> bool {
        statements.len() == quorum
    }

    /// The state that a new configuration begins with.
    fn hand_over(&self, state: &ReplicatedState<Self::Object>) -> ReplicatedState<Self::Object> {
        state.clone()
    }

    /// Whether a client believes a result that Olympus has signed.
    fn accepts_delivery(
        &self,
        members: &Configuration,
        delivery: &Delivery,
        request: &Digest,
        notary: &mut Notary,
    ) -> bool {
        proof::check_delivery(members, delivery, request, self.quorum(members.t()), notary)
    }

    /// Whether Olympus acts on a reconfiguration request: any replica of the current configuration
    /// may ask, anybody else must prove a lie.
    fn grants(
        &self,
        current: &Configuration,
        from: Identity,
        plea: &Plea,
        notary: &mut Notary,
    ) -> Result<(), Ignored> {
        if plea.request.body().configuration != current.number {
            return Err(Ignored::OtherConfiguration);
        }
        if current.has(from) {
            let is_own = plea.request.signer() == from && current.signed(&plea.request, notary);
            return if is_own { Ok(()) } else { Err(Ignored::BadSignature) };
        }
        match &plea.proof {
            None => Err(Ignored::NoProof),
            Some(proof) if proof::is_contradiction(current, proof, notary) => Ok(()),
            Some(_) => Err(Ignored::BadProof),
        }
    }
}

/// Checks a wedged message part by part.
pub(super) fn check_wedged<R: Rules>(
    rules: &R,
    settings: &Settings<R>,
    members: &Configuration,
    wedged: &Signed<Wedged>,
    notary: &mut Notary,
) -> Result<(), WedgeFlaw> {
    let body = wedged.body();
    let from = members.replica(body.position as usize);
    if wedged.signer() != from || !members.signed(wedged, notary) {
        return Err(WedgeFlaw::BadSignature);
    }
    let none = Chain::EMPTY;
    let proof = &body.checkpoint;
    if !proof.is_empty() && rules.check_checkpoint(settings, members, proof, &none, notary).is_err()
    {
        return Err(WedgeFlaw::BadCheckpoint);
    }
    rules.check_slots(body)?;
    let mut entries = body.history.iter();
    entries.try_for_each(|entry| rules.check_entry(members, body.position, entry, notary))
}

/// Checks the client's signature and the orders of one slot.
pub(super) fn check_entry<R: Rules>(
    rules: &R,
    members: &Configuration,
    position: u32,
    entry: &Recorded,
    notary: &mut Notary,
) -> Result<(), WedgeFlaw> {
    let Recorded { slot, request, orders } = entry;
    if !rules.is_signed_by_client(members, request, notary) {
        return Err(WedgeFlaw::BadClientSignature);
    }
    let count = position as usize + 1;
    rules
        .check_orders(members, orders, count, *slot, request.hash(), notary)
        .map_err(|_| WedgeFlaw::BadOrderProof)
}

/// The protocol as the reference has it, over a dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Named", into = "Named")]
pub struct Sound;

/// How traces name these rules.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    Sound,
}

impl From<Sound> for Named {
    fn from(_: Sound) -> Named {
        Named::Sound
    }
}

impl From<Named> for Sound {
    fn from(_: Named) -> Sound {
        Sound
    }
}

impl Rules for Sound {
    type Object = Dictionary;
}
