//! The way of a message: from a process's outbox over a link to its receiver.

use crate::choice::About;
use crate::identity::Identity;
use crate::process::{Input, Message, Protocol};
use crate::scenario::Schedule;
use crate::trace::{Loss, Watch, What};
use crate::wire;

use super::ground;
use super::link::{Asking, Fate, Link};
use super::node::Waiting;
use super::world::{World, tag};

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Flight<P: Protocol> {
    /// The sender's place; its later lives are the same sender.
    pub(super) from: u32,
    /// The receiver's place; whichever life it has when the message arrives gets it.
    pub(super) to: u32,
    /// The event in which it was sent.
    pub(super) sent: u64,
    pub(super) message: P::Message,
}

/// Which messages go first, where times do not say it.
#[derive(Clone, Copy)]
struct Turn {
    priority: u64,
    /// Whether the link may hold the message up before it waits for its turn.
    held_up: bool,
}

impl<P: Protocol> World<P> {
    /// Sends to every process of an identity.
    pub(super) fn send<W: Watch<P>>(
        &mut self,
        from: u32,
        to: Identity,
        message: P::Message,
        cause: u64,
        watch: &mut W,
    ) {
        let Some(mut place) = self.directory.first(to) else {
            self.stats.unreachable += 1;
            self.emit(watch, from, cause, What::Unreachable { to, message: &message });
            return;
        };
        while let Some(twin) = self.nodes[place as usize].twin {
            self.send_copy(from, place, message.clone(), cause, watch);
            place = twin;
        }
        self.send_copy(from, place, message, cause, watch);
    }

    /// Sends to one process.
    fn send_copy<W: Watch<P>>(
        &mut self,
        from: u32,
        to: u32,
        message: P::Message,
        cause: u64,
        watch: &mut W,
    ) {
        self.stats.sent += 1;
        let link_at = self.link(from, to);
        let link = self.nodes[from as usize].links.at(link_at);
        let (kind, subject) = (message.kind(), message.subject());
        if self.guard.is_suspicious() {
            self.guard.sent((from, to), kind, subject);
        }
        let counts = link.asks || self.watched;
        let copy = if counts { link.count(kind, subject) } else { 0 };
        let about = About { kind, subject, copy };
        let mut asking = Asking { about: &about, choices: &mut self.choices };
        let fate = link.carry(self.now_ns, &mut asking, || wire::encoded_len(&message));
        let turn = match self.schedule {
            Schedule::Pct { changes, length } => {
                let priority = link.priority((changes, length), &mut asking);
                Some(Turn { priority, held_up: link.holds_up() })
            }
            _ => None,
        };
        let sent = if self.watched {
            let what = What::Sent { to: self.nodes[to as usize].address, message: &message, copy };
            self.emit(watch, from, cause, what)
        } else {
            0
        };
        let flight = Flight { from, to, sent, message };
        match fate {
            Fate::Arrives(arrival_ns, None) => self.fly(flight, arrival_ns, turn),
            fate => self.meet(fate, flight, turn, watch),
        }
    }

    /// Something other than an arrival befalls a message.
    #[cold]
    fn meet<W: Watch<P>>(
        &mut self,
        fate: Fate,
        flight: Flight<P>,
        turn: Option<Turn>,
        watch: &mut W,
    ) {
        let (from, sent) = (flight.from, flight.sent);
        match fate {
            Fate::Arrives(arrival_ns, second) => {
                if let Some(second_ns) = second {
                    self.stats.duplicated += 1;
                    self.emit(watch, from, sent, What::Duplicated { sent });
                    self.fly(flight.clone(), second_ns, turn);
                }
                self.fly(flight, arrival_ns, turn);
            }
            Fate::Lost(why) => {
                self.stats.lost += 1;
                self.emit(watch, from, sent, What::Lost { sent, why });
            }
            Fate::Held => {
                self.stats.held += 1;
                self.emit(watch, from, sent, What::Held { sent });
            }
        }
    }

    /// Plans an arrival: by time, or in its turn.
    #[inline]
    fn fly(&mut self, flight: Flight<P>, arrives_ns: u64, turn: Option<Turn>) {
        let Some(number) = self.flights.put(flight) else {
            self.full = true;
            return;
        };
        match turn {
            None => self.queue.push(arrives_ns, tag::FLIGHT | number),
            Some(Turn { priority, held_up: false }) => {
                self.ready.push(!priority, tag::FLIGHT | number);
            }
            Some(Turn { priority, held_up: true }) => {
                self.held_up.insert(number, priority);
                self.queue.push(arrives_ns, tag::TURN | number);
            }
        }
    }

    /// A message that its link held up waits for its turn from now on.
    pub(super) fn join_ready(&mut self, number: u64) {
        if let Some(priority) = self.held_up.remove(&number) {
            self.ready.push(!priority, tag::FLIGHT | number);
        }
    }

    /// A message arrives.
    pub(super) fn land<W: Watch<P>>(&mut self, number: u64, watch: &mut W) {
        let Some(flight) = self.flights.take(number) else {
            return;
        };
        let node = &self.nodes[flight.to as usize];
        if node.is_asleep() {
            self.wait(flight.to, Waiting::Flight(flight));
        } else if node.process.is_none() {
            self.lose(&flight, watch);
        } else {
            self.receive(flight, watch);
        }
    }

    /// A message's receiver is gone.
    pub(super) fn lose<W: Watch<P>>(&mut self, flight: &Flight<P>, watch: &mut W) {
        self.stats.lost += 1;
        let sent = flight.sent;
        self.emit(watch, flight.from, sent, What::Lost { sent, why: Loss::Gone });
    }

    /// Hands a message in.
    pub(super) fn receive<W: Watch<P>>(&mut self, flight: Flight<P>, watch: &mut W) {
        let Flight { from, to, sent, message } = flight;
        let from = self.nodes[from as usize].address;
        self.stats.received += 1;
        if self.guard.is_suspicious() {
            self.blame(to, message.kind().text());
        }
        let cause = self.emit(watch, to, sent, What::Received { from, sent, message: &message });
        self.hand(to, Input::Message { from: from.identity, message }, cause, watch);
    }

    /// Where the link to this process stands among the sender's; made when first used.
    #[inline]
    fn link(&mut self, from: u32, to: u32) -> usize {
        match self.nodes[from as usize].links.find(to) {
            Some(at) => at,
            None => self.new_link(from, to),
        }
    }

    #[cold]
    fn new_link(&mut self, from: u32, to: u32) -> usize {
        let [sender, receiver] = [from, to].map(|end| self.nodes[end as usize].address);
        let rules = self.network.link(sender.identity, receiver.identity);
        let cuts = ground::cuts(&self.network, sender.identity, receiver.identity);
        let ends = self.choices.ends(sender, receiver);
        let link = Link::new(rules, cuts, ends, self.schedule);
        self.nodes[from as usize].links.add(to, link)
    }
}
