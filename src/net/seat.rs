//! One process at its place: the process, its timers, what it persists, and what waits.
//!
//! A seat does with every effect what the simulator does with it, in the same order, and knows no
//! socket: what leaves the process is handed to whoever runs the seat. All inputs go to the process
//! through one function, [`Seat::hand`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::crypto::{Counts, Notary};
use crate::identity::{Address, Identity};
use crate::process::{
    self, Effect, Entropy, Field, InjectionStep, Input, Interpose, Outbox, Process as _, Protocol,
    Survived, Ticket,
};
use crate::time::Now;
use crate::trace::{Event, Watch, What};

/// Something that leaves a process.
#[derive(Debug)]
pub(super) enum Leaving<P: Protocol> {
    /// A message.
    Message {
        /// To whom.
        to: Identity,
        /// The sender's event in which it left; 0 if nobody watches.
        sent: u64,
        /// What.
        message: P::Message,
    },
    /// A process to be started.
    Birth {
        /// Whom.
        identity: Identity,
        /// From what.
        birth: P::Birth,
        /// The event that led to it.
        cause: u64,
    },
    /// An answer to the outside.
    Answer(Ticket, P::Answer),
    /// Bytes to be made safe; [`Seat::written`] is to be called then.
    Writing,
}

/// Something that comes to a process from outside of its seat.
#[derive(Clone, Debug)]
pub(super) enum Coming<P: Protocol> {
    /// It begins.
    Start(Entropy),
    /// A message.
    Message {
        /// From whom.
        from: Identity,
        /// The sender's event in which it left.
        sent: u64,
        /// What.
        message: P::Message,
    },
    /// A question from outside.
    Command(Ticket, P::Command),
    /// What it was writing is safe.
    Written,
}

/// What has to wait until a process goes on.
#[derive(Debug)]
enum Waiting<P: Protocol> {
    Coming(Coming<P>),
    /// An input in whose handling it was interrupted, with that input's event.
    Again(Input<P>, u64),
}

/// A process at its place.
pub(super) struct Seat<P: Protocol> {
    address: Address,
    /// None after its end.
    process: Option<P::Process>,
    interposer: Option<Box<dyn Interpose<P>>>,
    outbox: Outbox<P>,
    timers: Timers<P::Timer>,
    safe: Survived,
    writing: Option<(u64, Arc<[u8]>)>,
    /// Effects that may not leave before it is safe, with the event that caused each.
    held: VecDeque<(Effect<P>, u64)>,
    asleep_until_ns: Option<u64>,
    /// When a failure was last set off, or it woke.
    trouble_ns: u64,
    backlog: VecDeque<Waiting<P>>,
    leaving: Vec<Leaving<P>>,
    watch: Watcher<P>,
    events: u64,
}

/// Somebody who watches a process and keeps what he sees.
pub(super) trait Keep<P: Protocol>: Watch<P> {
    /// Puts down all that he saw so far: nothing more may come for a while.
    fn flush(&mut self);

    /// Something comes to the process, or without that time has passed: told before the process is.
    fn comes(&mut self, _: Now, _: Option<&Coming<P>>, _: &P::Process, _: &Notary) {}

    /// Nothing comes to it any more; without a process, that has ended by itself.
    fn ends(&mut self, _: Option<&P::Process>) {}
}

/// Two, in this order.
impl<P: Protocol> Keep<P> for (Box<dyn Keep<P>>, Box<dyn Keep<P>>) {
    fn flush(&mut self) {
        self.0.flush();
        self.1.flush();
    }

    fn comes(&mut self, now: Now, what: Option<&Coming<P>>, process: &P::Process, own: &Notary) {
        self.0.comes(now, what, process, own);
        self.1.comes(now, what, process, own);
    }

    fn ends(&mut self, process: Option<&P::Process>) {
        self.0.ends(process);
        self.1.ends(process);
    }
}

