//! How much of what can happen a campaign has seen: faults by place, and which event of a process
//! follows which.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::fault::{Failure, Fault, Pair, Trigger};
use crate::identity::Identity;
use crate::roll::Roll;
use crate::run::{Onlooker, Report};
use crate::scenario::{Protocol, Scenario};
use crate::trace::{Happening, SORT_BITS};

use super::generate;
use super::menu::Menu;
use super::shape::{Shape, Tolerance};

/// Two kinds of event at one process, one right after the other, as a number.
pub type Bigram = u32;

/// Bits of a bigram for one kind of event.
const WIDTH: u32 = SORT_BITS;
/// How many kinds of event there are at most.
const KINDS: u32 = 1 << WIDTH;

/// Looks on at runs and notes which bigrams they have that were not seen before.
#[derive(Clone, Debug)]
pub(super) struct Bigrams {
    /// For each kind of event, by bit, which kinds followed it: before this run, or in it.
    followed: Vec<Option<Box<Row>>>,
    /// Some of those: most of what comes, came lately.
    recent: Recent,
    /// Those that are new in this run, in the order in which they came.
    found: Vec<Bigram>,
    /// The kind of the last event of each process.
    last: Roll<Option<u32>>,
}

/// A small table of bigrams, each in the one place where it may stand.
#[derive(Clone, Debug)]
struct Recent([Bigram; RECENT]);

const RECENT: usize = 1 << 10;
/// No bigram: it has more bits than they have.
const NONE: Bigram = Bigram::MAX;

impl Default for Recent {
    fn default() -> Recent {
        Recent([NONE; RECENT])
    }
}

impl Recent {
    /// Whether this one stands there; from now on it does.
    fn has(&mut self, bigram: Bigram) -> bool {
        std::mem::replace(&mut self.0[Recent::place(bigram)], bigram) == bigram
    }

    fn forget(&mut self, bigram: Bigram) {
        self.0[Recent::place(bigram)] = NONE;
    }

    fn place(bigram: Bigram) -> usize {
        (bigram.wrapping_mul(0x9e37_79b1) >> (Bigram::BITS - RECENT.ilog2())) as usize
    }
}

/// A bit for each kind.
type Row = [u64; KINDS as usize / 64];

impl Bigrams {
    /// An onlooker who takes no notice of what these have seen.
    pub(super) fn beside(seen: &Coverage) -> Bigrams {
        let recent = Recent::default();
        let (found, last) = (Vec::new(), Roll::default());
        let mut bigrams = Bigrams { followed: vec![None; KINDS as usize], recent, found, last };
        for bigram in &seen.bigrams {
            bigrams.mark(*bigram);
        }
        bigrams
    }

    /// The new bigrams of one run; ready for the next.
    pub(super) fn take(&mut self) -> Vec<Bigram> {
        self.last.clear();
        let found = std::mem::take(&mut self.found);
        for bigram in &found {
            self.recent.forget(*bigram);
            let (word, bit) = self.bit(*bigram);
            *word &= !bit;
        }
        found
    }

    #[inline]
    fn note(&mut self, before: u32, kind: u32) {
        let bigram = before << WIDTH | kind;
        if !self.recent.has(bigram) && self.mark(bigram) {
            self.found.push(bigram);
        }
    }

    /// From now on it is known; whether it was not before.
    #[cold]
    fn mark(&mut self, bigram: Bigram) -> bool {
        let (word, bit) = self.bit(bigram);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn bit(&mut self, bigram: Bigram) -> (&mut u64, u64) {
        let (before, kind) = (bigram >> WIDTH & (KINDS - 1), bigram & (KINDS - 1));
        let row = self.followed[before as usize].get_or_insert_with(|| Box::new([0; _]));
        (&mut row[kind as usize / 64], 1 << (kind % 64))
    }
}

impl Onlooker for Bigrams {
    fn see(&mut self, event: &dyn Happening) {
        let kind = event.sort();
        let before = self.last.entry(event.process().pack()).replace(kind);
        self.note(before.unwrap_or(KINDS - 1), kind);
    }
}

/// The cells that a run reached: which failure came true on which trigger at whose place.
fn cells<'a>(scenario: &'a Scenario, report: &'a Report) -> impl Iterator<Item = Cell> {
    let menu = Menu::of(&scenario.protocol);
    let fired = report.injections.iter().filter(|outcome| outcome.fired > 0);
    fired.map(move |outcome| {
        let Identity { configuration, index, .. } = outcome.replica;
        let Pair { trigger, failure } = outcome.pair;
        Cell { trigger, failure, is_later: configuration > 0, role: menu.role(index) }
    })
}

