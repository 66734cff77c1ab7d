//! A world without times: what could happen next, and letting it happen.
//!
//! For those who walk through all orders. Latencies do not count here: any message may come next
//! that no other one on its stream is before. A timer runs out when nothing else can happen, or
//! earlier where the walker wants that; time then moves to when it was due.

use std::fmt::{self, Write};
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::identity::{Address, Class};
use crate::process::{Message, Protocol};
use crate::trace::Watch;
use crate::wire;

use super::node::Waiting;
use super::queue::Plan;
use super::world::{Act, World, tag};

/// Something that may happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next<P: Protocol> {
    /// To whom.
    pub process: Address,
    /// What.
    pub what: NextWhat<P>,
}

/// What may happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextWhat<P: Protocol> {
    /// A message arrives.
    Arrival {
        /// From whom.
        from: Address,
        /// Its kind.
        kind: &'static str,
        /// The plan of its arrival.
        plan: Planned,
    },
    /// Something planned that is neither a message nor a timer.
    Act(Planned),
    /// A timer runs out.
    Timer(P::Timer),
    /// The process is gone.
    Crash,
}

/// When something comes that is neither a message nor a timer.
#[derive(Clone, Copy, Debug)]
enum Comes {
    /// Before all else, when its time is there: a life begins.
    First,
    /// In any order with messages: a disk takes what time it takes.
    Anywhere,
    /// When time passes.
    Later,
}

/// A plan of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned(Plan);

impl<P: Protocol> fmt::Display for Next<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let process = self.process;
        match &self.what {
            NextWhat::Arrival { from, kind, .. } => write!(f, "{process} gets {kind} from {from}"),
            NextWhat::Act(_) => write!(f, "{process} goes on"),
            NextWhat::Timer(timer) => write!(f, "{process}: {timer:?} runs out"),
            NextWhat::Crash => write!(f, "{process} crashes"),
        }
    }
}

/// What may happen next, by kind.
#[derive(Debug)]
pub struct Branches<P: Protocol> {
    /// What happens at once, and moves no time: of this the first is next, before all else.
    pub due: Option<Next<P>>,
    /// Messages that may arrive, in the order in which they were sent, and what is being written
    /// and may be safe.
    pub arrivals: Vec<Next<P>>,
    /// What needs time to pass: timers that somebody waits for, pauses that end.
    pub later: Vec<Next<P>>,
    /// Replicas that could crash.
    pub crashes: Vec<Next<P>>,
}

impl<P: Protocol> World<P> {
    /// What may happen next.
    pub fn branches(&self) -> Branches<P> {
        let mut branches =
            Branches { due: None, arrivals: Vec::new(), later: Vec::new(), crashes: Vec::new() };
        let mut plans: Vec<Plan> = self.queue.iter().collect();
        plans.sort_unstable_by_key(|plan| plan.order());
        let mut streams = Vec::new();
        for plan in plans {
            let number = plan.what() & !tag::ALL;
            match plan.what() & tag::ALL {
                tag::FLIGHT => {
                    let Some(flight) = self.flights.get(number) else { continue };
                    let ends = (flight.from, flight.to);
                    if self.keeps_order(ends) {
                        if streams.contains(&ends) {
                            continue;
                        }
                        streams.push(ends);
                    }
                    let [from, process] =
                        [flight.from, flight.to].map(|place| self.nodes[place as usize].address);
                    let (kind, plan) = (flight.message.kind().text(), Planned(plan));
                    let what = NextWhat::Arrival { from, kind, plan };
                    branches.arrivals.push(Next { process, what });
                }
                tag::ACT => {
                    let Some((process, comes)) = self.act_on(number) else { continue };
                    let next = Next { process, what: NextWhat::Act(Planned(plan)) };
                    match comes {
                        Comes::First if plan.at_ns() <= self.now_ns => {
                            branches.due = branches.due.or(Some(next));
                        }
                        Comes::Anywhere => branches.arrivals.push(next),
                        Comes::First | Comes::Later => branches.later.push(next),
                    }
                }
                _ => {}
            }
        }
        for node in &self.nodes {
            let process = node.address;
            if !node.is_asleep() {
                let waited_for = node.timers.running().filter(|(timer, _)| !P::is_idle(timer));
                let timers = waited_for.map(|(timer, _)| NextWhat::Timer(timer));
                branches.later.extend(timers.map(|what| Next { process, what }));
            }
            if node.process.is_some() && process.identity.class == Class::Replica {
                branches.crashes.push(Next { process, what: NextWhat::Crash });
            }
        }
        branches
    }

