//! What correct processes act on must be proved. The check is written here once more, from the
//! definition, and shares nothing with the one that the processes use.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::crypto::{Digest, Notary, Signed, Statement};
use crate::identity::{Address, Class, Identity};
use crate::object::Dictionary;
use crate::protocol::bcr::notes::Mode;
use crate::protocol::bcr::statements::{
    CheckpointProof, Delivery, OrderProof, ProvenResult, Request, ResultStatement, result_hash,
};
use crate::protocol::bcr::{Message, Note};
use crate::roll::Roll;
use crate::scenario::{Accept, Bcr, CheckpointProof as CheckpointProofRule};

use super::{Place, Property, Ruling};

/// A request, and who ordered it.
type Shuttle = (Arc<Signed<Request>>, OrderProof);

/// What a replica was handed and has not acted on yet.
#[derive(Clone, Debug, Default)]
struct Waiting {
    /// The last slot that it ordered.
    ordered: u64,
    /// By slot, those of one slot as they came.
    shuttles: VecDeque<(u64, Shuttle)>,
}

impl Waiting {
    fn take(&mut self, slot: u64, shuttle: Shuttle) {
        let after = self.shuttles.iter().rev().take_while(|(of, _)| *of > slot).count();
        self.shuttles.insert(self.shuttles.len() - after, (slot, shuttle));
    }

    /// It orders a slot: why it may not, if it may not, after any of the shuttles about that slot.
    fn order(
        &mut self,
        replica: Identity,
        slot: u64,
        clients: &mut Roll<Client>,
        notary: &Notary,
    ) -> Option<String> {
        self.ordered = slot;
        let mut least: Option<Option<String>> = None;
        while let Some((of, shuttle)) = self.shuttles.pop_front_if(|(of, _)| *of <= slot) {
            if of == slot {
                let known = &mut clients.entry(u64::from(shuttle.0.body().client)).ordered;
                let fault = order_fault((replica, slot), shuttle, known, notary);
                least = Some(match least {
                    Some(other) => other.min(fault),
                    None => fault,
                });
            }
        }
        least.unwrap_or_else(|| Some("it was handed no shuttle".to_owned()))
    }
}

/// The judges of proofs.
#[derive(Clone, Debug)]
pub(super) struct Proofs {
    t: u32,
    accept: Accept,
    checkpoint_proof: CheckpointProofRule,
    /// What each client and each replica was handed.
    handed: Roll<Handed>,
    /// What is known of the requests of each client.
    clients: Roll<Client>,
    /// The last checkpoint that was found to be proved, for the same reason.
    proved_checkpoint: CheckpointProof,
    orders: Property,
    results: Property,
    served: Property,
    deliveries: Property,
    checkpoints: Property,
}

/// What a process was handed.
#[derive(Clone, Debug, Default)]
struct Handed {
    /// The shuttles that it has not acted on yet: a replica that waits for its state acts later.
    shuttles: Waiting,
    /// The last of the others.
    result: Option<Arc<ProvenResult>>,
    delivery: Option<Arc<Signed<Delivery>>>,
    checkpoint: Option<CheckpointProof>,
}

/// What is known of a client's requests.
#[derive(Clone, Debug, Default)]
struct Client {
    /// The number and the hash of the last one.
    asked: Option<(u64, Digest)>,
    /// The shuttle that came furthest of those that were found to be proved, with who ordered it
    /// where: it goes on from replica to replica.
    ordered: Option<Ordered>,
    /// The last result that was found to be proved: it travels far.
    proved: Option<Arc<ProvenResult>>,
}

/// A shuttle that was found to be proved.
#[derive(Clone, Debug)]
struct Ordered {
    shuttle: Shuttle,
    /// Configuration and slot.
    place: (u32, u64),
    by: Members,
}

impl Proofs {
    pub(super) fn new(knobs: &Bcr) -> Proofs {
        let conduct = Property::conduct;
        Proofs {
            t: knobs.t,
            accept: knobs.accept,
            checkpoint_proof: knobs.checkpoint_proof,
            handed: Roll::default(),
            clients: Roll::default(),
            proved_checkpoint: CheckpointProof::EMPTY,
            orders: conduct("order proofs", "what replicas order was ordered before them"),
            results: conduct("result proofs", "what clients accept is vouched for"),
            served: conduct("served results", "what replicas cache and send back is vouched for"),
            deliveries: conduct("deliveries", "what Olympus delivers a whole quorum vouches for"),
            checkpoints: conduct("checkpoint proofs", "history is dropped on a proof alone"),
        }
    }

