//! The lies themselves: each finds the message that it waits for, and rewrites it.

use std::sync::Arc;

use super::super::chain::Chain;
use super::super::messages::Message;
use super::super::rules::{Replicated, Rules};
use super::super::statements::*;
use super::super::{Bcr, Replica};
use crate::crypto::{Digest, Notary, Signature, Signed, Statement};
use crate::identity::Identity;
use crate::object::{Operation, Reply};
use crate::process::Effect;

/// A slot that the head gave to a request, and will give to another one as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    slot: u64,
    request: Digest,
}

/// What it takes to lie: who lies, what he is about to send, and where he signs.
pub(super) struct Lie<'a, R: Rules> {
    pub(super) replica: &'a mut Replica<R>,
    pub(super) outgoing: &'a mut Vec<Effect<Bcr<R>>>,
    pub(super) notary: &'a mut Notary,
}

/// A shuttle, in parts.
struct Shuttle {
    request: Arc<Signed<Request>>,
    orders: OrderProof,
    results: ResultProof,
}

impl<R: Rules> Lie<'_, R> {
    /// The next shuttle's own statements name another operation.
    pub(super) fn change_operation(&mut self) -> Option<()> {
        self.spoil_shuttle(|lie, shuttle| {
            let request = another_request(&shuttle.request);
            let order = Order { request, ..*shuttle.orders.newest()?.body() };
            let result = ResultStatement { request, ..*shuttle.results.newest()?.body() };
            shuttle.orders = shuttle.orders.previous().with(lie.seal(order));
            shuttle.results = shuttle.results.previous().with(lie.seal(result));
            Some(())
        })
    }

    /// The next shuttle's own order statement names another operation, the result statement does
    /// not.
    pub(super) fn change_order(&mut self) -> Option<()> {
        self.spoil_shuttle(|lie, shuttle| {
            let request = another_request(&shuttle.request);
            let order = Order { request, ..*shuttle.orders.newest()?.body() };
            shuttle.orders = shuttle.orders.previous().with(lie.seal(order));
            Some(())
        })
    }

    /// The next shuttle's own order statement is signed wrongly.
    pub(super) fn invalid_order_signature(&mut self) -> Option<()> {
        self.spoil_shuttle(|_, shuttle| {
            let order = shuttle.orders.newest()?.clone();
            let order = order.map_signature(Signature::corrupted);
            shuttle.orders = shuttle.orders.previous().with(order);
            Some(())
        })
    }

    /// The own result statement is signed wrongly: in the next shuttle, or by the tail in the next
    /// message to a client.
    pub(super) fn invalid_result_signature(&mut self) -> Option<()> {
        let corrupt = |statement: &Signed<ResultStatement>| {
            statement.clone().map_signature(Signature::corrupted)
        };
        if !self.is_tail() {
            return self.spoil_shuttle(|_, shuttle| {
                let result = corrupt(shuttle.results.newest()?);
                shuttle.results = shuttle.results.previous().with(result);
                Some(())
            });
        }
        let own = self.replica.key().owner();
        let at = self.find(|message| matches!(message, Message::Result(_)))?;
        let proven = self.result_at(at)?;
        let statements = changed(&proven.statements, own, |statement| corrupt(statement))?;
        *proven = Arc::new(ProvenResult { statements, ..(**proven).clone() });
        Some(())
    }

    /// The own statement in the next result tells another result.
    pub(super) fn change_result(&mut self) -> Option<()> {
        self.spoil_result(|lie, proven| {
            proven.statements = lie.restated(proven, &Reply::OK)?;
            Some(())
        })
    }

    /// The next result is a lie, and the own statement tells it too.
    pub(super) fn lie_about_result(&mut self) -> Option<()> {
        self.spoil_result(|lie, proven| {
            let reply = ["a lie", "another lie"].map(|text| Reply::of(&text.into()));
            let reply = reply.into_iter().find(|reply| *reply != proven.reply)?;
            proven.statements = lie.restated(proven, &reply)?;
            proven.reply = reply;
            Some(())
        })
    }

    /// The statements of a result, of which the own one tells this.
    fn restated(&mut self, proven: &ProvenResult, reply: &Reply) -> Option<ResultProof> {
        let own = self.replica.key().owner();
        changed(&proven.statements, own, |statement| {
            let result = result_hash(reply);
            self.seal(ResultStatement { result, ..*statement.body() })
        })
    }

    /// The head's statement is missing in the next result.
    pub(super) fn drop_result_statement(&mut self) -> Option<()> {
        self.spoil_result(|lie, proven| {
            let head = lie.replica.whereabouts().members.replica(0);
            let has_it = proven.statements.backwards().any(|statement| statement.signer() == head);
            proven.statements =
                has_it.then(|| kept(&proven.statements, |statement| statement.signer() != head))?;
            Some(())
        })
    }

    /// The next wedged message lacks the end of the history. Says whether there was so much as one
    /// entry to leave out.
    pub(super) fn truncate_history(&mut self, entries: u32) -> Option<bool> {
        self.change_history(|_, history| {
            let before = history.len();
            history.truncate(before.saturating_sub(entries as usize));
            history.len() < before
        })
    }

    /// One entry of the next wedged message's history is an operation that its client never signed.
    /// The liar has only its own word for it. Says which, if there is an entry.
    pub(super) fn forge_history(
        &mut self,
        entry: u32,
    ) -> Option<Option<(u64, Arc<Signed<Request>>)>> {
        self.change_history(|lie, history| {
            let place = history.len().checked_sub(1)?.min(entry as usize);
            let entry = history.get_mut(place)?;
            let request = Arc::new(forged(&entry.request));
            let (configuration, slot) = (lie.replica.whereabouts().members.number, entry.slot);
            let order = Order { configuration, slot, request: *request.hash() };
            entry.orders = Chain::EMPTY.with(lie.seal(order));
            entry.request = request.clone();
            Some((slot, request))
        })
    }

    /// The next wedged message's history lacks an entry that others follow. Says which slot, if
    /// there is such an entry.
    pub(super) fn omit_history(&mut self, entry: u32) -> Option<Option<u64>> {
        self.change_history(|_, history| {
            let place = history.len().checked_sub(2)?.min(entry as usize);
            Some(history.remove(place).slot)
        })
    }

    /// Changes the history in the next wedged message, and so in all its repetitions.
    fn change_history<T>(
        &mut self,
        change: impl FnOnce(&mut Self, &mut Vec<Recorded>) -> T,
    ) -> Option<T> {
        let at = self.find(|message| matches!(message, Message::Wedged(_)))?;
        let Message::Wedged(wedged) = self.message(at)? else {
            return None;
        };
        let mut body = wedged.body().clone();
        let changed = change(self, &mut body.history);
        let wedged = Arc::new(self.seal(body));
        self.replica.set_wedged(wedged.clone());
        *self.message(at)? = Message::Wedged(wedged);
        Some(changed)
    }

    /// The next completed checkpoint lacks the statements of the first t + 1 replicas.
    pub(super) fn drop_checkpoint_statements(&mut self) -> Option<()> {
        let at = self.find(|message| matches!(message, Message::CompletedCheckpoint { .. }))?;
        let missing = self.replica.rules().quorum(self.replica.whereabouts().members.t()) as u32;
        let Message::CompletedCheckpoint { statements, .. } = self.message(at)? else {
            return None;
        };
        *statements = kept(statements, |statement| statement.signer().index >= missing);
        Some(())
    }

    /// Instead of the next shuttle, the client gets the statements so far.
    pub(super) fn reply_early(&mut self) -> Option<()> {
        let (at, Shuttle { request, results, .. }) = self.next_shuttle(0)?;
        let Request { client, id, .. } = *request.body();
        let reply = self.replica.state().last(client)?.reply.clone();
        let proven = ProvenResult { client, id, reply, statements: results };
        let message = Message::Result(Arc::new(proven));
        self.outgoing[at] = Effect::Send { to: Identity::client(client), message };
        Some(())
    }

    /// Instead of the next checkpoint going on, the predecessor gets it as completed.
    pub(super) fn complete_checkpoint_early(&mut self) -> Option<()> {
        let predecessor = self.replica.whereabouts().predecessor()?;
        let at = self.find(|message| matches!(message, Message::Checkpoint { .. }))?;
        let Message::Checkpoint { slot, statements } = self.message(at)?.clone() else {
            return None;
        };
        let message = Message::CompletedCheckpoint { slot, statements };
        self.outgoing[at] = Effect::Send { to: predecessor, message };
        Some(())
    }

    /// The slot of the next shuttle is given to the request after it as well. The history keeps the
    /// second one.
    pub(super) fn equivocate(&mut self, given: &mut Option<Given>) -> Option<()> {
        let mut from = 0;
        while let Some((at, shuttle)) = self.next_shuttle(from) {
            from = at + 1;
            let Order { slot, request, .. } = *shuttle.orders.newest()?.body();
            match given.take() {
                Some(first) if first.request != request => {
                    return self.give_again(at, shuttle, first.slot);
                }
                first => *given = first.or(Some(Given { slot, request })),
            }
        }
        None
    }

    /// Puts the request of this shuttle into a slot that another one has.
    fn give_again(&mut self, at: usize, shuttle: Shuttle, slot: u64) -> Option<()> {
        let order = *shuttle.orders.newest()?.body();
        let result = *shuttle.results.newest()?.body();
        let orders = shuttle.orders.previous().with(self.seal(Order { slot, ..order }));
        let result = self.seal(ResultStatement { slot, ..result });
        let results = shuttle.results.previous().with(result);
        self.replica.move_last(slot);
        self.replica.rewrite(slot, orders.clone(), results.clone());
        *self.message(at)? = Message::Shuttle { request: shuttle.request, orders, results };
        Some(())
    }

    /// The running state that is handed over next is not the one whose hash was told.
    pub(super) fn hand_over_another_state(&mut self) -> Option<()> {
        let at = self.find(|message| matches!(message, Message::RunningState(_)))?;
        let Message::RunningState(running) = self.message(at)? else {
            return None;
        };
        let mut body = running.body().clone();
        another(body.state.object_mut());
        let running = Arc::new(self.seal(body));
        *self.message(at)? = Message::RunningState(running);
        Some(())
    }

    /// Changes the next shuttle. The history keeps what is sent.
    fn spoil_shuttle(
        &mut self,
        change: impl FnOnce(&mut Self, &mut Shuttle) -> Option<()>,
    ) -> Option<()> {
        let (at, mut shuttle) = self.next_shuttle(0)?;
        let slot = shuttle.orders.newest()?.body().slot;
        change(self, &mut shuttle)?;
        let Shuttle { request, orders, results } = shuttle;
        self.replica.rewrite(slot, orders.clone(), results.clone());
        *self.message(at)? = Message::Shuttle { request, orders, results };
        Some(())
    }

    /// Changes the next result, to a client or up the chain; at the tail in every message about it.
    fn spoil_result(
        &mut self,
        change: impl FnOnce(&mut Self, &mut ProvenResult) -> Option<()>,
    ) -> Option<()> {
        let is_result = |message: &Message<_>| {
            matches!(message, Message::Result(_) | Message::ResultShuttle(_))
        };
        let first = self.find(is_result)?;
        let mut spoilt = (**self.result_at(first)?).clone();
        change(self, &mut spoilt)?;
        let about = (spoilt.client, spoilt.id);
        let spoilt = Arc::new(spoilt);
        let last = if self.is_tail() { self.outgoing.len() } else { first + 1 };
        for at in first..last {
            if let Some(proven) = self.result_at(at)
                && (proven.client, proven.id) == about
            {
                *proven = spoilt.clone();
            }
        }
        Some(())
    }

    fn seal<T: Statement>(&mut self, body: T) -> Signed<T> {
        Signed::seal(body, self.replica.key(), self.notary)
    }

    fn is_tail(&self) -> bool {
        self.replica.whereabouts().is_tail()
    }

    /// Where the first message of some sort stands.
    fn find(&self, is_it: impl Fn(&Message<R::Object>) -> bool) -> Option<usize> {
        self.outgoing
            .iter()
            .position(|effect| matches!(effect, Effect::Send { message, .. } if is_it(message)))
    }

    fn message(&mut self, at: usize) -> Option<&mut Message<R::Object>> {
        match self.outgoing.get_mut(at) {
            Some(Effect::Send { message, .. }) => Some(message),
            _ => None,
        }
    }

    fn result_at(&mut self, at: usize) -> Option<&mut Arc<ProvenResult>> {
        match self.message(at) {
            Some(Message::Result(proven) | Message::ResultShuttle(proven)) => Some(proven),
            _ => None,
        }
    }

    /// The first shuttle from this place on.
    fn next_shuttle(&self, from: usize) -> Option<(usize, Shuttle)> {
        let places = self.outgoing.iter().enumerate().skip(from);
        places.into_iter().find_map(|(at, effect)| match effect {
            Effect::Send { message: Message::Shuttle { request, orders, results }, .. } => {
                let (request, orders) = (request.clone(), orders.clone());
                Some((at, Shuttle { request, orders, results: results.clone() }))
            }
            _ => None,
        })
    }
}