/// A failure on a trigger at a place.
struct Cell {
    trigger: Trigger,
    failure: Failure,
    /// Whether the place is in a later configuration than the first.
    is_later: bool,
    role: &'static str,
}

/// Longer than the text of most cells.
const USUAL_CELL: usize = 64;

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cell { trigger, failure, is_later, role } = self;
        let later = if *is_later { "later " } else { "" };
        write!(f, "{} {} {later}{role}", trigger.message(), failure.name())
    }
}

/// All cells that the scenarios of a shape may reach, as far as a few of them show: those of the
/// kinds of trouble that are drawn, at replicas that may have them, and those of the base's own
/// faults.
#[must_use]
pub fn all_cells(shape: &Shape) -> BTreeSet<String> {
    let some = (0..32).map(|seed| generate::scenario(shape, seed));
    some.flat_map(|scenario| cells_of(shape, &scenario.protocol)).collect()
}

fn cells_of(shape: &Shape, protocol: &Protocol) -> BTreeSet<String> {
    let menu = Menu::of(protocol);
    let mut all: BTreeSet<String> = own_cells(&shape.base, menu).collect();
    let last = if menu.has_olympus() { shape.configurations.max(1) } else { 1 };
    for configuration in 0..last {
        let failing = failing(shape, protocol, configuration);
        for position in 0..menu.positions() {
            let (is_later, role) = (configuration > 0, menu.role(position));
            let may_fail = failing.contains(&position);
            let mut failures = menu.failures(position);
            failures.retain(|failure| may_fail || !failure.is_fault());
            failures.retain(|failure| shape.kinds.has(failure.name()));
            for trigger in menu.triggers(configuration, position) {
                let cell = |failure: &Failure| Cell { trigger, failure: *failure, is_later, role };
                all.extend(failures.iter().map(|failure| cell(failure).to_string()));
            }
        }
    }
    all
}

/// The cells of the faults that a base has, as far as they can ever come true.
fn own_cells(base: &Scenario, menu: Menu<'_>) -> impl Iterator<Item = String> {
    base.faults.iter().flat_map(move |fault| {
        let Fault { configuration, replica, trigger, failures } = fault;
        let (is_later, role) = (*configuration > 0, menu.role(*replica));
        let comes = menu.triggers(*configuration, *replica);
        let comes = comes.iter().any(|other| other.name() == trigger.name());
        let offered = menu.failures(*replica);
        let may_be = move |failure: &&Failure| {
            comes && offered.iter().any(|other| other.name() == failure.name())
        };
        let failures = failures.iter().filter(may_be);
        let cell = move |failure: &Failure| {
            Cell { trigger: *trigger, failure: *failure, is_later, role }.to_string()
        };
        failures.map(cell).collect::<Vec<_>>()
    })
}

/// The positions of a configuration that may be drawn as faulty: those that are so in the base
/// first, and others where there is room.
fn failing(shape: &Shape, protocol: &Protocol, configuration: u32) -> BTreeSet<u32> {
    let bears = protocol.tolerated() as usize;
    let is_beyond = shape.tolerance == Tolerance::Beyond && configuration == 0;
    let already = shape.base.faulty(configuration);
    if is_beyond || already.len() < bears {
        return (0..protocol.replicas()).collect();
    }
    already.into_iter().take(bears).collect()
}

/// What a campaign has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The cells: trigger, failure and place.
    pub cells: BTreeSet<String>,
    /// The bigrams.
    pub bigrams: BTreeSet<Bigram>,
}

impl Coverage {
    /// What one run adds to this, if these are its new bigrams.
    pub(super) fn news(
        &self,
        scenario: &Scenario,
        report: &Report,
        bigrams: Vec<Bigram>,
    ) -> Coverage {
        let bigrams = bigrams.into_iter().collect();
        let mut news = Coverage { cells: BTreeSet::new(), bigrams };
        let mut cell = String::with_capacity(USUAL_CELL);
        for reached in cells(scenario, report) {
            cell.clear();
            write!(cell, "{reached}").expect("a string takes all that is written");
            if !self.cells.contains(&cell) {
                news.cells.insert(cell.clone());
            }
        }
        news
    }