    pub(super) fn rulings(&self) -> Vec<Ruling> {
        let all = [&self.orders, &self.results, &self.served, &self.deliveries, &self.checkpoints];
        all.map(Property::ruling).into()
    }

    pub(super) fn received(&mut self, process: Address, message: &Message<Dictionary>) {
        match message {
            Message::Shuttle { request, orders, .. } => {
                let Some(slot) = orders.newest().map(|order| order.body().slot) else {
                    return;
                };
                let waiting = &mut self.handed.entry(process.pack()).shuttles;
                if slot > waiting.ordered {
                    let shuttle = (Arc::clone(request), orders.clone());
                    waiting.take(slot, shuttle);
                }
            }
            Message::Result(proven) | Message::ResultShuttle(proven) => {
                self.handed.entry(process.pack()).result = Some(Arc::clone(proven));
            }
            Message::Delivery(delivery) => {
                self.handed.entry(process.pack()).delivery = Some(Arc::clone(delivery));
            }
            Message::CompletedCheckpoint { statements, .. } => {
                self.handed.entry(process.pack()).checkpoint = Some(statements.clone());
            }
            _ => {}
        }
    }

    /// A process orders nothing more.
    pub(super) fn gone(&mut self, process: Address) {
        if let Some(handed) = self.handed.get_mut(process.pack()) {
            *handed = Handed::default();
        }
    }

    /// A correct process sends something.
    pub(super) fn sent(
        &mut self,
        from: Address,
        message: &Message<Dictionary>,
        at: Place,
        notary: &Notary,
    ) {
        match message {
            Message::Result(proven) | Message::ResultShuttle(proven) => {
                let fault = self.result_fault(proven, notary);
                self.served.test(fault.is_none(), at, || {
                    let (client, request) = (proven.client, proven.id);
                    let fault = fault.unwrap_or_default();
                    format!(
                        "{from} sends a result of request {request} of client {client}: {fault}"
                    )
                });
            }
            Message::CompletedCheckpoint { slot, statements } => {
                self.checkpoint_used(from, *slot, Some(statements.clone()), at, notary);
            }
            _ => {}
        }
    }

    pub(super) fn noted(&mut self, process: Address, note: &Note, at: Place, notary: &Notary) {
        match note {
            Note::Asked { client, request, operation } => {
                let (client, id) = (*client, *request);
                let request = Request { client, id, operation: operation.clone() };
                self.clients.entry(u64::from(client)).asked = Some((id, request.hash()));
            }
            Note::Ordered { slot, .. } if process.identity.index > 0 => {
                self.ordered(process, *slot, at, notary);
            }
            Note::ModeChanged { mode: Mode::Immutable, .. } => {
                self.handed.entry(process.pack()).shuttles = Waiting::default();
            }
            Note::Cached { client, request, .. } if process.identity.index < 2 * self.t => {
                self.cached(process, (*client, *request), at, notary);
            }
            Note::CheckpointCompleted { slot, .. } if process.identity.index < 2 * self.t => {
                let handed = self.handed.get(process.pack());
                let handed = handed.and_then(|handed| handed.checkpoint.clone());
                self.checkpoint_used(process, *slot, handed, at, notary);
            }
            Note::Answered { from, .. } => self.answered(process, note, *from, at, notary),
            _ => {}
        }
    }

    fn ordered(&mut self, process: Address, slot: u64, at: Place, notary: &Notary) {
        let waiting = &mut self.handed.entry(process.pack()).shuttles;
        let fault = waiting.order(process.identity, slot, &mut self.clients, notary);
        self.orders.test(fault.is_none(), at, || {
            format!("{process} orders slot {slot}, but {}", fault.unwrap_or_default())
        });
    }

    /// A replica that is not the tail, which makes results itself, keeps one.
    fn cached(&mut self, process: Address, of: (u32, u64), at: Place, notary: &Notary) {
        let handed = self.handed.get(process.pack()).and_then(|handed| handed.result.clone());
        let handed = handed.filter(|proven| (proven.client, proven.id) == of);
        let fault = match handed {
            Some(proven) => self.result_fault(&proven, notary),
            None => Some("it was handed none".to_owned()),
        };
        self.served.test(fault.is_none(), at, || {
            let ((client, request), fault) = (of, fault.unwrap_or_default());
            format!("{process} keeps a result of request {request} of client {client}: {fault}")
        });
    }