/// Who watches a process, if anybody does.
pub(super) type Watcher<P> = Option<Box<dyn Keep<P>>>;

impl<P: Protocol> Seat<P> {
    /// A process that has done nothing yet, with a notary of its own; perhaps somebody stands
    /// before it.
    pub(super) fn new(
        address: Address,
        birth: P::Birth,
        interposer: Option<Box<dyn Interpose<P>>>,
        notary: Notary,
        watch: Watcher<P>,
    ) -> Seat<P> {
        Seat {
            address,
            process: Some(P::born(birth)),
            interposer,
            outbox: Outbox::new(notary, watch.is_some()),
            timers: Timers::none(),
            safe: Survived::new(),
            writing: None,
            held: VecDeque::new(),
            asleep_until_ns: None,
            trouble_ns: 0,
            backlog: VecDeque::new(),
            leaving: Vec::new(),
            watch,
            events: 0,
        }
    }

    /// The process, unless it has ended.
    pub(super) fn process(&self) -> Option<&P::Process> {
        self.process.as_ref()
    }

    /// The timers that run, the next one first.
    pub(super) fn timers(&self) -> impl Iterator<Item = (u64, P::Timer)> {
        self.timers.in_order.iter().copied()
    }

    /// When a failure was last set off, or the process woke that had stood still.
    pub(super) fn trouble_ns(&self) -> u64 {
        self.trouble_ns
    }

    /// Whether it will do nothing before something comes to it, but for what nobody waits for.
    pub(super) fn is_quiet(&self) -> bool {
        let is_awake = self.asleep_until_ns.is_none() && self.writing.is_none();
        is_awake && self.timers().all(|(_, timer)| P::is_idle(&timer))
    }

    /// Whether the process has ended.
    pub(super) fn is_over(&self) -> bool {
        self.process.is_none()
    }

    /// What the process shows to whoever watches over it.
    pub(super) fn pulse(&self) -> Vec<Field> {
        self.process.as_ref().map_or_else(Vec::new, P::Process::pulse)
    }

    /// How often its notary was asked.
    pub(super) fn notary_counts(&self) -> Counts {
        self.outbox.notary_ref().counts()
    }

    /// Takes out what has left the process, in order, and puts it last.
    pub(super) fn take_leaving(&mut self, to: &mut Vec<Leaving<P>>) {
        to.append(&mut self.leaving);
    }

    /// When the seat wants to be given a [`Seat::tick`].
    pub(super) fn due_ns(&self) -> Option<u64> {
        self.asleep_until_ns.or_else(|| self.timers.first().map(|(due_ns, _)| due_ns))
    }

    /// Something comes to the process. While it stands still, that waits.
    pub(super) fn take(&mut self, now: Now, coming: Coming<P>) {
        if self.process.is_none() {
            return;
        }
        self.announce(now, Some(&coming));
        if self.asleep_until_ns.is_some() {
            if let (Coming::Written, Some((shelf, bytes))) = (&coming, &self.writing) {
                self.safe.insert(*shelf, bytes.clone());
            }
            self.backlog.push_back(Waiting::Coming(coming));
            return;
        }
        self.receive(now, coming);
    }

    /// Time has passed: wakes the process, and lets the timers run out that are due.
    pub(super) fn tick(&mut self, now: Now) {
        if self.due_ns().is_some_and(|due_ns| due_ns <= now.monotonic_ns) {
            self.announce(now, None);
        }
        if self.asleep_until_ns.is_some_and(|until_ns| until_ns <= now.monotonic_ns) {
            self.wake(now);
        }
        // A timer that is set anew for this very moment waits for the next tick.
        for _ in 0..self.timers.len() {
            let due = self.timers.first().filter(|(due_ns, _)| *due_ns <= now.monotonic_ns);
            let Some((_, timer)) = due.filter(|_| self.asleep_until_ns.is_none()) else {
                return;
            };
            self.timers.cancel(timer);
            let cause = self.emit(now, 0, What::TimerFired { timer });
            self.hand(now, Input::Timer(timer), cause);
        }
    }

