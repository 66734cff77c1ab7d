//! What a replica does about a client's request: the cases of retransmission, by their names.

use std::sync::Arc;

use super::super::messages::{Message, kind};
use super::super::notes::{Case, Dropped, Mode, Note};
use super::super::rules::{Rules, Standing};
use super::super::statements::*;
use super::super::{Out, Timer};
use super::Replica;
use crate::crypto::Signed;
use crate::identity::Identity;

/// How a request came to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// From the client, for the first time.
    First,
    /// From the client, which has asked before.
    Again,
    /// From another replica, which the client has asked again.
    Forwarded,
}

impl<R: Rules> Replica<R> {
    pub(super) fn on_client_request(
        &mut self,
        from: Identity,
        request: Arc<Signed<Request>>,
        retransmitted: bool,
        out: &mut Out<R>,
    ) {
        if from != Identity::client(request.body().client) {
            return self.drop(kind::CLIENT_REQUEST, from, Dropped::WrongSender, out);
        }
        let way = if retransmitted { Way::Again } else { Way::First };
        self.answer(from, request, way, out);
    }

    pub(super) fn on_forwarded_request(
        &mut self,
        from: Identity,
        request: Arc<Signed<Request>>,
        out: &mut Out<R>,
    ) {
        self.answer(from, request, Way::Forwarded, out);
    }

    /// The client's signature is checked before anything else is looked at, then the cache.
    fn answer(
        &mut self,
        from: Identity,
        request: Arc<Signed<Request>>,
        way: Way,
        out: &mut Out<R>,
    ) {
        let kind = match way {
            Way::Forwarded => kind::FORWARDED_REQUEST,
            _ => kind::CLIENT_REQUEST,
        };
        if !self.settings.rules.is_signed_by_client(
            self.configuration.body(),
            &request,
            out.notary(),
        ) {
            return self.drop(kind, from, Dropped::BadSignature, out);
        }
        let Request { client, id, .. } = *request.body();
        match self.settings.rules.standing(id, &self.known(client)) {
            Standing::Cached => self.serve_cached(from, &request, way, out),
            _ if self.mode == Mode::Immutable => self.say_immutable(from, &request, way, out),
            Standing::Old => self.drop(kind, from, Dropped::OldRequest, out),
            _ if self.position > 0 => self.forward(from, request, out),
            Standing::Ordered => self.await_result(from, &request, way, out),
            Standing::Unknown => self.order_new(from, request, way, out),
        }
    }

    /// R1 and H1. Whoever forwarded the request gets the result as if it came from the successor,
    /// and the client gets it too, so that both are satisfied.
    fn serve_cached(
        &mut self,
        from: Identity,
        request: &Signed<Request>,
        way: Way,
        out: &mut Out<R>,
    ) {
        let Request { client, .. } = *request.body();
        let Some(proven) = self.seats[client as usize].cached.clone() else {
            return;
        };
        let case = if self.position == 0 { Case::H1 } else { Case::R1 };
        note_case(case, from, request, out);
        if way == Way::Forwarded {
            out.send(from, Message::ResultShuttle(proven.clone()));
        }
        out.send(Identity::client(client), Message::Result(proven));
    }

    /// R2. A replica that forwards needs no answer: the client has asked this one, too.
    fn say_immutable(
        &mut self,
        from: Identity,
        request: &Signed<Request>,
        way: Way,
        out: &mut Out<R>,
    ) {
        if way == Way::Forwarded {
            return self.drop(kind::FORWARDED_REQUEST, from, Dropped::Immutable, out);
        }
        note_case(Case::R2, from, request, out);
        if let Some(refusal) = self.refusal.clone() {
            out.send(from, Message::Error(refusal));
        }
    }

    /// R3.
    fn forward(&mut self, from: Identity, request: Arc<Signed<Request>>, out: &mut Out<R>) {
        note_case(Case::R3, from, &request, out);
        self.start_timer(&request, out);
        let head = self.members().replica(0);
        out.send(head, Message::ForwardedRequest { request });
    }

    /// H2: it is never ordered again. A second copy of a first transmission is only that.
    fn await_result(
        &mut self,
        from: Identity,
        request: &Signed<Request>,
        way: Way,
        out: &mut Out<R>,
    ) {
        if way == Way::First {
            return self.drop(kind::CLIENT_REQUEST, from, Dropped::Repeated, out);
        }
        note_case(Case::H2, from, request, out);
        self.start_timer(request, out);
    }

    /// H3, or the first transmission, for which no timer runs.
    fn order_new(
        &mut self,
        from: Identity,
        request: Arc<Signed<Request>>,
        way: Way,
        out: &mut Out<R>,
    ) {
        if way == Way::First {
            return self.order_as_head(request, out);
        }
        note_case(Case::H3, from, &request, out);
        self.order_as_head(request.clone(), out);
        self.start_timer(&request, out);
    }

    /// Starts the timer of a request, unless it runs or the result is there.
    fn start_timer(&mut self, request: &Signed<Request>, out: &mut Out<R>) {
        let Request { client, id, .. } = *request.body();
        let seat = &self.seats[client as usize];
        if seat.timer == Some(id) || seat.has_cached(id) {
            return;
        }
        self.stop_timer(client, out);
        let after_ns = match self.position {
            0 => self.settings.head_timeout_ns,
            _ => self.settings.nonhead_timeout_ns,
        };
        self.seats[client as usize].timer = Some(id);
        out.set_timer(self.timer(client, id), after_ns);
    }

    /// Stops the timer of a client's request, whichever it is, and says whether one ran.
    pub(super) fn stop_timer(&mut self, client: u32, out: &mut Out<R>) -> bool {
        let Some(id) = self.seats[client as usize].timer.take() else {
            return false;
        };
        out.cancel_timer(self.timer(client, id));
        true
    }

    fn timer(&self, client: u32, request: u64) -> Timer {
        match self.position {
            0 => Timer::Head { client, request },
            _ => Timer::Nonhead { client, request },
        }
    }

    pub(super) fn on_request_timeout(&mut self, client: u32, request: u64, out: &mut Out<R>) {
        let seat = &mut self.seats[client as usize];
        if seat.timer != Some(request) {
            return;
        }
        seat.timer = None;
        out.note(|| Note::TimerExpired { client, request });
        self.ask(Reason::TimerExpired, None, out);
    }
}

fn note_case<R: Rules>(case: Case, from: Identity, request: &Signed<Request>, out: &mut Out<R>) {
    let Request { client, id, .. } = *request.body();
    out.note(|| Note::Retransmitted { case, client, request: id, from });
}
