//! How much of what can happen a campaign has seen: faults by place, and which event of a process
//! follows which.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::crypto::Notary;
use crate::identity::Address;
use crate::process::{self, InjectionStep};
use crate::run::{Onlooker, Report};
use crate::scenario::{Protocol, Scenario};
use crate::trace::{Event, What};

use super::generate;
use super::menu::Menu;
use super::shape::Shape;
use super::variant::variant;

/// Two kinds of event at one process, one right after the other, as a number.
pub type Bigram = u32;

/// Bits of a bigram for one kind of event.
const WIDTH: u32 = 12;
/// How many kinds of event there are at most.
const KINDS: u32 = 1 << WIDTH;

/// Looks on at runs and notes which bigrams they have.
#[derive(Clone, Debug, Default)]
pub(super) struct Bigrams {
    seen: BTreeSet<Bigram>,
    /// Each process of the run, with the kind of its last event.
    last: Vec<(Address, u32)>,
}

impl Bigrams {
    /// The bigrams of one run; ready for the next.
    pub(super) fn take(&mut self) -> BTreeSet<Bigram> {
        self.last.clear();
        std::mem::take(&mut self.seen)
    }
}

impl Onlooker for Bigrams {
    fn see<P: process::Protocol>(&mut self, event: &Event<'_, P>, _: &Notary) {
        let kind = kind(&event.what);
        // Who acted lately acts again: the search is short.
        let known = self.last.iter().rposition(|(process, _)| *process == event.process);
        let before = match known {
            Some(place) => std::mem::replace(&mut self.last[place].1, kind),
            None => {
                self.last.push((event.process, kind));
                KINDS - 1
            }
        };
        self.seen.insert(before << WIDTH | kind);
    }
}

/// The kind of an event: what happened, and of messages, timers and notes which.
fn kind<P: process::Protocol>(what: &What<'_, P>) -> u32 {
    let (word, which) = match what {
        What::Born { birth } => (0, variant(birth)),
        What::Started => (1, 0),
        What::Restarted { .. } => (2, 0),
        What::Stopped => (3, 0),
        What::Crashed => (4, 0),
        What::Paused { .. } => (5, 0),
        What::Resumed => (6, 0),
        What::ClockSet { .. } => (7, 0),
        What::Sent { message, .. } => (8, variant(message)),
        What::Unreachable { message, .. } => (9, variant(message)),
        What::Duplicated { .. } => (10, 0),
        What::Lost { why, .. } => (11, *why as u32),
        What::Held { .. } => (12, 0),
        What::InVain { .. } => (13, 0),
        What::Received { message, .. } => (14, variant(message)),
        What::TimerSet { timer, .. } => (15, variant(timer)),
        What::TimerCancelled { timer } => (16, variant(timer)),
        What::TimerFired { timer } => (17, variant(timer)),
        What::Persisting { .. } => (18, 0),
        What::Persisted { .. } => (19, 0),
        What::Commanded { command, .. } => (20, variant(command)),
        What::Answered { answer, .. } => (21, variant(answer)),
        What::Noted(note) => (22, variant(note)),
        What::Injected(injection) => (
            23,
            match injection.step {
                InjectionStep::Armed => 0,
                InjectionStep::Done => 1,
                InjectionStep::InVain => 2,
            },
        ),
    };
    // Five bits for the word, seven for which of its kind.
    word << 7 | which.min(127)
}

/// The cells that a run reached: which failure came true on which trigger at whose place.
pub(super) fn cells(scenario: &Scenario, report: &Report) -> impl Iterator<Item = String> {
    let menu = Menu::of(&scenario.protocol);
    let fired = report.injections.iter().filter(|outcome| outcome.fired > 0);
    fired.map(move |outcome| {
        let (trigger, failure) = outcome.pair.split_once("), ").unwrap_or((&outcome.pair, ""));
        let name = |call: &str| call.split('(').next().unwrap_or_default().to_owned();
        let place = place(&menu, outcome.replica.configuration, outcome.replica.index);
        cell(&name(trigger), &name(failure), &place)
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
            all.extend(failures.map(|failure| cell(trigger.name(), failure.name(), &place)));
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
        bigrams: BTreeSet<Bigram>,
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