    /// Lets whoever watches put down what he saw so far.
    pub(super) fn flush(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.flush();
        }
    }

    /// Tells whoever watches what happened to the process; returns the event's number. From outside
    /// of the seat that is its birth, and that it made somebody in vain: `record` knows of these.
    pub(super) fn emit(&mut self, now: Now, cause: u64, what: What<'_, P>) -> u64 {
        let Some(watch) = &mut self.watch else {
            return 0;
        };
        self.events += 1;
        let (number, at_ns, process) = (self.events, now.monotonic_ns, self.address);
        let event = Event { number, at_ns, process, cause, what };
        watch.see(&event, self.outbox.notary_ref());
        self.events
    }

    /// Tells whoever watches what is going to happen.
    fn announce(&mut self, now: Now, what: Option<&Coming<P>>) {
        if let (Some(watch), Some(process)) = (&mut self.watch, &self.process) {
            watch.comes(now, what, process, self.outbox.notary_ref());
        }
    }

    fn receive(&mut self, now: Now, coming: Coming<P>) {
        match coming {
            Coming::Start(entropy) => {
                let cause = self.emit(now, 0, What::Started);
                self.hand(now, Input::Start { entropy }, cause);
            }
            Coming::Message { from, sent, message } => {
                let what = What::Received { from: Address::of(from), sent, message: &message };
                let cause = self.emit(now, 0, what);
                self.hand(now, Input::Message { from, message }, cause);
            }
            Coming::Command(ticket, command) => {
                let cause = self.emit(now, 0, What::Commanded { ticket, command: &command });
                self.hand(now, Input::Command { ticket, command }, cause);
            }
            Coming::Written => self.written(now),
        }
    }

    /// Hands an input to the process and carries out what comes of it. Every input comes this way.
    fn hand(&mut self, now: Now, input: Input<P>, cause: u64) {
        let Some(process) = &mut self.process else {
            return;
        };
        let mut effects =
            process::hand(process, &mut self.interposer, (now, input), &mut self.outbox);
        for effect in effects.drain(..) {
            self.carry_out(now, effect, cause);
        }
        self.outbox.reuse(effects);
    }

    /// Carries out an effect, or holds it back until what was persisted before it is safe.
    fn carry_out(&mut self, now: Now, effect: Effect<P>, cause: u64) {
        if self.process.is_none() {
            return;
        }
        if self.writing.is_some() && effect.leaves() {
            self.held.push_back((effect, cause));
            return;
        }
        match effect {
            Effect::Send { to, message } => {
                let what = What::Sent { to: Address::of(to), message: &message, copy: 0 };
                let sent = self.emit(now, cause, what);
                self.leaving.push(Leaving::Message { to, sent, message });
            }
            Effect::SetTimer { timer, after_ns } => {
                let due_ns = now.monotonic_ns.saturating_add(after_ns);
                self.timers.set(timer, due_ns);
                self.emit(now, cause, What::TimerSet { timer, due_ns });
            }
            Effect::CancelTimer(timer) => {
                if self.timers.cancel(timer) {
                    self.emit(now, cause, What::TimerCancelled { timer });
                }
            }
            Effect::Note(note) => {
                self.emit(now, cause, What::Noted(&note));
            }
            rare => self.carry_out_rare(now, rare, cause),
        }
    }

    #[cold]
    fn carry_out_rare(&mut self, now: Now, effect: Effect<P>, cause: u64) {
        match effect {
            Effect::Spawn { identity, birth } => {
                self.leaving.push(Leaving::Birth { identity, birth, cause });
            }
            Effect::Answer { ticket, answer } => {
                self.emit(now, cause, What::Answered { ticket, answer: &answer });
                self.leaving.push(Leaving::Answer(ticket, answer));
            }
            Effect::Persist { shelf, bytes } => {
                self.emit(now, cause, What::Persisting { shelf, bytes: bytes.len() });
                self.writing = Some((shelf, bytes));
                self.leaving.push(Leaving::Writing);
            }
            Effect::Stop => self.end(now, cause, What::Stopped),
            Effect::Crash => self.end(now, cause, What::Crashed),
            Effect::Injected(injection) => {
                if injection.step != InjectionStep::InVain {
                    self.trouble_ns = now.monotonic_ns;
                }
                self.emit(now, cause, What::Injected(&injection));
            }
            Effect::Stall { for_ns, again } => {
                self.backlog.push_front(Waiting::Again(*again, cause));
                let until_ns = now.monotonic_ns.saturating_add(for_ns);
                self.pause(now, until_ns, cause);
            }
            Effect::Send { .. }
            | Effect::SetTimer { .. }
            | Effect::CancelTimer(_)
            | Effect::Note(_) => {}
        }
    }

    /// What the process was writing is safe: what waited for it leaves, then the process is told.
    fn written(&mut self, now: Now) {
        let Some((shelf, bytes)) = self.writing.take() else {
            return;
        };
        self.safe.insert(shelf, bytes);
        let cause = self.emit(now, 0, What::Persisted { shelf });
        while self.writing.is_none() {
            let Some((effect, cause)) = self.held.pop_front() else { break };
            self.carry_out(now, effect, cause);
        }
        self.hand(now, Input::Persisted { shelf }, cause);
    }

    /// It stands still; if it does already, for the longer of both times.
    fn pause(&mut self, now: Now, until_ns: u64, cause: u64) {
        if self.asleep_until_ns.is_some_and(|old_ns| old_ns >= until_ns) {
            return;
        }
        self.asleep_until_ns = Some(until_ns);
        self.emit(now, cause, What::Paused { until_ns });
    }

    fn wake(&mut self, now: Now) {
        self.asleep_until_ns = None;
        self.trouble_ns = now.monotonic_ns;
        self.emit(now, 0, What::Resumed);
        while self.asleep_until_ns.is_none() {
            match self.backlog.pop_front() {
                None => return,
                Some(Waiting::Coming(coming)) => self.receive(now, coming),
                Some(Waiting::Again(input, cause)) => self.hand(now, input, cause),
            }
        }
    }

    fn end(&mut self, now: Now, cause: u64, what: What<'_, P>) {
        self.emit(now, cause, what);
        self.process = None;
        self.timers = Timers::none();
        self.asleep_until_ns = None;
        self.writing = None;
        self.held.clear();
        self.backlog.clear();
    }
}

