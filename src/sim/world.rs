//! The world of a run: processes, links, a queue of plans, and the loop that carries them out.
//!
//! One plan at a time is taken, the process it concerns is handed an input, and what comes out of
//! that becomes further plans. Nothing else moves; idle time is skipped.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::choice::Choices;
use crate::identity::{Address, Identity};
use crate::process::{Outbox, Protocol, Ticket};
use crate::scenario::{Network, Schedule};
use crate::trace::{Event, Watch, What};

use super::directory::Directory;
use super::messages::Flight;
use super::node::Node;
use super::queue::{Plan, Queue};
use super::slab::Slab;
use super::{Action, Guard, Settings, Stats, Stop};

/// A run in progress. May be cloned at any moment; the clone goes on as the original would.
#[derive(Clone, Debug)]
pub struct World<P: Protocol> {
    pub(super) now_ns: u64,
    pub(super) queue: Queue,
    /// Under priorities: messages that wait for their turn, the one of the highest priority first.
    pub(super) ready: Queue,
    /// Under priorities: those that a link still holds up, with their priorities.
    pub(super) held_up: BTreeMap<u64, u64>,
    pub(super) nodes: Vec<Node<P>>,
    pub(super) directory: Directory,
    pub(super) flights: Slab<Flight<P>>,
    pub(super) alarms: Slab<(u32, u32, P::Timer)>,
    pub(super) actions: Slab<Act<P>>,
    pub(super) network: Arc<Network>,
    pub(super) schedule: Schedule,
    pub(super) settings: Settings<P>,
    pub(super) choices: Choices,
    pub(super) outbox: Outbox<P>,
    pub(super) watched: bool,
    pub(super) events: u64,
    pub(super) stats: Stats,
    pub(super) guard: Guard,
    /// When the last trouble was over.
    trouble_ns: u64,
    /// When the run must be at rest.
    rest_by_ns: u64,
    /// Whether something found no room.
    pub(super) full: bool,
    pub(super) answers: Vec<(Ticket, P::Answer)>,
    tickets: u64,
}

/// Something planned that is neither a message nor a timer.
#[derive(Clone, Debug)]
pub(super) enum Act<P: Protocol> {
    /// A process, in this life, gets its first input; if nobody knows of its birth, that is told
    /// too.
    Begin(u32, u32, Birth),
    /// What a process is writing, in this life, is safe.
    Written(u32, u32),
    /// A process that stood still, in this life, goes on.
    Wake(u32, u32),
    /// The world does something to a process.
    Does(Address, Action<P>),
}

/// Whether a birth has been told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Birth {
    /// Yes, in this event.
    Told(u64),
    /// Not yet.
    Untold,
}

/// What a plan is about, in the upper bits of its number.
pub(super) mod tag {
    use super::super::queue::SORT_SHIFT;

    /// A message arrives.
    pub(in super::super) const FLIGHT: u64 = 0;
    /// A timer may run out.
    pub(in super::super) const ALARM: u64 = 1 << SORT_SHIFT;
    /// Something rarer.
    pub(in super::super) const ACT: u64 = 2 << SORT_SHIFT;
    /// A message, held up so far, joins those that wait for their turn.
    pub(in super::super) const TURN: u64 = 3 << SORT_SHIFT;
    /// All these bits.
    pub(in super::super) const ALL: u64 = 3 << SORT_SHIFT;
}

/// More processes than most worlds have.
const USUAL_NODES: usize = 16;

/// How long a step takes under the schedule that goes by priorities.
pub(super) const PRIORITY_STEP_NS: u64 = 100_000;

impl<P: Protocol> World<P> {
    /// An empty world.
    pub fn new(settings: Settings<P>) -> World<P> {
        let choices = Choices::new(settings.seed, settings.tape.clone());
        let most = settings.most_pending;
        let rest_by_ns = settings.patience.map_or(u64::MAX, |patience| patience.ends_ns(0));
        World {
            trouble_ns: 0,
            rest_by_ns,
            now_ns: 0,
            queue: Queue::default(),
            ready: Queue::default(),
            held_up: BTreeMap::new(),
            nodes: Vec::with_capacity(USUAL_NODES),
            directory: Directory::default(),
            flights: Slab::new(most),
            alarms: Slab::new(most),
            actions: Slab::new(most),
            network: Arc::new(settings.network.clone()),
            schedule: settings.schedule,
            outbox: Outbox::new(settings.notary.clone(), false),
            guard: Guard::new(settings.steps_at_one_instant),
            settings,
            choices,
            watched: false,
            events: 0,
            stats: Stats::default(),
            full: false,
            answers: Vec::new(),
            tickets: 0,
        }
    }

