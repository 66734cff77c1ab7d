//! A replica: one place in the chain of one configuration.
//!
//! Its parts: [`requests`] decides what to do about a client's request and is where the cases of
//! retransmission stand, [`ordering`] puts requests into slots, [`results`] handles what comes back
//! from the tail, [`checkpoints`] lets history be dropped, [`pleas`] asks Olympus for help, and
//! [`wedging`] is the replica's part when Olympus replaces the configuration.
//!
//! # What it remembers of a client
//!
//! Only the newest: a client has one request at a time and its ids rise, so whoever sees a client's
//! own signature under a newer request knows that the older ones are answered. Nobody will ask for
//! their results again, and their timers need not run. The result shuttle of an older request may
//! still be on its way, though, overtaken by the next request; it is recognised by its slot in the
//! history and travels on. If a completed checkpoint has dropped that slot, so has everybody
//! ordered it, and the shuttle is of no use to anyone any more.

mod checkpoints;
mod door;
mod history;
mod ordering;
mod pleas;
mod requests;
mod results;
mod wedging;

use std::collections::VecDeque;
use std::sync::Arc;

use super::messages::Message;
use super::notes::{Dropped, Mode, Note, NoteName};
use super::rules::{Known, Place, Rules};
use super::settings::Settings;
use super::statements::*;
use super::{Answer, Bcr, Out, ReplicaBirth, Timer};
use crate::choice::Name;
use crate::crypto::{Digest, PublicKey, SecretKey, Signed};
use crate::identity::Identity;
use crate::object::ReplicatedState;
use crate::process::{Field, Input, Message as _};
use checkpoints::Checkpoints;
use history::History;
use pleas::Pleas;
pub(super) use pleas::note_proof;
use wedging::CaughtUpCopy;

/// How many messages a replica keeps that waits for its first state.
const QUEUE_LIMIT: usize = 10_000;

/// A replica.
#[derive(Clone, Debug)]
pub struct Replica<R: Rules> {
    settings: Settings<R>,
    key: SecretKey,
    position: usize,
    configuration: Arc<Signed<Configuration>>,
    olympus: PublicKey,
    mode: Mode,
    state: ReplicatedState<R::Object>,
    next_slot: u64,
    history: History,
    /// One for each client, by its number.
    seats: Vec<Seat>,
    checkpoints: Checkpoints,
    pleas: Pleas,
    /// What it answered to the first wedge request, and to all others.
    wedged: Option<Arc<Signed<Wedged>>>,
    /// What it says to every client since it is immutable.
    refusal: Option<Arc<Signed<ErrorStatement>>>,
    /// Its state after catching up, for the attempt that it belongs to.
    copy: Option<CaughtUpCopy<R::Object>>,
    /// What came before the state did.
    queued: VecDeque<(Identity, Message<R::Object>)>,
}

/// What a replica remembers of a client.
#[derive(Clone, Debug, Default)]
struct Seat {
    /// Its newest request that was ordered in this configuration.
    ordered: Option<OrderedRequest>,
    /// The newest result that came with a good proof.
    cached: Option<Arc<ProvenResult>>,
    /// The request that a timer runs for.
    timer: Option<u64>,
}

/// A request with its slot.
#[derive(Clone, Copy, Debug)]
struct OrderedRequest {
    id: u64,
    slot: u64,
    request: Digest,
}

impl Seat {
    fn has_cached(&self, id: u64) -> bool {
        self.cached.as_ref().is_some_and(|proven| proven.id == id)
    }
}

impl<R: Rules> Replica<R> {
    /// A replica that has done nothing yet.
    pub(super) fn new(birth: ReplicaBirth<R>) -> Replica<R> {
        let ReplicaBirth { settings, key, configuration, olympus, state } = birth;
        let clients = configuration.body().clients.len();
        Replica {
            settings,
            position: key.owner().index as usize,
            key,
            configuration,
            olympus,
            mode: if state.is_some() { Mode::Active } else { Mode::Pending },
            state: state.unwrap_or_default(),
            next_slot: 1,
            history: History::default(),
            seats: vec![Seat::default(); clients],
            checkpoints: Checkpoints::default(),
            pleas: Pleas::default(),
            wedged: None,
            refusal: None,
            copy: None,
            queued: VecDeque::new(),
        }
    }

    pub(super) fn handle(&mut self, input: Input<Bcr<R>>, out: &mut Out<R>) {
        match input {
            Input::Start { .. } => self.note_mode(out),
            // Without its memory it might contradict what it signed: it takes no part again.
            Input::Restart { .. } => out.stop(),
            Input::Message { from, message } => self.receive(from, message, out),
            Input::Timer(timer) => self.expire(timer, out),
            Input::Persisted { .. } => {}
            Input::Command { ticket, .. } => out.answer(ticket, Answer::NotAClient),
        }
    }

