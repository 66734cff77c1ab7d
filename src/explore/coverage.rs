//! How much of what can happen a campaign has seen: faults by place, and which event of a process
//! follows which.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::fault::Pair;
use crate::identity::{Address, Identity};
use crate::run::{Onlooker, Report};
use crate::scenario::{Protocol, Scenario};
use crate::trace::{Happening, SORT_BITS};

use super::generate;
use super::menu::Menu;
use super::shape::Shape;

/// Two kinds of event at one process, one right after the other, as a number.
pub type Bigram = u32;

/// Bits of a bigram for one kind of event.
const WIDTH: u32 = SORT_BITS;
/// How many kinds of event there are at most.
const KINDS: u32 = 1 << WIDTH;

/// Looks on at runs and notes which bigrams they have.
#[derive(Clone, Debug, Default)]
pub(super) struct Bigrams {
    /// For each kind of event, by bit, which kinds followed it.
    followed: Vec<Option<Box<Row>>>,
    /// Some of those that this run is known to have: most of what comes, came lately.
    recent: Recent,
    /// Those of this run, in the order in which they came.
    found: Vec<Bigram>,
    last: LastKinds,
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
        let place = bigram.wrapping_mul(0x9e37_79b1) >> (Bigram::BITS - RECENT.ilog2());
        std::mem::replace(&mut self.0[place as usize], bigram) == bigram
    }
}

/// Each process of a run, with the kind of its last event.
#[derive(Clone, Debug)]
struct LastKinds {
    known: Vec<(u64, u32)>,
    /// Where among them a process may be, by a few bits of its number.
    hints: [u8; HINTS],
}

/// More than the processes of most runs.
const HINTS: usize = 64;

impl Default for LastKinds {
    fn default() -> LastKinds {
        LastKinds { known: Vec::new(), hints: [0; HINTS] }
    }
}

impl LastKinds {
    /// What the last event of this process was; from now on it is this one.
    fn replace(&mut self, process: Address, kind: u32) -> Option<u32> {
        let number = process.pack();
        let Address { identity: Identity { class, configuration, index }, .. } = process;
        let hint =
            (index as usize ^ ((configuration as usize) << 3) ^ ((class as usize) << 4)) % HINTS;
        let is_it = |(other, _): &(u64, u32)| *other == number;
        let mut place = usize::from(self.hints[hint]);
        if !self.known.get(place).is_some_and(is_it) {
            // Who acted lately acts again: the search is short.
            place = self.known.iter().rposition(is_it).unwrap_or(self.known.len());
            self.hints[hint] = u8::try_from(place).unwrap_or(0);
        }
        match self.known.get_mut(place) {
            Some((_, last)) => Some(std::mem::replace(last, kind)),
            None => {
                self.known.push((number, kind));
                None
            }
        }
    }
}

/// A bit for each kind.
type Row = [u64; KINDS as usize / 64];

impl Bigrams {
    /// The bigrams of one run; ready for the next.
    pub(super) fn take(&mut self) -> Vec<Bigram> {
        self.last.known.clear();
        self.recent = Recent::default();
        let found = std::mem::take(&mut self.found);
        for bigram in &found {
            let (before, kind) = (bigram >> WIDTH, bigram & (KINDS - 1));
            if let Some(Some(row)) = self.followed.get_mut(before as usize) {
                row[kind as usize / 64] = 0;
            }
        }
        found
    }

    fn note(&mut self, before: u32, kind: u32) {
        if self.recent.has(before << WIDTH | kind) {
            return;
        }
        if self.followed.is_empty() {
            self.followed.resize(KINDS as usize, None);
        }
        let row = self.followed[before as usize].get_or_insert_with(|| Box::new([0; _]));
        let (word, bit) = (&mut row[kind as usize / 64], 1 << (kind % 64));
        if *word & bit == 0 {
            *word |= bit;
            self.found.push(before << WIDTH | kind);
        }
    }
}

impl Onlooker for Bigrams {
    fn see(&mut self, event: &dyn Happening) {
        let kind = event.sort();
        let before = self.last.replace(event.process(), kind);
        self.note(before.unwrap_or(KINDS - 1), kind);
    }
}

/// The cells that a run reached: which failure came true on which trigger at whose place.
pub(super) fn cells(scenario: &Scenario, report: &Report) -> impl Iterator<Item = String> {
    let menu = Menu::of(&scenario.protocol);
    let fired = report.injections.iter().filter(|outcome| outcome.fired > 0);
    fired.map(move |outcome| {
        let place = place(&menu, outcome.replica.configuration, outcome.replica.index);
        let Pair { trigger, failure } = outcome.pair;
        cell(trigger.message(), failure.name(), &place)
    })
}

fn cell(trigger: &str, failure: &str, place: &str) -> String {
    format!("{trigger} {failure} {place}")
}

fn place(menu: &Menu<'_>, configuration: u32, position: u32) -> String {
    let later = if configuration > 0 { "later " } else { "" };
    format!("{later}{}", menu.role(position))
}

/// All cells that there are in the scenarios of a shape, as far as a few of them show.
#[must_use]
pub fn all_cells(shape: &Shape) -> BTreeSet<String> {
    let some = (0..32).map(|seed| generate::scenario(shape, seed));
    some.flat_map(|scenario| cells_of(&scenario.protocol)).collect()
}

fn cells_of(protocol: &Protocol) -> BTreeSet<String> {
    let menu = Menu::of(protocol);
    let mut all = BTreeSet::new();
    for (configuration, position) in [0, 1].into_iter().flat_map(|configuration| {
        (0..menu.positions()).map(move |position| (configuration, position))
    }) {
        let place = place(&menu, configuration, position);
        for trigger in menu.triggers(configuration, position) {
            let failures = menu.failures(position).into_iter();
            all.extend(failures.map(|failure| cell(trigger.message(), failure.name(), &place)));
        }
    }
    all
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
    /// What one run adds to this.
    pub(super) fn news(
        &self,
        scenario: &Scenario,
        report: &Report,
        bigrams: Vec<Bigram>,
    ) -> Coverage {
        let cells = cells(scenario, report).filter(|cell| !self.cells.contains(cell));
        let bigrams = bigrams.into_iter().filter(|bigram| !self.bigrams.contains(bigram));
        Coverage { cells: cells.collect(), bigrams: bigrams.collect() }
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

    #[test]
    fn a_bigram_is_noted_once_in_each_run() {
        let mut bigrams = Bigrams::default();
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
    fn processes_are_told_apart_wherever_they_are_looked_for_first() {
        let mut last = LastKinds::default();
        let replica = |index| Address::of(Identity::replica(index / 7, index));
        for round in 0..3 {
            for index in 0..600 {
                let before = last.replace(replica(index), round * 1_000 + index);
                let expected = round.checked_sub(1).map(|round| round * 1_000 + index);
                assert_eq!(before, expected, "replica {index} in round {round}");
            }
        }
    }

    #[test]
    fn all_cells_are_those_that_can_be_reached() {
        let cells = all_cells(&Shape::of("bcr").unwrap());
        assert!(cells.contains("shuttle early_reply middle"));
        assert!(cells.contains("new_configuration crash later tail"));
        assert!(!cells.contains("shuttle crash head"));
        assert!(!cells.contains("new_configuration crash tail"));
    }
}
