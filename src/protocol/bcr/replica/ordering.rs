//! How a request gets into a slot: at the head as the next one, elsewhere as the predecessors say,
//! if they prove it.

use std::sync::Arc;

use super::super::Out;
use super::super::chain::Chain;
use super::super::messages::{Message, kind};
use super::super::notes::{Dropped, Mode, Note};
use super::super::proof::OrderFlaw;
use super::super::rules::{Rules, SlotTest};
use super::super::statements::*;
use super::history::Entry;
use super::{OrderedRequest, Replica};
use crate::crypto::{Digest, Notary, SecretKey, Signed, Statement};
use crate::identity::Identity;
use crate::object::{Executed, Reply};

impl<R: Rules> Replica<R> {
    /// The head gives a request the next slot.
    pub(super) fn order_as_head(&mut self, request: Arc<Signed<Request>>, out: &mut Out<R>) {
        self.order(self.next_slot, request, &Chain::EMPTY, &Chain::EMPTY, out);
    }

    /// A predecessor has ordered a request.
    pub(super) fn on_shuttle(
        &mut self,
        from: Identity,
        request: Arc<Signed<Request>>,
        orders: OrderProof,
        results: ResultProof,
        out: &mut Out<R>,
    ) {
        if self.mode == Mode::Immutable {
            return self.drop(kind::SHUTTLE, from, Dropped::Immutable, out);
        }
        if !self.settings.rules.is_signed_by_client(
            self.configuration.body(),
            &request,
            out.notary(),
        ) {
            return self.ask(Reason::BadClientSignature, None, out);
        }
        let Some(slot) = orders.newest().map(|order| order.body().slot) else {
            return self.ask(Reason::MissingStatement, None, out);
        };
        let members = self.configuration.body();
        let count = self.position;
        let hash = request.hash();
        if let Err(flaw) =
            self.settings.rules.check_orders(members, &orders, count, slot, hash, out.notary())
        {
            return self.ask_about_orders(flaw, out);
        }
        match self.settings.rules.test_slot(self.next_slot, slot) {
            SlotTest::Before => self.on_old_slot(from, slot, &orders, out),
            SlotTest::Gap => self.ask(Reason::SlotGap, None, out),
            SlotTest::Next => self.order_after(slot, request, &orders, &results, out),
        }
    }

    /// The predecessors' order statements do not prove what they should.
    #[cold]
    fn ask_about_orders(&mut self, flaw: OrderFlaw, out: &mut Out<R>) {
        match flaw {
            OrderFlaw::Statements(flaw) => self.ask(flaw.into(), None, out),
            OrderFlaw::WrongOperation => self.ask(Reason::WrongOperation, None, out),
            OrderFlaw::Contradiction(proof) => {
                self.ask(Reason::ContradictingOrders, Some(*proof), out);
            }
        }
    }

    /// The slot was ordered before: the same request again is nothing, another one is a lie of
    /// every predecessor. Two statements of one of them name it; with a statement of its own, this
    /// replica would show only that somebody lied.
    #[cold]
    fn on_old_slot(&mut self, from: Identity, slot: u64, orders: &OrderProof, out: &mut Out<R>) {
        let ours = self.history.at(slot).map(|entry| entry.orders.previous());
        let ours = ours.and_then(|predecessors| predecessors.newest().cloned());
        match (ours, orders.newest()) {
            (Some(ours), Some(theirs)) if ours.body().request != theirs.body().request => {
                let proof = Contradiction::Orders(ours, theirs.clone());
                self.ask(Reason::ContradictingOrders, Some(proof), out);
            }
            (Some(_), _) => self.drop(kind::SHUTTLE, from, Dropped::Repeated, out),
            (None, _) => self.drop(kind::SHUTTLE, from, Dropped::Late, out),
        }
    }