    fn receive(&mut self, from: Identity, message: Message<R::Object>, out: &mut Out<R>) {
        let kind = message.kind();
        if !self.settings.rules.may_come_from(&self.place(), kind, from) {
            return self.drop(kind, from, Dropped::WrongSender, out);
        }
        if self.mode == Mode::Pending && !is_for_pending(&message) {
            return self.queue(from, message, out);
        }
        self.act(from, message, out);
    }

    fn act(&mut self, from: Identity, message: Message<R::Object>, out: &mut Out<R>) {
        match message {
            Message::ClientRequest { request, retransmitted } => {
                self.on_client_request(from, request, retransmitted, out);
            }
            Message::ForwardedRequest { request } => self.on_forwarded_request(from, request, out),
            Message::Shuttle { request, orders, results } => {
                self.on_shuttle(from, request, orders, results, out);
            }
            Message::ResultShuttle(proven) => self.on_result_shuttle(from, proven, out),
            Message::Checkpoint { slot, statements } => {
                self.on_checkpoint(from, slot, statements, out);
            }
            Message::CompletedCheckpoint { slot, statements } => {
                self.on_completed_checkpoint(from, slot, statements, out);
            }
            other => self.act_for_olympus(other, out),
        }
    }

    fn expire(&mut self, timer: Timer, out: &mut Out<R>) {
        match timer {
            Timer::Head { client, request } | Timer::Nonhead { client, request } => {
                self.on_request_timeout(client, request, out);
            }
            Timer::Plea => self.repeat_plea(out),
            _ => {}
        }
    }

    /// Keeps a message until the replica has its state.
    fn queue(&mut self, from: Identity, message: Message<R::Object>, out: &mut Out<R>) {
        if self.queued.len() < QUEUE_LIMIT {
            self.queued.push_back((from, message));
        } else {
            self.drop(message.kind(), from, Dropped::NoRoom, out);
        }
    }

    fn members(&self) -> &Configuration {
        self.configuration.body()
    }

    fn place(&self) -> Place<'_> {
        Place { members: self.members(), position: self.position }
    }

    fn known(&self, client: u32) -> Known {
        let seat = &self.seats[client as usize];
        let ordered = seat.ordered.map(|ordered| ordered.id);
        // What was ordered was executed, and nothing older is ordered after it.
        let executed = ordered.or_else(|| self.state.last(client).map(|session| session.id));
        Known { cached: seat.cached.as_ref().map(|proven| proven.id), ordered, executed }
    }

    fn note_mode(&self, out: &mut Out<R>) {
        let (configuration, mode) = (self.members().number, self.mode);
        out.note(|| Note::ModeChanged { configuration, mode });
    }

    fn drop(&self, kind: Name, from: Identity, why: Dropped, out: &mut Out<R>) {
        out.note(|| Note::Dropped { kind: NoteName(kind), from, why });
    }

    pub(super) fn pulse(&self) -> Vec<Field> {
        vec![
            Field::new("mode", format!("{:?}", self.mode).to_lowercase()),
            Field::new("next slot", self.next_slot),
            Field::new("checkpoint", checkpoint_slot(&self.checkpoints.proof)),
            Field::new("queued", self.queued.len()),
        ]
    }

    pub(super) fn look(&self) -> Vec<Field> {
        let seats = || self.seats.iter().enumerate();
        let list = |of: &dyn Fn(&Seat) -> Option<u64>| {
            let shown =
                seats().filter_map(|(client, seat)| Some(format!("{client}/{}", of(seat)?)));
            shown.collect::<Vec<_>>().join(" ")
        };
        vec![
            Field::new("mode", format!("{:?}", self.mode).to_lowercase()),
            Field::new("next slot", self.next_slot),
            Field::new("history", self.history.range()),
            Field::new("checkpoint", checkpoint_slot(&self.checkpoints.proof)),
            Field::new("ordered", list(&|seat| seat.ordered.map(|ordered| ordered.id))),
            Field::new("cached", list(&|seat| seat.cached.as_ref().map(|proven| proven.id))),
            Field::new("timers", list(&|seat| seat.timer)),
            Field::new("queued", self.queued.len()),
            Field::new("state", format!("{:?}", self.state.object())),
        ]
    }
}

/// Whether a replica that waits for its state handles this at once.
fn is_for_pending<O: super::rules::Replicated>(message: &Message<O>) -> bool {
    matches!(message, Message::NewConfiguration(_) | Message::Stop { .. })
}