    /// A client accepts a result.
    fn answered(&mut self, process: Address, note: &Note, from: Identity, at: Place, n: &Notary) {
        let Note::Answered { request, configuration, slot, .. } = note else {
            return;
        };
        let handed = self.handed.get(process.pack());
        let (result, delivery) = handed
            .map(|handed| (handed.result.clone(), handed.delivery.clone()))
            .unwrap_or_default();
        let by_olympus = from == Identity::OLYMPUS;
        let fault = match (result, delivery) {
            (_, Some(delivery)) if by_olympus => self.delivery_fault(&delivery, *request, n),
            (Some(proven), _) if !by_olympus => {
                let told = (proven.configuration(), proven.slot(), proven.id);
                match told == (Some(*configuration), *slot, *request) {
                    true => self.result_fault(&proven, n),
                    false => Some("it was handed another".to_owned()),
                }
            }
            _ => Some("it was handed none".to_owned()),
        };
        let property = if by_olympus { &mut self.deliveries } else { &mut self.results };
        property.test(fault.is_none(), at, || {
            let fault = fault.unwrap_or_default();
            format!("{process} accepts a result of request {request}: {fault}")
        });
    }

    /// Why nobody may rely on this result.
    fn result_fault(&mut self, proven: &Arc<ProvenResult>, notary: &Notary) -> Option<String> {
        let client = self.clients.get(u64::from(proven.client));
        let known = client.and_then(|client| client.proved.as_ref());
        if known.is_some_and(|known| Arc::ptr_eq(known, proven)) {
            return None;
        }
        let asked = client.and_then(|client| client.asked).filter(|(id, _)| *id == proven.id);
        let Some(newest) = proven.statements.newest().map(Signed::body) else {
            return Some("nobody vouches for it".to_owned());
        };
        let request = asked.map_or(newest.request, |(_, hash)| hash);
        let expected = ResultStatement { client: proven.client, id: proven.id, request, ..*newest };
        let fault = self.statements_fault(proven, &expected, notary);
        if fault.is_none() {
            self.clients.entry(u64::from(proven.client)).proved = Some(Arc::clone(proven));
        }
        fault
    }

    fn statements_fault(
        &self,
        proven: &ProvenResult,
        expected: &ResultStatement,
        notary: &Notary,
    ) -> Option<String> {
        let hash: Digest = result_hash(&proven.reply);
        let (mut agreeing, mut stated) = (Members::default(), Members::default());
        for statement in proven.statements.backwards() {
            let body = statement.body();
            let told = ResultStatement { result: expected.result, ..*body };
            if told == *expected && is_valid(statement, notary) {
                stated.add(body.configuration, statement.signer());
                if body.result == hash {
                    agreeing.add(body.configuration, statement.signer());
                }
            }
        }
        let (agreeing, stated) = (agreeing.count(), stated.count());
        if agreeing < self.t + 1 {
            return Some(format!("only {agreeing} replicas vouch for it"));
        }
        let whole = self.accept == Accept::Quorum || stated == 2 * self.t + 1;
        (!whole).then(|| format!("only {stated} replicas state any result"))
    }

    /// Why a client may not accept what Olympus delivers.
    fn delivery_fault(
        &self,
        delivery: &Signed<Delivery>,
        request: u64,
        notary: &Notary,
    ) -> Option<String> {
        let body = delivery.body();
        if delivery.signer() != Identity::OLYMPUS || !is_valid(delivery, notary) {
            return Some("Olympus did not sign it".to_owned());
        }
        let Some(first) = body.statements.first().map(Signed::body) else {
            return Some("nobody vouches for it".to_owned());
        };
        let asked = self.clients.get(u64::from(body.client)).and_then(|client| client.asked);
        let told = (first.result.client, first.result.id, first.result.result);
        let is_about_it = told == (body.client, body.id, result_hash(&body.reply));
        if !is_about_it || body.id != request || asked != Some((request, first.result.request)) {
            return Some("it is about something else".to_owned());
        }
        let mut vouching = Members::default();
        for statement in &body.statements {
            if statement.body() == first && is_valid(statement, notary) {
                vouching.add(first.result.configuration, statement.signer());
            }
        }
        let vouching = vouching.count();
        (vouching < self.t + 1).then(|| format!("only {vouching} replicas vouch for it"))
    }