/// The hash of the request that the client might have made instead.
fn another_request(request: &Signed<Request>) -> Digest {
    let Request { client, id, .. } = *request.body();
    Request { client, id, operation: Operation::get("x") }.hash()
}

/// A lie in a client's name, about the key that it named, under a signature that is not its own.
fn forged(request: &Signed<Request>) -> Signed<Request> {
    let Request { client, id, operation } = request.body();
    let lie = |value| Operation::put(operation.key(), value);
    let lie = if *operation == lie("a lie") { lie("another lie") } else { lie("a lie") };
    let body = Request { client: *client, id: *id, operation: lie };
    Signed::from_parts(body, request.signer(), request.signature().corrupted())
}

/// Makes an object differ from what it is: of two values, the one that the key does not have.
fn another<O: Replicated>(object: &mut O) {
    let before = object.state_hash();
    let _ = object.apply(&Operation::put("x", "a lie"));
    if object.state_hash() == before {
        let _ = object.apply(&Operation::put("x", "another lie"));
    }
}

/// The same statements but for the one of this signer.
fn changed<T: Clone + Statement>(
    statements: &Chain<Signed<T>>,
    signer: Identity,
    change: impl FnOnce(&Signed<T>) -> Signed<T>,
) -> Option<Chain<Signed<T>>> {
    let mut later = Vec::new();
    let mut rest = statements.clone();
    while rest.newest()?.signer() != signer {
        later.push(rest.newest()?.clone());
        rest = rest.previous();
    }
    let own = change(rest.newest()?);
    let changed = rest.previous().with(own);
    Some(later.into_iter().rev().fold(changed, |chain, statement| chain.with(statement)))
}

/// The statements that pass a test.
fn kept<T: Clone + Statement>(
    statements: &Chain<Signed<T>>,
    test: impl Fn(&Signed<T>) -> bool,
) -> Chain<Signed<T>> {
    statements.to_vec().into_iter().filter(|statement| test(statement)).cloned().collect()
}
