//! What comes back from the tail: results with everybody's statements.

use std::sync::Arc;

use super::super::Out;
use super::super::chain::Chain;
use super::super::messages::{Message, kind};
use super::super::notes::{Dropped, Note};
use super::super::proof::{Flaw, Judgement};
use super::super::rules::Rules;
use super::super::statements::*;
use super::Replica;
use crate::crypto::{Digest, Signed};
use crate::identity::Identity;
use crate::object::Reply;

/// What a replica knows of a request whose result comes.
enum Expected {
    /// It has seen the result.
    Done,
    /// The client has gone on, and the slot is behind a completed checkpoint.
    Late,
    /// It should be the result of this request; these statements were checked before.
    Result(Digest, ResultProof),
}

impl<R: Rules> Replica<R> {
    /// The tail answers the client first, then its predecessor, and takes the result itself as if
    /// it had received it.
    pub(super) fn conclude(
        &mut self,
        request: &Signed<Request>,
        reply: Reply,
        statements: ResultProof,
        out: &mut Out<R>,
    ) {
        let Request { client, id, .. } = *request.body();
        let known = statements.clone();
        let proven = Arc::new(ProvenResult { client, id, reply, statements });
        let judgement = self.judge(&proven, request.hash(), &known, out);
        if self.take_result(self.key.owner(), &proven, judgement, out) {
            self.stop_timer(client, out);
            out.send(Identity::client(client), Message::Result(proven.clone()));
            self.pass_back(proven, out);
        }
    }

    /// A result comes from the successor, or from the head to which this replica forwarded a
    /// request.
    pub(super) fn on_result_shuttle(
        &mut self,
        from: Identity,
        proven: Arc<ProvenResult>,
        out: &mut Out<R>,
    ) {
        let (request, known) = match self.expected(&proven) {
            Expected::Done => return self.drop(kind::RESULT_SHUTTLE, from, Dropped::Repeated, out),
            Expected::Late => return self.drop(kind::RESULT_SHUTTLE, from, Dropped::Late, out),
            Expected::Result(request, known) => (request, known),
        };
        let judgement = self.judge(&proven, &request, &known, out);
        if !self.take_result(from, &proven, judgement, out) {
            return;
        }
        if self.timer_runs_for(&proven) {
            let (client, request) = (proven.client, proven.id);
            if self.settings.rules.cancels_timer() {
                self.stop_timer(client, out);
            }
            out.note(|| Note::AnswersClient { client, request });
            out.send(Identity::client(client), Message::Result(proven.clone()));
        }
        if Some(from) == self.place().successor() {
            self.pass_back(proven, out);
        }
    }

    /// What this replica knows of the request that a result is said to belong to.
    fn expected(&mut self, proven: &ProvenResult) -> Expected {
        let Some(seat) = self.seats.get(proven.client as usize) else {
            return Expected::Late;
        };
        if seat.has_cached(proven.id) {
            return Expected::Done;
        }
        if let Some(entry) = self.history.at(proven.slot()) {
            let Request { client, id, .. } = *entry.request.body();
            if (client, id) == (proven.client, proven.id) {
                return match entry.done {
                    true => Expected::Done,
                    false => Expected::Result(*entry.request.hash(), entry.results.clone()),
                };
            }
        }
        match seat.ordered {
            Some(newest) if newest.id > proven.id => Expected::Late,
            Some(newest) if newest.id == proven.id => {
                Expected::Result(newest.request, Chain::EMPTY)
            }
            _ => {
                let stated = proven.statements.newest().map(|statement| statement.body().request);
                Expected::Result(stated.unwrap_or(Digest::from_bytes([0; 32])), Chain::EMPTY)
            }
        }
    }

    fn judge(
        &self,
        proven: &ProvenResult,
        request: &Digest,
        known: &ResultProof,
        out: &mut Out<R>,
    ) -> Judgement {
        self.settings.rules.judge_result(
            &self.settings,
            self.members(),
            proven,
            request,
            known,
            out.notary(),
        )
    }

    /// Caches a result that counts, and says whether it did. Whatever is wrong with the proof goes
    /// to Olympus.
    fn take_result(
        &mut self,
        from: Identity,
        proven: &Arc<ProvenResult>,
        judgement: Judgement,
        out: &mut Out<R>,
    ) -> bool {
        let unanimous = judgement.contradiction.is_none();
        if !self.settings.rules.may_serve(&judgement) {
            let why = judgement.verdict.err().map_or("", Flaw::text);
            let (client, request) = (proven.client, proven.id);
            out.note(|| Note::RefusedResult { client, request, from, why });
            let proof = judgement.contradiction.map(|proof| *proof);
            self.ask(Reason::BadResultProof, proof, out);
            return false;
        }
        if let Some(contradiction) = judgement.contradiction {
            self.ask(Reason::ContradictingResults, Some(*contradiction), out);
        }
        self.cache(proven, unanimous, out);
        true
    }

    fn cache(&mut self, proven: &Arc<ProvenResult>, unanimous: bool, out: &mut Out<R>) {
        let (client, request, slot) = (proven.client, proven.id, proven.slot());
        if let Some(entry) = self.history.at(slot)
            && entry.request.body().id == request
            && entry.request.body().client == client
        {
            entry.done = true;
        }
        let seat = &mut self.seats[client as usize];
        if seat.cached.as_ref().is_none_or(|cached| cached.id <= request) {
            seat.cached = Some(proven.clone());
        }
        out.note(|| Note::Cached {
            configuration: self.members().number,
            slot,
            client,
            request,
            result: proven.reply.clone(),
            unanimous,
        });
    }

    fn timer_runs_for(&self, proven: &ProvenResult) -> bool {
        self.seats[proven.client as usize].timer == Some(proven.id)
    }

    fn pass_back(&self, proven: Arc<ProvenResult>, out: &mut Out<R>) {
        if let Some(predecessor) = self.place().predecessor() {
            out.send(predecessor, Message::ResultShuttle(proven));
        }
    }
}