    /// Puts a process into the world; it starts when the run goes on. A second one under the same
    /// identity is its twin. An identity has 32 processes at most.
    pub fn spawn(&mut self, identity: Identity, birth: P::Birth) -> Address {
        let place = self.place(identity, birth);
        self.act(self.now_ns, Act::Begin(place, 0, Birth::Untold));
        self.nodes[place as usize].address
    }

    /// Plans something to be done to a process. Where there is none at that time, or nothing that
    /// can be done, the trace says that it was in vain.
    pub fn plan(&mut self, at_ns: u64, process: Address, action: Action<P>) {
        self.act(at_ns.max(self.now_ns), Act::Does(process, action));
    }

    /// Plans a command from outside; the ticket comes back with the answer.
    pub fn command(&mut self, at_ns: u64, process: Address, command: P::Command) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.plan(at_ns, process, Action::Command(ticket, command));
        ticket
    }

    /// Takes what processes answered to commands so far.
    pub fn take_answers(&mut self) -> Vec<(Ticket, P::Answer)> {
        std::mem::take(&mut self.answers)
    }

    /// The process at this address, unless it is gone.
    pub fn process(&self, address: Address) -> Option<&P::Process> {
        self.nodes[self.find(address)? as usize].process.as_ref()
    }

    /// All that are there, in the order in which they came.
    pub fn processes(&self) -> impl Iterator<Item = (Address, &P::Process)> {
        self.nodes.iter().filter_map(|node| Some((node.address, node.process.as_ref()?)))
    }

    /// Virtual time.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// How many events somebody saw so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        Stats { notary: self.outbox.notary_ref().counts(), ..self.stats }
    }

    /// Who answers the run's questions.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// From now on keeps every question that is asked, with its answer.
    pub fn record_choices(&mut self) {
        self.choices.record();
    }

    /// Runs until nothing is left to do or a limit is reached.
    pub fn run<W: Watch<P>>(&mut self, watch: &mut W) -> Stop {
        loop {
            if let Some(stop) = self.run_for(u64::MAX, watch) {
                return stop;
            }
        }
    }

    /// Carries out so many plans. Says why not, when there are no more or a limit is reached.
    pub fn run_for<W: Watch<P>>(&mut self, steps: u64, watch: &mut W) -> Option<Stop> {
        (0..steps).find_map(|_| self.step(watch))
    }

    /// Carries out one plan. Says why not, when there is none or a limit is reached.
    pub fn step<W: Watch<P>>(&mut self, watch: &mut W) -> Option<Stop> {
        self.watch(watch.watching());
        if let Some(stop) = self.trap() {
            return Some(stop);
        }
        let Some((at_ns, by_priority)) = self.next() else {
            return Some(Stop::Quiet);
        };
        if self.stats.steps >= self.settings.limits.steps || self.queue.is_spent() {
            return Some(if self.has_business() { self.step_limit() } else { Stop::Quiet });
        }
        let limit_ns = self.settings.limits.time_ns;
        if at_ns > limit_ns.min(self.rest_by_ns) {
            // What is planned that late may be for a timer that nobody waits for any more.
            return Some(match self.has_business() {
                false => Stop::Quiet,
                true if at_ns > limit_ns => Stop::TimeLimit(limit_ns),
                true => self.restless(),
            });
        }
        let from = if by_priority { &mut self.ready } else { &mut self.queue };
        let what = from.pop().map_or(tag::ALL, Plan::what);
        let number = what & !tag::ALL;
        self.stats.steps += 1;
        // A timer that was cancelled or set to later leaves a plan behind, which moves no time.
        let timer = match what & tag::ALL {
            tag::ALARM => match self.alarm(number, at_ns) {
                None => return None,
                Some((_, timer)) if P::is_idle(&timer) && !self.has_business() => {
                    return Some(Stop::Quiet);
                }
                timer => timer,
            },
            _ => None,
        };
        self.guard.tick(at_ns > self.now_ns);
        self.now_ns = self.now_ns.max(at_ns);
        match (what & tag::ALL, timer) {
            (_, Some((place, timer))) => self.ring(place, timer, watch),
            (tag::FLIGHT, _) => self.land(number, watch),
            (tag::TURN, _) => self.join_ready(number),
            _ => self.carry_out_act(number, watch),
        }
        None
    }

    /// Something troubles the run, or did until then: its time to come to rest begins anew.
    pub(super) fn trouble_until(&mut self, until_ns: u64) {
        self.trouble_ns = self.trouble_ns.max(until_ns);
        if let Some(patience) = self.settings.patience {
            self.rest_by_ns = patience.ends_ns(self.trouble_ns);
        }
    }

    fn restless(&self) -> Stop {
        let (since_ns, by_ns) = self.rest().unwrap_or((self.trouble_ns, self.rest_by_ns));
        Stop::Restless { since_ns, by_ns }
    }

    /// When the last trouble was over, and when the run must be at rest, if it must be.
    pub fn rest(&self) -> Option<(u64, u64)> {
        let patience = self.settings.patience?;
        Some((self.trouble_ns.max(patience.planned_ns), self.rest_by_ns))
    }

    /// Whether anything is planned but repetitions that nobody waits for.
    fn has_business(&self) -> bool {
        let is_business = |plan: Plan| match plan.what() & tag::ALL {
            tag::ALARM => self.is_business(plan.what() & !tag::ALL, plan.at_ns()),
            _ => true,
        };
        !self.ready.is_empty() || self.queue.iter().any(is_business)
    }

    /// Whether somebody waits for the timer that this plan looks after.
    fn is_business(&self, number: u64, planned_ns: u64) -> bool {
        let Some((place, life, timer)) = self.alarms.get(number) else {
            return false;
        };
        let node = &self.nodes[*place as usize];
        let runs = node.life == *life && node.timers.due_by_plan(*timer, planned_ns).is_some();
        runs && !P::is_idle(timer)
    }

    pub(super) fn watch(&mut self, watched: bool) {
        if watched != self.watched {
            self.watched = watched;
            self.outbox.set_watched(watched);
        }
    }

    /// Why the run must not go on, whatever is left to do.
    fn trap(&self) -> Option<Stop> {
        if self.full {
            let most = self.settings.most_pending;
            return Some(Stop::TooMuchPending { at_ns: self.now_ns, most });
        }
        if self.guard.is_up() {
            let (process, kind) = self.guard.culprit();
            return Some(Stop::Endless { at_ns: self.now_ns, process, kind });
        }
        None
    }

    fn step_limit(&self) -> Stop {
        let steps = self.settings.limits.steps;
        if !self.guard.is_overdue() {
            return Stop::StepLimit(steps);
        }
        let (process, kind) = self.guard.culprit();
        Stop::Standstill { steps, at_ns: self.now_ns, process, kind }
    }

    /// When the next plan comes up, and whether it is a message whose turn it is by priority.
    fn next(&self) -> Option<(u64, bool)> {
        let planned = self.queue.peek().map(Plan::at_ns);
        if self.ready.is_empty() {
            return planned.map(|at_ns| (at_ns, false));
        }
        let turn_ns = self.now_ns.saturating_add(PRIORITY_STEP_NS);
        let first = planned.filter(|at_ns| *at_ns <= turn_ns);
        Some(first.map_or((turn_ns, true), |at_ns| (at_ns, false)))
    }

    /// Plans something, if there is room.
    pub(super) fn act(&mut self, at_ns: u64, act: Act<P>) {
        match self.actions.put(act) {
            Some(number) => self.queue.push(at_ns, tag::ACT | number),
            None => self.full = true,
        }
    }

    /// Where the process at this address has its place.
    pub(super) fn find(&self, address: Address) -> Option<u32> {
        let mut place = self.directory.first(address.identity)?;
        while self.nodes[place as usize].address != address {
            place = self.nodes[place as usize].twin?;
        }
        Some(place)
    }

    /// Tells the watcher, if there is one, what happened to a process; returns the event's number.
    pub(super) fn emit<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        place: u32,
        cause: u64,
        what: What<'_, P>,
    ) -> u64 {
        if !self.watched {
            return 0;
        }
        self.tell(watch, self.nodes[place as usize].address, cause, what)
    }

    /// The same by address.
    pub(super) fn tell<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        process: Address,
        cause: u64,
        what: What<'_, P>,
    ) -> u64 {
        if !self.watched {
            return 0;
        }
        self.events += 1;
        let event = Event { number: self.events, at_ns: self.now_ns, process, cause, what };
        watch.see(&event, self.outbox.notary_ref());
        self.events
    }
}
