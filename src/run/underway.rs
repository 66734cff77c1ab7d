//! A run under way, whatever its protocol: who looks on, who judges, and how it is driven.

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::choice::Tape;
use crate::crypto::Notary;
use crate::fault::{Adversary as _, Attackable, Trigger};
use crate::identity::{Address, Identity};
use crate::judge::liveness::{self, NoDemand};
use crate::judge::{Bench as _, Clients, Counted, Injections, Judged, Ruling};
use crate::process::{Field, Message as _, Process as _, Protocol};
use crate::scenario::{Expect, Scenario};
use crate::sim::{Action, Branches, Next, NextWhat, Stop, World};
use crate::time::Instant;
use crate::trace::{Event, Fingerprint, Happening, Line, Lines, Watch, What, Witnessed};

use super::{Digesting, Report, Rest};

/// Somebody who can watch a run of any protocol.
pub trait Onlooker {
    /// Sees one event.
    fn see(&mut self, event: &dyn Happening);
}

/// An onlooker who is not there.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Onlooker for Nobody {
    fn see(&mut self, _: &dyn Happening) {}
}

impl<W: Onlooker + ?Sized> Onlooker for &mut W {
    fn see(&mut self, event: &dyn Happening) {
        (**self).see(event);
    }
}

impl<F: FnMut(Line)> Onlooker for Lines<F> {
    fn see(&mut self, event: &dyn Happening) {
        self.take(event);
    }
}

impl<A: Onlooker, B: Onlooker> Onlooker for (A, B) {
    fn see(&mut self, event: &dyn Happening) {
        self.0.see(event);
        self.1.see(event);
    }
}

impl<W: Onlooker> Onlooker for Option<W> {
    fn see(&mut self, event: &dyn Happening) {
        if let Some(onlooker) = self {
            onlooker.see(event);
        }
    }
}

/// A run under way, under its judges: the way to drive a run without knowing its protocol.
pub trait Underway {
    /// Carries out one plan before somebody who looks on. Says why not, when there is none or a
    /// limit is reached.
    fn step(&mut self, onlooker: &mut dyn Onlooker) -> Option<Stop>;

    /// Carries out so many plans before somebody who looks on. Says why not, when there are no more
    /// or a limit is reached.
    fn run_for(&mut self, steps: u64, onlooker: &mut dyn Onlooker) -> Option<Stop>;

    /// Runs until nothing is left to do or a limit is reached.
    fn run(&mut self, onlooker: &mut dyn Onlooker) -> Stop {
        loop {
            if let Some(stop) = self.run_for(u64::MAX, onlooker) {
                return stop;
            }
        }
    }

    /// The same, and counts what everybody receives.
    fn run_counting(&mut self) -> (Stop, Heard);

    /// What is to be said of it, if this is its end.
    fn report(&self, stop: Stop) -> Report;

    /// What its judges say so far.
    fn rulings(&self) -> Vec<Ruling>;

    /// Since which event more replicas of some configuration are faulty than the protocol bears.
    fn too_many_since(&self) -> Option<u64>;

    /// Whether every client has what it asked for.
    fn is_finished(&self) -> bool;

    /// The same run once more, at the same point.
    fn fork(&self) -> Box<dyn Underway>;

    /// What may happen next, for those who walk through all orders.
    fn ways(&self) -> Ways;

    /// What a way of this point is, in a few words.
    fn tell(&self, way: &Way) -> String;

    /// Lets something happen that may happen next.
    fn follow(&mut self, way: &Way, onlooker: &mut dyn Onlooker);

    /// What tells this point from others; see [`World::state`].
    fn state(&self) -> u128;

    /// See [`World::redraw`].
    fn redraw(&mut self, seed: u64);

    /// From now on a process stands still for this long.
    fn pause(&mut self, process: Address, for_ns: u64);

    /// The state of a process and the timers that run there; nothing if it is gone.
    fn look(&self, process: Address) -> Vec<Field>;

    /// Virtual time.
    fn now_ns(&self) -> u64;

    /// How many events there were so far.
    fn events(&self) -> u64;

    /// From now on keeps every answer that is given.
    fn record_choices(&mut self);

    /// The answers that were kept.
    fn tape(&self) -> Tape;
}

/// How many messages everybody received that each trigger counts; the triggers have the number 0.
pub type Heard = BTreeMap<(Identity, Trigger), u64>;

