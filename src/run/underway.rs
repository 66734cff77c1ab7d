//! A run under way, whatever its protocol: who looks on, who judges, and how it is driven.

use crate::choice::Tape;
use crate::crypto::Notary;
use crate::identity::Address;
use crate::judge::{Clients, Counted, Injections, Judged};
use crate::scenario::Scenario;
use crate::sim::{Action, Stop, World};
use crate::trace::{Event, Fingerprint, Happening, Line, Lines, Watch, Witnessed};

use super::{Digesting, Report};

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

    /// Runs until nothing is left to do or a limit is reached.
    fn run(&mut self, onlooker: &mut dyn Onlooker) -> Stop;

    /// What is to be said of it, if this is its end.
    fn report(&self, stop: Stop) -> Report;

    /// The same run once more, at the same point.
    fn fork(&self) -> Box<dyn Underway + '_>;

    /// See [`World::redraw`].
    fn redraw(&mut self, seed: u64);

    /// From now on a process stands still for this long.
    fn pause(&mut self, process: Address, for_ns: u64);

    /// Virtual time.
    fn now_ns(&self) -> u64;

    /// How many events there were so far.
    fn events(&self) -> u64;

    /// Runs to the end, seen by nobody; returns every answer that was given on the way.
    fn record_tape(&mut self) -> Tape;
}

/// A world with its judges.
#[derive(Clone)]
pub(super) struct Stage<'a, P: Judged> {
    scenario: &'a Scenario,
    world: World<P>,
    watch: Watching<P>,
}

impl<'a, P: Judged> Stage<'a, P> {
    /// For a run of this scenario that has not begun.
    pub(super) fn new(
        scenario: &'a Scenario,
        world: World<P>,
        digesting: Digesting,
    ) -> Stage<'a, P> {
        Stage { scenario, world, watch: Watching::new(scenario, digesting) }
    }
}

impl<P: Judged> Underway for Stage<'_, P> {
    fn step(&mut self, onlooker: &mut dyn Onlooker) -> Option<Stop> {
        self.world.step(&mut Both { onlooker, watch: &mut self.watch })
    }

    fn run(&mut self, onlooker: &mut dyn Onlooker) -> Stop {
        self.world.run(&mut Both { onlooker, watch: &mut self.watch })
    }

    fn report(&self, stop: Stop) -> Report {
        super::report(self.scenario, &self.world, stop, &self.watch)
    }

    fn fork(&self) -> Box<dyn Underway + '_> {
        Box::new(self.clone())
    }

    fn redraw(&mut self, seed: u64) {
        self.world.redraw(seed);
    }

    fn pause(&mut self, process: Address, for_ns: u64) {
        self.world.plan(self.world.now_ns(), process, Action::Pause { for_ns });
    }

    fn now_ns(&self) -> u64 {
        self.world.now_ns()
    }

    fn events(&self) -> u64 {
        self.watch.events
    }

    fn record_tape(&mut self) -> Tape {
        self.world.record_choices();
        self.world.run(&mut ());
        self.world.choices().recorded().cloned().unwrap_or_default()
    }
}

/// All who watch a run that is reported. Cloned with its world, a run can be told as it might have
/// gone on.
#[derive(Clone)]
pub(super) struct Watching<P: Judged> {
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) events: u64,
    pub(super) clients: Clients,
    pub(super) injections: Injections,
    pub(super) counted: Option<Counted>,
    pub(super) bench: P::Bench,
}

impl<P: Judged> Watching<P> {
    fn new(scenario: &Scenario, digesting: Digesting) -> Watching<P> {
        Watching {
            fingerprint: (digesting == Digesting::Yes).then(Fingerprint::new),
            events: 0,
            clients: Clients::new(scenario.clients.len() as u32),
            injections: Injections::wanted(&scenario.faults),
            counted: Counted::new(&scenario.expect.events),
            bench: P::bench(scenario),
        }
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
        let watch = &mut *self.watch;
        watch.events += 1;
        Watch::<P>::see(&mut watch.fingerprint, event, notary);
        Watch::<P>::see(&mut watch.clients, event, notary);
        Watch::<P>::see(&mut watch.injections, event, notary);
        Watch::<P>::see(&mut watch.counted, event, notary);
        watch.bench.see(event, notary);
    }
}
