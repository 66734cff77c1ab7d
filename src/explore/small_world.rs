//! Every order of a small world.
//!
//! A run takes one order of its messages; here all are walked, depth first, each state once. From
//! a state lead as many ways as messages may arrive next: the first of each stream. Time-outs are
//! long: a timer runs out when nothing is on its way, any that runs, except for a few that a bound
//! allows to be early. The judges walk along, so a property that some order breaks is found with
//! the way that leads there.
//!
//! Two states are one if the world's are (what processes hold, as they print for debugging, and
//! what is on its way), and if what was put on record is: by each process in whatever order, by
//! clients in theirs. A judge who cares for the order in which different processes put things on
//! record may so miss one order of two that are one here. Where nothing is left to do and somebody
//! waits for an answer, he waits for ever, and that is found too.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use crate::judge::Finding;
use crate::run::{self, Digesting, Nobody, Onlooker, Refusal, Underway, Way, WaySort, Ways};
use crate::scenario::{Link, Probability, Scenario, Schedule};
use crate::trace::{Happening, Line, Lines};

/// How far a walk goes. What it does not see beyond them it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many states are walked at most.
    pub states: u64,
    /// How many timers run out on one way.
    pub timers: u32,
    /// How many of them run out early, while messages are on their way.
    pub early: u32,
    /// How many replicas crash on one way, each at any point.
    pub crashes: u32,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { states: 1_000_000, timers: 4, early: 0, crashes: 0 }
    }
}

/// A way through a world: which of the branches was taken, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk(pub Vec<u32>);

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Walk(turns) = self;
        let mut rest = &turns[..];
        let mut separator = "";
        while let Some(turn) = rest.first() {
            let count = rest.iter().take_while(|other| *other == turn).count();
            match count {
                1 => write!(f, "{separator}{turn}")?,
                _ => write!(f, "{separator}{turn}x{count}")?,
            }
            separator = ".";
            rest = &rest[count..];
        }
        Ok(())
    }
}

impl std::str::FromStr for Walk {
    type Err = String;

    fn from_str(text: &str) -> Result<Walk, String> {
        let mut turns = Vec::new();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let (turn, count) = part.split_once('x').unwrap_or((part, "1"));
            let (Ok(turn), Ok(count)) = (turn.parse::<u32>(), count.parse::<usize>()) else {
                return Err(format!("`{part}` is no part of a way such as 0x12.2.0x3"));
            };
            if count > MOST_TURNS - turns.len() {
                return Err(format!(
                    "`{part}` is too long: no way has more than {MOST_TURNS} turns; give it as a \
                     walk printed it"
                ));
            }
            turns.extend(std::iter::repeat_n(turn, count));
        }
        Ok(Walk(turns))
    }
}

/// How many steps lie between two questions whether to go on.
const TELL_EVERY: u64 = 16;

/// No way is longer.
const MOST_TURNS: usize = 100_000;

/// What a walk found out.
#[derive(Clone, Debug)]
pub struct Explored {
    /// How many states there are, or were seen.
    pub states: u64,
    /// How many steps lead from one to another.
    pub steps: u64,
    /// In how many of the states nothing is left to do.
    pub ends: u64,
    /// The length of the longest way.
    pub longest: usize,
    /// Whether some way was given up because as many timers had run out on it as may.
    pub timers_cut: bool,
    /// Whether there were more states than may be walked.
    pub states_cut: bool,
    /// In how many of the ends somebody still waits for an answer, and only the bound on timers
    /// keeps him from asking again.
    pub unanswered: u64,
    /// The first property that an order broke, and the way to it.
    pub broken: Option<(Finding, Walk)>,
    /// The same, with more faulty replicas than the protocol bears.
    pub beyond: Option<(Finding, Walk)>,
}

/// Why a scenario cannot be walked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It cannot be run.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What would be decided by chance or time has no place here.
    #[error("{0} is decided by chance or time, and here everything is decided by the walk: {1}")]
    Chance(&'static str, &'static str),
}

/// Walks all orders of a scenario.
///
/// # Errors
/// A scenario that leaves something to chance or time.
pub fn explore(scenario: &Scenario, bounds: Bounds) -> Result<Explored, Unfit> {
    explore_while(scenario, bounds, &mut |_| true)
}

/// The same; `goes_on` is told now and then what was seen so far, and says whether to go on.
///
/// # Errors
/// As above.
pub fn explore_while(
    scenario: &Scenario,
    bounds: Bounds,
    goes_on: &mut dyn FnMut(&Explored) -> bool,
) -> Result<Explored, Unfit> {
    Ok(SmallWorld::new(scenario, bounds)?.walk(goes_on))
}