    fn keeps_order(&self, (from, to): (u32, u32)) -> bool {
        self.nodes[from as usize].links.to(to).is_some_and(|link| link.keeps_order())
    }

    /// Whom a plan concerns that is neither a message nor a timer, and when it comes; none if it is
    /// void.
    fn act_on(&self, number: u64) -> Option<(Address, Comes)> {
        let (place, life, comes) = match self.actions.get(number)? {
            Act::Begin(place, life, _) => (place, life, Comes::First),
            Act::Written(place, life) => (place, life, Comes::Anywhere),
            Act::Wake(place, life) => (place, life, Comes::Later),
            Act::Does(address, _) => return Some((*address, Comes::Later)),
        };
        let node = &self.nodes[*place as usize];
        (node.life == *life).then_some((node.address, comes))
    }

    /// Lets something happen that may happen next.
    pub fn follow<W: Watch<P>>(&mut self, next: &Next<P>, watch: &mut W) {
        self.watch(watch.watching());
        self.stats.steps += 1;
        match &next.what {
            NextWhat::Arrival { plan: Planned(plan), .. } => {
                self.queue.remove(*plan);
                self.land(plan.what() & !tag::ALL, watch);
            }
            NextWhat::Act(Planned(plan)) => {
                self.queue.remove(*plan);
                self.now_ns = self.now_ns.max(plan.at_ns());
                self.carry_out_act(plan.what() & !tag::ALL, watch);
            }
            NextWhat::Timer(timer) => {
                let Some(place) = self.find(next.process) else { return };
                let timers = &mut self.nodes[place as usize].timers;
                let due = timers.running().find(|(running, _)| running == timer);
                let Some((timer, due_ns)) = due else { return };
                timers.cancel(timer);
                self.now_ns = self.now_ns.max(due_ns);
                self.ring(place, timer, watch);
            }
            NextWhat::Crash => {
                if let Some(place) = self.find(next.process) {
                    self.crash(place, 0, watch);
                }
            }
        }
    }

    /// What tells this state of the world from another: of each process its inside, whether it
    /// lives, what it waits for and what is kept for it; of each link what is on its way. Times,
    /// numbers of events and what only counts do not belong to it.
    pub fn state(&self) -> u128 {
        let mut state = State(SipHasher13::new());
        for node in &self.nodes {
            state.text(&(&node.process, &node.interposer, node.stopped, node.begun));
            state.text(&(node.is_asleep(), &node.disk.safe, &node.disk.writing));
            node.disk.held.iter().for_each(|(effect, _)| state.text(effect));
            for waiting in &node.backlog {
                match waiting {
                    Waiting::Begin(_) => state.text(&"begin"),
                    Waiting::Flight(flight) => state.text(&(flight.from, &flight.message)),
                    Waiting::Command(ticket, command) => state.text(&(ticket, command)),
                    Waiting::Written => state.text(&"written"),
                    Waiting::Again(input, _) => state.text(input),
                }
            }
            for (timer, _) in node.timers.running() {
                state.text(&timer);
            }
        }
        let mut plans: Vec<Plan> = self.queue.iter().collect();
        plans.sort_unstable_by_key(|plan| plan.order());
        let mut flights = Vec::new();
        for plan in plans {
            let number = plan.what() & !tag::ALL;
            match plan.what() & tag::ALL {
                tag::FLIGHT => flights.extend(self.flights.get(number)),
                tag::ACT => state.text(&self.act_on(number)),
                _ => {}
            }
        }
        // What is on its way on different links has no order.
        let ends = |flight: &&super::messages::Flight<P>| (flight.from, flight.to);
        flights.sort_by_key(ends);
        let mut loose = Vec::new();
        for flight in flights {
            state.text(&(flight.from, flight.to));
            let bytes = wire::encode(&flight.message);
            match self.keeps_order((flight.from, flight.to)) {
                true => state.0.write(&bytes),
                false => loose.push((flight.from, flight.to, bytes)),
            }
        }
        loose.sort_unstable();
        state.text(&loose);
        let hash = state.0.finish128();
        u128::from(hash.h1) << 64 | u128::from(hash.h2)
    }
}

/// Takes what things print for debugging as what they are.
struct State(SipHasher13);

impl State {
    fn text(&mut self, thing: &impl fmt::Debug) {
        write!(self, "{thing:?};").expect("a hash takes all that is written");
    }
}

impl Write for State {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
