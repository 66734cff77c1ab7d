//! What the world keeps about one process: the process itself, its clocks, timers and disk.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::identity::Address;
use crate::process::{Effect, Input, Interpose, Protocol, Survived, Ticket};
use crate::time::{Now, WALL_START_NS};

use super::link::Links;
use super::messages::Flight;

/// A process and its surroundings.
#[derive(Clone, Debug)]
pub(super) struct Node<P: Protocol> {
    pub(super) address: Address,
    /// The next process of the same identity.
    pub(super) twin: Option<u32>,
    pub(super) birth: P::Birth,
    /// The process; none while it is crashed or after it stopped.
    pub(super) process: Option<P::Process>,
    /// Who stands before it. Crashes and restarts are nothing to him.
    pub(super) interposer: Option<Box<dyn Interpose<P>>>,
    /// Whether it ended itself, so that it comes no more.
    pub(super) stopped: bool,
    /// Whether it had its first input.
    pub(super) begun: bool,
    /// How often it was started; what was planned for an earlier life is void.
    pub(super) life: u32,
    pub(super) clock: Clock,
    pub(super) timers: Timers<P::Timer>,
    pub(super) disk: Disk<P>,
    /// Until when it stands still.
    pub(super) asleep_until_ns: Option<u64>,
    /// What came while it stood still.
    pub(super) backlog: VecDeque<Waiting<P>>,
    pub(super) links: Links,
}

/// Something that waits for a process to go on.
#[derive(Clone, Debug)]
pub(super) enum Waiting<P: Protocol> {
    /// Its first input, with the event that caused it.
    Begin(u64),
    /// A message.
    Flight(Flight<P>),
    /// A command from outside.
    Command(Ticket, P::Command),
    /// That what it was writing is safe.
    Written,
    /// An input in whose handling it was interrupted, with that input's event.
    Again(Input<P>, u64),
}

impl<P: Protocol> Node<P> {
    /// A process that has not begun.
    pub(super) fn new(address: Address, birth: P::Birth, process: P::Process) -> Node<P> {
        Node {
            address,
            twin: None,
            birth,
            process: Some(process),
            interposer: None,
            stopped: false,
            begun: false,
            life: 0,
            clock: Clock::TRUE,
            timers: Timers::none(),
            disk: Disk::empty(),
            asleep_until_ns: None,
            backlog: VecDeque::new(),
            links: Links::default(),
        }
    }

    /// Whether it stands still.
    pub(super) fn is_asleep(&self) -> bool {
        self.asleep_until_ns.is_some()
    }
}

/// How a process's clocks differ from the true time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Local nanoseconds per true second.
    pub(crate) rate_ppb: u64,
    /// How much the wall clock is ahead.
    pub(crate) ahead_ns: i64,
}

const TRUE_PPB: u64 = 1_000_000_000;

impl Clock {
    pub(crate) const TRUE: Clock = Clock { rate_ppb: TRUE_PPB, ahead_ns: 0 };

    /// What the process is told at this true time.
    pub(crate) fn read(self, true_ns: u64) -> Now {
        let monotonic_ns = scale(true_ns, self.rate_ppb, TRUE_PPB);
        let wall_ns = WALL_START_NS.saturating_add(monotonic_ns);
        Now { monotonic_ns, wall_ns: wall_ns.saturating_add_signed(self.ahead_ns) }
    }

    /// How long this much local time takes in truth, never less.
    pub(crate) fn true_length(self, local_ns: u64) -> u64 {
        if self.rate_ppb == TRUE_PPB {
            return local_ns;
        }
        let product = u128::from(local_ns) * u128::from(TRUE_PPB);
        product.div_ceil(u128::from(self.rate_ppb.max(1))).min(u128::from(u64::MAX)) as u64
    }
}

fn scale(ns: u64, by: u64, per: u64) -> u64 {
    if by == per {
        return ns;
    }
    (u128::from(ns) * u128::from(by) / u128::from(per)).min(u128::from(u64::MAX)) as u64
}

/// A process's timers, by name.
///
/// Setting a timer later, or cancelling it, leaves its plan in the queue: when the plan comes up,
/// it is renewed or forgotten. So a timer that is set anew for each request costs one plan per
/// time-out, not one per request.
#[derive(Clone, Debug)]
pub(super) struct Timers<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    timer: T,
    /// When it runs out; none if it does not run.
    due_ns: Option<u64>,
    /// When the plan that will look after it comes up.
    planned_ns: Option<u64>,
}

/// What to do about a timer's plan that came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// It ran out.
    Fires,
    /// It was set to later: plan again for then.
    Renew(u64),
    /// Nothing.
    Void,
}