fn fits(scenario: &Scenario) -> Result<(), Unfit> {
    let network = &scenario.network;
    let overrides = network.overrides.iter().map(|one| one.change.apply(network.link));
    let mut links = std::iter::once(network.link).chain(overrides);
    let is_certain =
        |link: Link| [link.loss, link.duplicate].iter().all(|chance| *chance == Probability::NEVER);
    if !links.all(is_certain) {
        return Err(Unfit::Chance("the loss of a message", "set network.loss and duplicate to 0"));
    }
    if !network.partitions.is_empty() {
        return Err(Unfit::Chance("a partition", "leave [[network.partition]] out"));
    }
    if scenario.schedule != Schedule::Timed {
        return Err(Unfit::Chance("a schedule", "leave `schedule` out"));
    }
    if !scenario.processes.is_empty() {
        return Err(Unfit::Chance("trouble with clocks", "leave [[process]] out"));
    }
    Ok(())
}

/// Goes one way again and tells each of its steps, and what happened in it; returns what is broken
/// at its end, and whether that is within what the protocol bears.
///
/// # Errors
/// A scenario that leaves something to chance or time.
pub fn retrace(
    scenario: &Scenario,
    bounds: Bounds,
    way: &Walk,
    tell: &mut dyn FnMut(Step),
) -> Result<Option<(Finding, bool)>, Unfit> {
    let mut state = SmallWorld::new(scenario, bounds)?.begin;
    let told = RefCell::new(Vec::new());
    let mut lines = Lines::new(|line| told.borrow_mut().push(line));
    let Walk(turns) = way;
    for turn in turns {
        let WaysOn { next, is_quiet, .. } = state.ways_on(&bounds);
        let Some(chosen) = next.get(*turn as usize) else {
            tell(Step::Lost);
            break;
        };
        tell(Step::Taken(state.run.tell(chosen), next.len()));
        state.follow(chosen, is_quiet, &mut lines);
        told.take().into_iter().for_each(|line| tell(Step::Event(line)));
    }
    let ways = state.ways_on(&bounds);
    Ok(state.broken(&ways))
}

/// A step of a way, or something that happened in it.
#[derive(Debug)]
pub enum Step {
    /// What was let happen, of how many things.
    Taken(String, usize),
    /// There is no such way on from here.
    Lost,
    /// What came of it.
    Event(Line),
}

/// A world that is walked, with those who watch it.
struct SmallWorld {
    bounds: Bounds,
    begin: State,
    seen: BTreeSet<u128>,
    explored: Explored,
}

/// Where a walk is: cloned at each fork.
struct State {
    run: Box<dyn Underway>,
    facts: Facts,
    timers: u32,
    early: u32,
    crashes: u32,
}

/// What is on record, without times and numbers of events.
#[derive(Clone, Default)]
struct Facts {
    /// What each process noted, in no order and each once.
    noted: BTreeSet<u128>,
    /// What clients asked and were answered, in order.
    milestones: u128,
}

impl Onlooker for Facts {
    fn see(&mut self, event: &dyn Happening) {
        let Some(note) = event.note() else { return };
        let told = format!("{} {note:?}", event.process());
        let hash = hash(told.as_bytes());
        if event.milestone().is_some() {
            self.milestones = self.milestones.rotate_left(17).wrapping_mul(SPREAD) ^ hash;
        } else {
            self.noted.insert(hash);
        }
    }
}

/// Odd, so that nothing is lost by a multiplication.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

fn hash(bytes: &[u8]) -> u128 {
    let digest = blake3::hash(bytes);
    let (halves, _) = digest.as_bytes().as_chunks::<16>();
    u128::from_le_bytes(halves[0])
}

impl Clone for State {
    fn clone(&self) -> State {
        State { run: self.run.fork(), facts: self.facts.clone(), ..*self }
    }
}

impl State {
    /// All that tells it from others.
    fn fingerprint(&self) -> u128 {
        let facts = &self.facts;
        let mut sum = self.run.state();
        let left = [self.timers, self.early, self.crashes];
        for part in facts.noted.iter().copied().chain([facts.milestones]) {
            sum = sum.rotate_left(29).wrapping_mul(SPREAD) ^ part;
        }
        left.iter().fold(sum, |sum, part| sum.wrapping_mul(SPREAD) ^ u128::from(*part))
    }

    /// The ways that lead on, in an order that depends on the state alone.
    fn ways_on(&self, bounds: &Bounds) -> WaysOn {
        let Ways { due, arrivals, later, crashes } = self.run.ways();
        let is_quiet = arrivals.is_empty();
        if let Some(due) = due {
            return WaysOn { next: vec![due], is_quiet, timers_cut: false };
        }
        let mut next = arrivals;
        let wants_time = !later.is_empty() && (is_quiet || self.early < bounds.early);
        let is_over = || self.run.is_finished();
        let timers_cut = wants_time && is_quiet && self.timers >= bounds.timers && !is_over();
        if wants_time && self.timers < bounds.timers {
            next.extend(later);
        }
        if self.crashes < bounds.crashes {
            next.extend(crashes);
        }
        WaysOn { next, is_quiet, timers_cut }
    }

