//! Small worlds walked by another checker: stateright, which has its own search, its own table of
//! states and its own threads, comes to the same states and the same findings as the walk of this
//! crate. What it is handed are ways from the beginning; a state is the way there, gone again.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use perjury::crypto::Notary;
use perjury::explore::{Bounds, explore};
use perjury::judge::{Bench as _, Judged};
use perjury::process::{Milestone, Note as _, Protocol};
use perjury::run::{self, Visitor};
use perjury::scenario::{self, ReadOptions, Scenario};
use perjury::sim::{NextWhat, World};
use perjury::trace::{Event, Watch, What};
use stateright::{Checker as _, Model, Property};

/// A scenario, and how far it is walked.
#[derive(Clone)]
struct Orders {
    scenario: Scenario,
    bounds: Bounds,
}

/// A place where a way leads.
#[derive(Clone, Debug)]
struct Place {
    way: Vec<usize>,
    /// What tells it from other places.
    marks: Vec<String>,
    /// How many ways lead on.
    ways: usize,
    /// Who finds fault with what happened.
    judge: Option<&'static str>,
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        self.marks == other.marks
    }
}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.marks.hash(state);
    }
}

impl Model for Orders {
    type State = Place;
    type Action = usize;

    fn init_states(&self) -> Vec<Place> {
        vec![self.go(Vec::new())]
    }

    fn actions(&self, place: &Place, actions: &mut Vec<usize>) {
        // The walk goes no further once it has found something.
        if place.judge.is_none() {
            actions.extend(0..place.ways);
        }
    }

    fn next_state(&self, place: &Place, turn: usize) -> Option<Place> {
        let mut way = place.way.clone();
        way.push(turn);
        Some(self.go(way))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("nobody finds fault", |_, place: &Place| place.judge.is_none())]
    }
}

impl Orders {
    fn go(&self, way: Vec<usize>) -> Place {
        run::visit(&self.scenario, Going { way, bounds: self.bounds }).expect("it runs")
    }
}

/// Goes a way from the beginning.
struct Going {
    way: Vec<usize>,
    bounds: Bounds,
}

/// What is on record of a way: what was noted, in no order; what clients asked and got, in order.
struct Watching<P: Judged> {
    bench: P::Bench,
    noted: BTreeSet<String>,
    milestones: Vec<String>,
    unfinished: usize,
}

impl<P: Judged> Watch<P> for Watching<P> {
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        self.bench.see(event, notary);
        let What::Noted(note) = &event.what else { return };
        let text = format!("{} {note:?}", event.process);
        match note.milestone() {
            None => drop(self.noted.insert(text)),
            Some(milestone) => {
                self.unfinished -= usize::from(matches!(milestone, Milestone::Finished { .. }));
                self.milestones.push(text);
            }
        }
    }
}

impl Visitor for Going {
    type Outcome = Place;

    fn visit<P: Judged>(self, scenario: &Scenario, mut world: World<P>) -> Place {
        let Going { way, bounds } = self;
        let mut watching = Watching::<P> {
            bench: P::bench(scenario),
            noted: BTreeSet::new(),
            milestones: Vec::new(),
            unfinished: scenario.clients.len(),
        };
        let (mut timers, mut early, mut crashes) = (0, 0, 0);
        for turn in &way {
            let next = ways(&world, bounds, [timers, early, crashes]).swap_remove(*turn);
            match next.what {
                NextWhat::Timer(_) => {
                    timers += 1;
                    early += u32::from(!world.branches().arrivals.is_empty());
                }
                NextWhat::Crash => crashes += 1,
                NextWhat::Arrival { .. } | NextWhat::Act(_) => {}
            }
            world.follow(&next, &mut watching);
        }
        let ways = ways(&world, bounds, [timers, early, crashes]).len();
        let mut marks = vec![format!("{:032x} {timers} {early} {crashes}", world.state())];
        marks.extend(watching.noted);
        marks.extend(watching.milestones);
        let rulings = watching.bench.rulings();
        let judge = rulings.into_iter().find_map(|ruling| Some(ruling.finding?.judge));
        Place { way, marks, ways, judge }
    }
}

/// What may happen next: what is due before all else; any message that is first on its stream; a
/// timer when no message is on its way, or early; a crash.
fn ways<P: Protocol>(
    world: &World<P>,
    bounds: Bounds,
    [timers, early, crashes]: [u32; 3],
) -> Vec<perjury::sim::Next<P>> {
    let branches = world.branches();
    if let Some(due) = branches.due {
        return vec![due];
    }
    let may_wait = branches.arrivals.is_empty() || early < bounds.early;
    let later = branches.later.into_iter().filter(|_| may_wait && timers < bounds.timers);
    let gone = branches.crashes.into_iter().filter(|_| crashes < bounds.crashes);
    branches.arrivals.into_iter().chain(later).chain(gone).collect()
}

fn read(text: &str) -> Scenario {
    let reading = scenario::read("small.toml", text.as_bytes(), &ReadOptions::default());
    reading.scenario.expect("it is a scenario")
}

const ONE: &str = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"put('a','1')\"\n";
const TWO: &str = "[[client]]\nworkload = \"append('a','2')\"\n";

fn compare(text: &str, bounds: Bounds) -> u64 {
    let scenario = read(text);
    let explored = explore(&scenario, bounds).expect("it can be walked");
    assert!(!explored.states_cut);
    let orders = Orders { scenario, bounds };
    let checked = orders.checker().threads(2).spawn_bfs().join();
    assert_eq!(checked.unique_state_count() as u64, explored.states, "{text}");
    let (found, broken) = (checked.discoveries(), explored.broken);
    assert_eq!((found.len(), broken), (0, None), "{text}");
    explored.states
}

#[test]
fn both_come_to_the_same_states() {
    let two = format!("{ONE}{TWO}");
    let alone = two.replacen("t = 1", "t = 0", 1);
    let checkpoints = format!("{ONE}[checkpoint]\nevery = 1\n");
    let bounds = |timers, early, crashes| Bounds { timers, early, crashes, ..Bounds::default() };
    for (text, bounds, states) in [
        (ONE, bounds(0, 0, 0), 16),
        (ONE, bounds(1, 0, 1), 182),
        (ONE, bounds(1, 1, 0), 6_850),
        (&checkpoints, bounds(0, 0, 0), 35),
        (&alone, bounds(1, 0, 0), 56),
        (&two, bounds(0, 0, 0), 302),
    ] {
        assert_eq!(compare(text, bounds), states);
    }
}

#[test]
fn both_find_a_planted_bug() {
    let text = ONE.replacen("t = 1\n", "t = 1\nquirk = \"sessions_lost\"\n", 1);
    let bounds = Bounds { crashes: 1, ..Bounds::default() };
    let scenario = read(&text);
    let (finding, _) = explore(&scenario, bounds).expect("it can be walked").broken.expect("found");
    let orders = Orders { scenario, bounds };
    let checked = orders.clone().checker().spawn_dfs().join();
    let path = checked.discovery("nobody finds fault").expect("it is found");
    assert_eq!(path.last_state().judge, Some(finding.judge));
}