    /// Adds what another has seen.
    pub fn add(&mut self, other: &Coverage) {
        self.cells.extend(other.cells.iter().cloned());
        self.bigrams.extend(&other.bigrams);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Campaign;

    #[test]
    fn a_bigram_is_noted_once_in_each_run() {
        let mut bigrams = Bigrams::beside(&Coverage::default());
        for (before, kind) in [(1, 2), (1, 3), (1, 2), (KINDS - 1, KINDS - 1), (0, 0)] {
            bigrams.note(before, kind);
        }
        let expected = [1 << WIDTH | 2, 1 << WIDTH | 3, (1 << (2 * WIDTH)) - 1, 0];
        assert_eq!(bigrams.take(), expected);
        assert!(bigrams.take().is_empty());
        bigrams.note(1, 2);
        assert_eq!(bigrams.take(), [1 << WIDTH | 2]);
    }

    #[test]
    fn what_was_seen_before_is_not_noted() {
        let some = BTreeSet::from([1 << WIDTH | 2, 5]);
        let mut bigrams = Bigrams::beside(&Coverage { bigrams: some, ..Coverage::default() });
        for _ in 0..3 {
            for (before, kind) in [(0, 5), (1, 2), (1, 3), (0, 5), (1, 2)] {
                bigrams.note(before, kind);
            }
            assert_eq!(bigrams.take(), [1 << WIDTH | 3]);
        }
    }

    #[test]
    fn all_cells_are_those_that_can_be_reached() {
        let cells = all_cells(&Shape::of("bcr").unwrap());
        assert!(cells.contains("shuttle early_reply middle"));
        assert!(cells.contains("new_configuration crash later tail"));
        assert!(!cells.contains("shuttle crash head"));
        assert!(!cells.contains("new_configuration crash tail"));
        assert_eq!(cells.len(), 959);
    }

    /// Of what is not drawn there is nothing to be reached.
    #[test]
    fn all_cells_are_those_of_the_kinds_and_the_replicas_that_may_fail() {
        let of = |shape: &Shape| all_cells(shape);
        let with = |words: &[&str]| {
            let kinds = crate::explore::Kinds::named(words.iter().copied()).unwrap();
            Shape::of("bcr").unwrap().only(kinds)
        };
        assert_eq!(of(&with(&["latency", "partition"])), BTreeSet::new());
        let crashes = of(&with(&["crash", "partition"]));
        assert!(crashes.iter().all(|cell| cell.contains(" crash ")), "{crashes:?}");
        assert!(crashes.contains("new_configuration crash later tail"));
        let first = Shape { configurations: 1, ..with(&["crash"]) };
        assert!(!of(&first).iter().any(|cell| cell.contains("later")));
        // A server alone bears nobody's failure; to be slow is none.
        let solo = Shape::of("solo").unwrap();
        assert_eq!(of(&solo), BTreeSet::from(["ask sleep server".to_owned()]));
        assert_eq!(of(&solo.beyond()).len(), 5);
    }

    /// What fails in the base has the room, and is reached though it is not drawn.
    #[test]
    fn all_cells_around_a_base_are_those_that_it_leaves_room_for() {
        let text = "protocol = \"bcr\"\n[[client]]\nworkload = \"get('k')\"\n[[fault]]\n\
                    configuration = 0\nreplica = 2\nwhen = \"shuttle(0,0)\"\nthen = \"drop()\"\n";
        let reading = crate::scenario::read("base", text.as_bytes(), &Default::default());
        let kinds = crate::explore::Kinds::named(["crash"]).unwrap();
        let shape = Shape { configurations: 1, ..Shape::around(reading.scenario.unwrap()) };
        let shape = shape.only(kinds);
        let cells = all_cells(&shape);
        assert!(cells.contains("shuttle drop tail") && cells.contains("shuttle crash tail"));
        assert!(cells.iter().all(|cell| cell.ends_with(" tail")), "{cells:?}");
        let shape = Shape { swarm: false, ..shape.requests(3, 6) };
        let shard = crate::explore::Shard::WHOLE;
        let campaign = Campaign { shape, seed: 1, runs: 60, shard, stop_after: None };
        let seen = campaign.run(&mut |_| true).coverage.cells;
        assert!(seen.len() > 3 && seen.is_subset(&cells), "{seen:?}");
        let drops: Vec<_> = cells.iter().filter(|cell| cell.contains(" drop ")).collect();
        assert_eq!(drops, ["shuttle drop tail"]);
    }
}