/// Something that may happen next; means something to the run that told of it, and to its forks.
#[derive(Clone, Debug)]
pub struct Way {
    /// What sort of thing it is.
    pub sort: WaySort,
    /// The [`Next`] of the run's protocol.
    next: Rc<dyn Any>,
}

/// The sorts of things that may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaySort {
    /// A timer runs out.
    Timer,
    /// A process is gone.
    Crash,
    /// A message arrives, or something that was begun goes on.
    Other,
}

/// What may happen next, by kind; see [`Branches`].
#[derive(Debug)]
pub struct Ways {
    /// What happens at once, before all else.
    pub due: Option<Way>,
    /// Messages that may arrive.
    pub arrivals: Vec<Way>,
    /// What needs time to pass.
    pub later: Vec<Way>,
    /// Replicas that could crash.
    pub crashes: Vec<Way>,
}

impl Way {
    fn of<P: Protocol>(next: Next<P>) -> Way {
        let sort = match next.what {
            NextWhat::Timer(_) => WaySort::Timer,
            NextWhat::Crash => WaySort::Crash,
            NextWhat::Arrival { .. } | NextWhat::Act(_) => WaySort::Other,
        };
        Way { sort, next: Rc::new(next) }
    }
}

/// A world with its judges.
#[derive(Clone)]
pub(super) struct Stage<P: Judged> {
    terms: Terms,
    world: World<P>,
    watch: Watching<P>,
}

impl<P: Judged> Stage<P> {
    /// For a run of this scenario that has not begun.
    pub(super) fn new(scenario: &Scenario, world: World<P>, digesting: Digesting) -> Stage<P> {
        let watch = Watching::new(scenario, digesting);
        Stage { terms: Terms::new(scenario, &world), world, watch }
    }
}

impl<P: Judged> Underway for Stage<P> {
    fn step(&mut self, onlooker: &mut dyn Onlooker) -> Option<Stop> {
        self.world.step(&mut Both { onlooker, watch: &mut self.watch })
    }

    fn run_for(&mut self, steps: u64, onlooker: &mut dyn Onlooker) -> Option<Stop> {
        self.world.run_for(steps, &mut Both { onlooker, watch: &mut self.watch })
    }

    fn run_counting(&mut self) -> (Stop, Heard) {
        let mut counting = Counting { watch: &mut self.watch, heard: Heard::new() };
        loop {
            if let Some(stop) = self.world.run_for(u64::MAX, &mut counting) {
                return (stop, counting.heard);
            }
        }
    }

    fn report(&self, stop: Stop) -> Report {
        super::report(&self.terms, &self.world, stop, &self.watch)
    }

    fn rulings(&self) -> Vec<Ruling> {
        self.watch.bench.rulings()
    }

    fn too_many_since(&self) -> Option<u64> {
        self.watch.injections.too_many_since(self.terms.tolerated)
    }

    fn is_finished(&self) -> bool {
        self.watch.clients.records().values().all(|client| !client.is_waiting())
    }

    fn fork(&self) -> Box<dyn Underway> {
        Box::new(self.clone())
    }

    fn ways(&self) -> Ways {
        let Branches { due, arrivals, later, crashes } = self.world.branches();
        let all = |nexts: Vec<Next<P>>| nexts.into_iter().map(Way::of).collect();
        Ways {
            due: due.map(Way::of),
            arrivals: all(arrivals),
            later: all(later),
            crashes: all(crashes),
        }
    }

    fn tell(&self, way: &Way) -> String {
        way.next.downcast_ref::<Next<P>>().map(Next::to_string).unwrap_or_default()
    }

    fn follow(&mut self, way: &Way, onlooker: &mut dyn Onlooker) {
        if let Some(next) = way.next.downcast_ref() {
            self.world.follow(next, &mut Both { onlooker, watch: &mut self.watch });
        }
    }

    fn state(&self) -> u128 {
        self.world.state()
    }

    fn redraw(&mut self, seed: u64) {
        self.world.redraw(seed);
    }

    fn pause(&mut self, process: Address, for_ns: u64) {
        self.world.plan(self.world.now_ns(), process, Action::Pause { for_ns });
    }

    fn look(&self, process: Address) -> Vec<Field> {
        look(&self.world, process)
    }