/// Whoever watches learns that nothing more comes.
impl<P: Protocol> Drop for Seat<P> {
    fn drop(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.ends(self.process.as_ref());
        }
    }
}

/// A process's timers: one of each name runs at most.
#[derive(Debug)]
struct Timers<T> {
    due_ns: BTreeMap<T, u64>,
    in_order: BTreeSet<(u64, T)>,
}

impl<T: Copy + Ord> Timers<T> {
    const fn none() -> Timers<T> {
        Timers { due_ns: BTreeMap::new(), in_order: BTreeSet::new() }
    }

    fn set(&mut self, timer: T, due_ns: u64) {
        self.cancel(timer);
        self.due_ns.insert(timer, due_ns);
        self.in_order.insert((due_ns, timer));
    }

    /// Cancels the timer; returns whether it ran.
    fn cancel(&mut self, timer: T) -> bool {
        let due_ns = self.due_ns.remove(&timer);
        due_ns.is_some_and(|due_ns| self.in_order.remove(&(due_ns, timer)))
    }

    /// The one that runs out first, and when.
    fn first(&self) -> Option<(u64, T)> {
        self.in_order.first().copied()
    }

    fn len(&self) -> usize {
        self.in_order.len()
    }
}

#[cfg(test)]
#[path = "seat_tests.rs"]
mod tests;