impl<T: Copy + Ord> Timers<T> {
    pub(super) const fn none() -> Timers<T> {
        Timers { entries: Vec::new() }
    }

    /// Sets the timer; returns whether it needs a plan.
    pub(super) fn set(&mut self, timer: T, due_ns: u64) -> bool {
        let place = match self.find(timer) {
            Ok(place) => place,
            Err(place) => {
                self.entries.insert(place, Entry { timer, due_ns: None, planned_ns: None });
                place
            }
        };
        let entry = &mut self.entries[place];
        entry.due_ns = Some(due_ns);
        if entry.planned_ns.is_some_and(|planned_ns| planned_ns <= due_ns) {
            return false;
        }
        entry.planned_ns = Some(due_ns);
        true
    }

    /// Cancels the timer; returns whether it ran.
    pub(super) fn cancel(&mut self, timer: T) -> bool {
        let Ok(place) = self.find(timer) else {
            return false;
        };
        let entry = &mut self.entries[place];
        let ran = entry.due_ns.take().is_some();
        if entry.planned_ns.is_none() {
            self.entries.remove(place);
        }
        ran
    }

    /// A plan for this timer came up; a process that stands still has to wait for it longer.
    pub(super) fn came_up(&mut self, timer: T, now_ns: u64, asleep: Option<u64>) -> Alarm {
        let Ok(place) = self.find(timer) else {
            return Alarm::Void;
        };
        let entry = &mut self.entries[place];
        if entry.planned_ns != Some(now_ns) {
            return Alarm::Void;
        }
        match entry.due_ns.map(|due_ns| due_ns.max(asleep.unwrap_or(0))) {
            // A process that goes on at this very instant has its backlog first.
            Some(due_ns) if due_ns > now_ns || asleep.is_some() => {
                entry.planned_ns = Some(due_ns);
                Alarm::Renew(due_ns)
            }
            Some(_) => {
                self.entries.remove(place);
                Alarm::Fires
            }
            None => {
                self.entries.remove(place);
                Alarm::Void
            }
        }
    }

    /// When the timer runs out, if the plan that comes up then looks after it.
    pub(super) fn due_by_plan(&self, timer: T, planned_ns: u64) -> Option<u64> {
        let entry = &self.entries[self.find(timer).ok()?];
        entry.due_ns.filter(|_| entry.planned_ns == Some(planned_ns))
    }

    /// Those that run, with the time when each runs out.
    pub(super) fn running(&self) -> impl Iterator<Item = (T, u64)> {
        self.entries.iter().filter_map(|entry| Some((entry.timer, entry.due_ns?)))
    }

    fn find(&self, timer: T) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| entry.timer.cmp(&timer))
    }
}

/// What a process persisted, and what waits for it.
#[derive(Clone, Debug)]
pub(super) struct Disk<P: Protocol> {
    pub(super) safe: Survived,
    /// What is being written.
    pub(super) writing: Option<(u64, Arc<[u8]>)>,
    /// Effects that may not leave before it is safe, with the event that caused each.
    pub(super) held: VecDeque<(Effect<P>, u64)>,
}

impl<P: Protocol> Disk<P> {
    pub(super) fn empty() -> Disk<P> {
        Disk { safe: Survived::new(), writing: None, held: VecDeque::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_set_anew_needs_one_plan() {
        let mut timers = Timers::none();
        assert!(timers.set('a', 10));
        assert!(!timers.set('a', 20), "the plan for 10 looks after it");
        assert_eq!(timers.came_up('a', 10, None), Alarm::Renew(20));
        assert!(timers.set('a', 15), "earlier than its plan: a plan of its own");
        assert_eq!(timers.came_up('a', 15, None), Alarm::Fires);
        assert_eq!(timers.came_up('a', 20, None), Alarm::Void);
    }

    #[test]
    fn a_cancelled_timer_does_not_fire() {
        let mut timers = Timers::none();
        timers.set('a', 10);
        assert!(timers.cancel('a'));
        assert!(!timers.cancel('a'));
        assert_eq!(timers.came_up('a', 10, None), Alarm::Void);
        assert!(timers.entries.is_empty());
    }

    #[test]
    fn a_fast_clock_runs_out_early_but_never_before_its_own_time() {
        let clock = Clock { rate_ppb: 1_500_000_000, ahead_ns: -5 };
        let length = clock.true_length(1_000);
        assert_eq!(length, 667);
        assert!(clock.read(length).monotonic_ns >= 1_000);
        assert_eq!(clock.read(0).wall_ns, WALL_START_NS - 5);
    }
}