    /// The predecessors have ordered the request in the next slot; now it is this replica's turn.
    fn order_after(
        &mut self,
        slot: u64,
        request: Arc<Signed<Request>>,
        orders: &OrderProof,
        results: &ResultProof,
        out: &mut Out<R>,
    ) {
        let Request { client, id, .. } = *request.body();
        if self.settings.rules.is_old(id, self.known(client).executed) {
            return self.ask(Reason::OldRequest, None, out);
        }
        let own = self.result_statement(slot, &request, Digest::from_bytes([0; 32]));
        let members = self.configuration.body();
        match self.settings.rules.check_results(members, results, self.position, &own, out.notary())
        {
            Err(flaw) => self.ask(flaw.into(), None, out),
            Ok(()) => self.order(slot, request, orders, results, out),
        }
    }

    /// Executes the client's operation, states order and result, and sends both on.
    fn order(
        &mut self,
        slot: u64,
        request: Arc<Signed<Request>>,
        orders: &OrderProof,
        results: &ResultProof,
        out: &mut Out<R>,
    ) {
        let Some(reply) = self.execute(slot, &request, out) else {
            return;
        };
        let order = self.order_statement(slot, &request);
        let result = self.result_statement(slot, &request, result_hash(&reply));
        note_disagreements(&result, results, out);
        let notary = out.notary();
        let orders = orders.with(seal(order, orders.newest(), &self.key, notary));
        let results = results.with(seal(result, results.newest(), &self.key, notary));
        self.remember(slot, &request, &orders, &results, out);
        match self.place().successor() {
            Some(successor) => out.send(successor, Message::Shuttle { request, orders, results }),
            None => self.conclude(&request, reply, results, out),
        }
        if self.settings.is_checkpoint(slot) {
            self.take_checkpoint(slot, out);
        }
    }

    /// Applies the client's operation, whatever the predecessors said of it. One that the state
    /// holds as executed changes nothing and has the result of its time.
    #[inline]
    fn execute(&mut self, slot: u64, request: &Signed<Request>, out: &mut Out<R>) -> Option<Reply> {
        let Request { client, id, operation } = request.body();
        let executed = self.state.execute(*client, *id, operation);
        let repeated = matches!(executed, Executed::Repeated(_));
        let reply = executed.reply()?;
        out.note(|| Note::Ordered {
            configuration: self.members().number,
            slot,
            client: *client,
            request: *id,
            operation: operation.clone(),
            result: reply.clone(),
            repeated,
        });
        Some(reply)
    }

    #[inline]
    fn remember(
        &mut self,
        slot: u64,
        request: &Arc<Signed<Request>>,
        orders: &OrderProof,
        results: &ResultProof,
        out: &mut Out<R>,
    ) {
        let Request { client, id, .. } = *request.body();
        self.history.push(Entry {
            slot,
            request: request.clone(),
            orders: orders.clone(),
            results: results.clone(),
            done: false,
        });
        self.next_slot = slot + 1;
        let seat = &mut self.seats[client as usize];
        seat.ordered = Some(OrderedRequest { id, slot, request: *request.hash() });
        if seat.timer.is_some_and(|running| running < id) {
            self.stop_timer(client, out);
        }
    }

    fn order_statement(&self, slot: u64, request: &Signed<Request>) -> Order {
        Order { configuration: self.members().number, slot, request: *request.hash() }
    }

    fn result_statement(
        &self,
        slot: u64,
        request: &Signed<Request>,
        result: Digest,
    ) -> ResultStatement {
        let Request { client, id, .. } = *request.body();
        let configuration = self.members().number;
        ResultStatement { configuration, slot, client, id, request: *request.hash(), result }
    }
}

/// Signs a statement, with the hash of the predecessor's where it says the same.
#[inline]
pub(super) fn seal<T: Statement + PartialEq>(
    body: T,
    predecessors: Option<&Signed<T>>,
    key: &SecretKey,
    notary: &mut Notary,
) -> Signed<T> {
    match predecessors {
        Some(other) => Signed::seal_like(body, other, key, notary),
        None => Signed::seal(body, key, notary),
    }
}

/// A predecessor that tells another result is carried on: the finished proof will show it.
fn note_disagreements<R: Rules>(own: &ResultStatement, results: &ResultProof, out: &mut Out<R>) {
    for statement in results.backwards() {
        let theirs = statement.body().result;
        if theirs != own.result {
            let (slot, with, own) = (own.slot, statement.signer(), own.result);
            out.note(|| Note::Disagreement { slot, with, theirs, own });
        }
    }
}