    /// A correct replica drops history, or lets others do so.
    fn checkpoint_used(
        &mut self,
        process: Address,
        slot: u64,
        proof: Option<CheckpointProof>,
        at: Place,
        notary: &Notary,
    ) {
        let fault = match proof {
            Some(proof) if proof.is_same(&self.proved_checkpoint) => None,
            Some(proof) => {
                let fault = self.checkpoint_fault(process.identity, slot, &proof, notary);
                if fault.is_none() {
                    self.proved_checkpoint = proof;
                }
                fault
            }
            None => Some("it was handed no proof".to_owned()),
        };
        self.checkpoints.test(fault.is_none(), at, || {
            let fault = fault.unwrap_or_default();
            format!("{process} drops history up to slot {slot}: {fault}")
        });
    }

    fn checkpoint_fault(
        &self,
        replica: Identity,
        slot: u64,
        proof: &CheckpointProof,
        notary: &Notary,
    ) -> Option<String> {
        let (mut stated, mut by_state) = (Members::default(), BTreeMap::new());
        for statement in proof.backwards() {
            let body = statement.body();
            let about = (body.configuration, body.slot) == (replica.configuration, slot);
            if about && is_valid(statement, notary) {
                stated.add(body.configuration, statement.signer());
                let agreeing: &mut Members = by_state.entry(*body.state.as_bytes()).or_default();
                agreeing.add(body.configuration, statement.signer());
            }
        }
        let most = by_state.values().map(|members| members.count()).max().unwrap_or(0);
        if most < self.t + 1 {
            return Some(format!("only {most} replicas agree on a state"));
        }
        let stated = stated.count();
        let whole =
            self.checkpoint_proof == CheckpointProofRule::Quorum || stated == 2 * self.t + 1;
        (!whole).then(|| format!("only {stated} replicas state any"))
    }
}

/// Why a replica may not order a slot after this shuttle. What was found to be proved about one
/// that this one grew out of is not looked at again.
fn order_fault(
    (replica, slot): (Identity, u64),
    shuttle: Shuttle,
    known: &mut Option<Ordered>,
    notary: &Notary,
) -> Option<String> {
    let (request, orders) = &shuttle;
    let place = (replica.configuration, slot);
    let is_same = |known: &&Ordered| known.place == place && Arc::ptr_eq(&known.shuttle.0, request);
    let base = known.as_ref().filter(is_same);
    if base.is_none() && !signed_by_client(request, notary) {
        return Some("the client did not sign the request".to_owned());
    }
    let grown = base.and_then(|base| Some((orders.grown_from(&base.shuttle.1)?, base.by)));
    let (new, mut by) = grown.unwrap_or((orders.len(), Members::default()));
    for order in orders.backwards().take(new) {
        let body = order.body();
        let about = (body.configuration, body.slot) == place;
        if about && body.request == *request.hash() && is_valid(order, notary) {
            by.add(replica.configuration, order.signer());
        }
    }
    if let Some(missing) = (0..replica.index).find(|index| !by.has(*index)) {
        return Some(format!("{} did not", Identity::replica(replica.configuration, missing)));
    }
    *known = Some(Ordered { shuttle, place, by });
    None
}

/// Some of the replicas of a configuration: a bit for each.
#[derive(Clone, Copy, Debug, Default)]
struct Members(u128);

impl Members {
    /// Adds somebody, if it is a replica of this configuration.
    fn add(&mut self, configuration: u32, who: Identity) {
        let is_member = (who.class, who.configuration) == (Class::Replica, configuration);
        let bit = 1_u128.checked_shl(who.index).filter(|_| is_member);
        self.0 |= bit.unwrap_or(0);
    }

    fn has(self, index: u32) -> bool {
        self.0.checked_shr(index).is_some_and(|rest| rest & 1 == 1)
    }

    fn count(self) -> u32 {
        self.0.count_ones()
    }
}

fn signed_by_client(request: &Arc<Signed<Request>>, notary: &Notary) -> bool {
    request.signer() == Identity::client(request.body().client) && is_valid(request, notary)
}

/// Whether who is said to have signed did. The hash in a signed statement is always that of its
/// body.
fn is_valid<T: Statement>(statement: &Signed<T>, notary: &Notary) -> bool {
    let key = notary.public_key_of(statement.signer());
    key.is_some_and(|key| notary.is_valid(&key, statement.hash(), statement.signature()))
}