    fn now_ns(&self) -> u64 {
        self.world.now_ns()
    }

    fn events(&self) -> u64 {
        self.watch.events
    }

    fn record_choices(&mut self) {
        self.world.record_choices();
    }

    fn tape(&self) -> Tape {
        self.world.choices().recorded().cloned().unwrap_or_default()
    }
}

/// What a run is held to, as its scenario says.
#[derive(Clone)]
pub(super) struct Terms {
    /// How many faulty replicas of a configuration are borne.
    pub(super) tolerated: u32,
    pub(super) expect: Expect,
    /// When it must be at rest if nothing more troubles it; or why no rest is demanded.
    rest: Result<Rest, NoDemand>,
}

impl Terms {
    fn new<P: Protocol>(scenario: &Scenario, world: &World<P>) -> Terms {
        let worked_out = || {
            let patience = liveness::patience(scenario)?;
            Ok(Rest { since_ns: 0, by_ns: patience.ends_ns(0) })
        };
        Terms {
            tolerated: scenario.protocol.tolerated(),
            expect: scenario.expect.clone(),
            rest: Rest::of(world).map_or_else(worked_out, Ok),
        }
    }

    /// When this world, with what troubled it so far, must be at rest.
    pub(super) fn rest<P: Protocol>(&self, world: &World<P>) -> Result<Rest, NoDemand> {
        Rest::of(world).map_or_else(|| self.rest.clone(), Ok)
    }
}

/// The state of a process and the timers that run there; nothing if it is gone.
pub(crate) fn look<P: Protocol>(world: &World<P>, address: Address) -> Vec<Field> {
    let Some(process) = world.process(address) else {
        return Vec::new();
    };
    let timers = world.timers(address).into_iter();
    let timers = timers
        .map(|(timer, due_ns)| Field::new("timer", format!("{timer} at {}", Instant(due_ns))));
    process.look().into_iter().chain(timers).collect()
}

/// All who watch a run that is reported. Cloned with its world, a run can be told as it might have
/// gone on.
#[derive(Clone)]
pub(crate) struct Watching<P: Judged> {
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) events: u64,
    pub(crate) clients: Clients,
    pub(super) injections: Injections,
    pub(super) counted: Option<Counted>,
    pub(super) bench: P::Bench,
}

impl<P: Judged> Watching<P> {
    pub(crate) fn new(scenario: &Scenario, digesting: Digesting) -> Watching<P> {
        Watching {
            fingerprint: (digesting == Digesting::Yes).then(Fingerprint::new),
            events: 0,
            clients: Clients::new(scenario.clients.len() as u32),
            injections: Injections::wanted(scenario),
            counted: Counted::new(&scenario.expect.events),
            bench: P::bench(scenario),
        }
    }

    /// All of them see an event. Somebody who knows all keys tells the judges which signatures are
    /// valid; whom the process itself trusts tells it for the digest.
    pub(crate) fn see(&mut self, event: &Event<'_, P>, witness: &Notary, own: &Notary) {
        self.events += 1;
        Watch::<P>::see(&mut self.fingerprint, event, own);
        Watch::<P>::see(&mut self.clients, event, witness);
        Watch::<P>::see(&mut self.injections, event, witness);
        Watch::<P>::see(&mut self.counted, event, witness);
        self.bench.see(event, witness);
    }
}

/// Who looks on, and those who judge.
struct Both<'a, P: Judged> {
    onlooker: &'a mut dyn Onlooker,
    watch: &'a mut Watching<P>,
}

impl<P: Judged> Watch<P> for Both<'_, P> {
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        self.onlooker.see(&Witnessed { event, notary });
        self.watch.see(event, notary, notary);
    }
}

/// The judges, and a count of what everybody receives.
struct Counting<'a, P: Judged> {
    watch: &'a mut Watching<P>,
    heard: Heard,
}

impl<P: Judged> Watch<P> for Counting<'_, P> {
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        self.watch.see(event, notary, notary);
        let What::Received { from, message, .. } = &event.what else {
            return;
        };
        let named = <P as Attackable>::Adversary::trigger(from.identity, message);
        let by_kind = Trigger::Received { kind: message.kind(), number: 0 };
        for trigger in named.into_iter().chain([by_kind]) {
            *self.heard.entry((event.process.identity, trigger)).or_insert(0) += 1;
        }
    }
}