    /// Goes one of them, and counts what is bounded.
    fn follow(&mut self, way: &Way, is_quiet: bool, onlooker: &mut dyn Onlooker) {
        match way.sort {
            WaySort::Timer => {
                self.timers += 1;
                self.early += u32::from(!is_quiet);
            }
            WaySort::Crash => self.crashes += 1,
            WaySort::Other => {}
        }
        self.run.follow(way, &mut (&mut self.facts, onlooker));
    }

    /// What is broken here, and whether that is within what the protocol bears.
    fn broken(&self, ways: &WaysOn) -> Option<(Finding, bool)> {
        let since = self.run.too_many_since().unwrap_or(u64::MAX);
        let found = self.run.rulings().into_iter().filter_map(|ruling| ruling.finding);
        let waits =
            (ways.next.is_empty() && !ways.timers_cut && !self.run.is_finished()).then(|| {
                Finding {
                    judge: run::LIVENESS,
                    event: self.run.events(),
                    against: Vec::new(),
                    at_ns: self.run.now_ns(),
                    text: "nothing is left to do, and somebody waits for an answer".to_owned(),
                }
            });
        let first = found.chain(waits).min_by_key(|finding| finding.event)?;
        let within = first.event < since;
        Some((first, within))
    }
}

/// The ways on from a state.
struct WaysOn {
    next: Vec<Way>,
    /// Whether no message is on its way.
    is_quiet: bool,
    timers_cut: bool,
}

impl SmallWorld {
    /// A walk that has not begun.
    fn new(scenario: &Scenario, bounds: Bounds) -> Result<SmallWorld, Unfit> {
        fits(scenario)?;
        let run = run::begin(scenario, Digesting::No)?;
        let begin = State { run, facts: Facts::default(), timers: 0, early: 0, crashes: 0 };
        let explored = Explored {
            states: 0,
            steps: 0,
            ends: 0,
            longest: 0,
            timers_cut: false,
            states_cut: false,
            unanswered: 0,
            broken: None,
            beyond: None,
        };
        Ok(SmallWorld { bounds, begin, seen: BTreeSet::new(), explored })
    }

    /// Walks everywhere.
    fn walk(mut self, goes_on: &mut dyn FnMut(&Explored) -> bool) -> Explored {
        let mut way = Vec::new();
        let mut forks = Vec::new();
        let begin = self.begin.clone();
        self.arrive(begin, &way, &mut forks);
        while !self.is_over()
            && let Some(Fork { state, ways, turn }) = forks.last_mut()
        {
            let Some(next) = ways.next.get(*turn as usize) else {
                forks.pop();
                way.pop();
                continue;
            };
            let mut there = match *turn as usize + 1 == ways.next.len() {
                // The last way from here: nobody comes back.
                true => state.take().expect("a state is taken once"),
                false => state.clone().expect("it is not taken yet"),
            };
            there.follow(next, ways.is_quiet, &mut Nobody);
            way.push(*turn);
            *turn += 1;
            self.explored.steps += 1;
            if self.explored.steps.is_multiple_of(TELL_EVERY) && !goes_on(&self.explored) {
                self.explored.states_cut = true;
                break;
            }
            if !self.arrive(there, &way, &mut forks) {
                way.pop();
            }
        }
        self.explored
    }

    /// Whether nothing more is to be seen, or may be.
    fn is_over(&self) -> bool {
        self.explored.broken.is_some() || self.explored.states_cut
    }

    /// Looks around in a state; whether ways lead on from it that were not walked yet.
    fn arrive(&mut self, state: State, way: &[u32], forks: &mut Vec<Fork>) -> bool {
        let Explored { states, ends, longest, .. } = &mut self.explored;
        *longest = (*longest).max(way.len());
        if !self.seen.insert(state.fingerprint()) {
            return false;
        }
        if *states >= self.bounds.states {
            self.explored.states_cut = true;
            return false;
        }
        *states += 1;
        let ways = state.ways_on(&self.bounds);
        let is_end = ways.next.is_empty();
        *ends += u64::from(is_end);
        self.explored.unanswered += u64::from(is_end && ways.timers_cut);
        if let Some((finding, within)) = state.broken(&ways) {
            let Explored { broken, beyond, .. } = &mut self.explored;
            let first = if within { broken } else { beyond };
            first.get_or_insert_with(|| (finding, Walk(way.to_vec())));
        }
        self.explored.timers_cut |= ways.timers_cut;
        if !is_end {
            forks.push(Fork { state: Some(state), ways, turn: 0 });
        }
        !is_end
    }
}

/// A state from which not all ways were walked yet.
struct Fork {
    state: Option<State>,
    ways: WaysOn,
    turn: u32,
}

#[cfg(test)]
mod tests;
