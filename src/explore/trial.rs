//! One run of a campaign: drawn, run under its judges, and told in a few words.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::run::{self, Digesting, Report};
use crate::scenario::{Scenario, Verdict};

use super::coverage::{Bigrams, Coverage};
use super::generate;
use super::shape::Shape;

/// What a finding is told apart by before it is made small: who found it, and whether it should
/// have been borne.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Charge {
    /// Whether no more replicas failed than the protocol bears.
    pub within_tolerance: bool,
    /// The judge who found it first.
    pub judge: String,
    /// What was said, if it was a panic: its first line, without what has a digit in it, which is
    /// mostly of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic: Option<String>,
}

impl Charge {
    /// The judge of a run that ended in a panic.
    pub const PANIC: &'static str = "panic";

    /// What a run that ended in a panic is charged with.
    fn of_panic(message: &str) -> Charge {
        let words = message.lines().next().unwrap_or_default().split_whitespace();
        let alike = words.map(|word| match word.contains(|sign: char| sign.is_ascii_digit()) {
            true => "#",
            false => word,
        });
        let alike = bounded(&alike.collect::<Vec<_>>().join(" "), MOST_ALIKE);
        Charge { within_tolerance: true, judge: Charge::PANIC.to_owned(), panic: Some(alike) }
    }

    /// What a run is charged with, if anything broke.
    #[must_use]
    pub fn of(report: &Report) -> Option<Charge> {
        Charge::of_judge(report, report.first_broken()?.judge)
    }

    /// What this judge charges a run with, if he found anything.
    #[must_use]
    pub fn of_judge(report: &Report, judge: &str) -> Option<Charge> {
        let mut findings = report.rulings.iter().filter_map(|ruling| ruling.finding.as_ref());
        let judge = findings.find(|finding| finding.judge == judge)?.judge.to_owned();
        Some(Charge { within_tolerance: report.verdict == Verdict::Broken, judge, panic: None })
    }

    /// Whether this run shows the same.
    #[must_use]
    pub fn is_shown_by(&self, report: &Report) -> bool {
        let mut findings = report.rulings.iter().filter_map(|ruling| ruling.finding.as_ref());
        findings.any(|finding| finding.judge == self.judge)
            && (report.verdict == Verdict::Broken) == self.within_tolerance
    }
}

/// How much there is to read in a run: the less, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Size {
    /// Failures of replicas, partitions, crashes, pauses, wrong clocks, single links, tape answers.
    pub troubles: u64,
    /// Requests of all clients.
    pub requests: u64,
    /// Events of the run.
    pub events: u64,
}

impl Size {
    /// The size of a scenario whose run had so many events.
    #[must_use]
    pub fn of(scenario: &Scenario, events: u64) -> Size {
        let failures: usize = scenario.faults.iter().map(|fault| fault.failures.len()).sum();
        let network = &scenario.network;
        let around = network.partitions.len() + network.overrides.len() + scenario.processes.len();
        let requests = scenario.clients.iter().map(|client| client.workload.demand_count());
        Size {
            troubles: (failures + around + scenario.choices.len()) as u64,
            requests: requests.fold(0, u64::saturating_add),
            events,
        }
    }
}

/// A run that broke something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// How much there is to read; orders findings, with what follows.
    pub size: Size,
    /// Its number in the campaign.
    pub index: u64,
    /// What it is drawn from.
    pub seed: u64,
    /// In the judge's words.
    pub text: String,
}

impl Found {
    /// The order in which findings are preferred.
    pub(super) fn rank(&self) -> (Size, u64) {
        (self.size, self.index)
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everything held.
    Held,
    /// A limit was reached before it was known.
    Undecided,
    /// A limit was reached, in a run that need not come to rest; all else held.
    Unended,
    /// Something broke.
    Broke(Charge, Found),
    /// A second run of the same scenario was another run.
    Differs,
}

/// A run of a campaign.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) index: u64,
    pub(super) end: End,
    /// Whether it had to come to rest.
    pub(super) is_demanded: bool,
    /// What it reached that the campaign had not.
    pub(super) news: Coverage,
}

/// Which run of which campaign.
#[derive(Clone, Copy)]
pub(super) struct Draw<'a> {
    pub(super) shape: &'a Shape,
    pub(super) index: u64,
    pub(super) seed: u64,
    /// Whether it is run a second time, to compare.
    pub(super) twice: bool,
}

/// Runs once, unless it is to stop; a panic is a finding too.
pub(super) fn trial(
    draw: Draw<'_>,
    seen: &Coverage,
    bigrams: &mut Bigrams,
    stops: &dyn Fn() -> bool,
) -> Option<Trial> {
    let ran = catch_unwind(AssertUnwindSafe(|| carry_out(draw, seen, bigrams, stops)));
    ran.unwrap_or_else(|payload| {
        bigrams.take();
        let scenario = generate::scenario(draw.shape, draw.seed);
        let message = message(&*payload);
        let charge = Charge::of_panic(message);
        let size = Size::of(&scenario, 0);
        let text = bounded(&format!("the run ended in a panic: {message}"), MOST_SAID);
        let found = Found { size, index: draw.index, seed: draw.seed, text };
        let end = End::Broke(charge, found);
        Some(Trial { index: draw.index, end, is_demanded: false, news: Coverage::default() })
    })
}

/// Of what a panic says, so many characters are kept.
const MOST_SAID: usize = 1_000;
/// And so many tell it from others.
const MOST_ALIKE: usize = 100;

/// What a panic says, if it says anything.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it says nothing")
}

/// The text, if it is not longer than so many characters, or its beginning.
fn bounded(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn carry_out(
    draw: Draw<'_>,
    seen: &Coverage,
    bigrams: &mut Bigrams,
    stops: &dyn Fn() -> bool,
) -> Option<Trial> {
    let Draw { shape, index, seed, twice } = draw;
    let scenario = generate::scenario(shape, seed);
    let digesting = if twice { Digesting::Yes } else { Digesting::No };
    let mut run = || {
        let ran = run::run_unless(&scenario, bigrams, digesting, stops);
        let report = ran.expect("the generator writes no tape, so no site can be wrong");
        (report, bigrams.take())
    };
    let (report, seen_here) = run();
    let report = report?;
    let news = seen.news(&scenario, &report, seen_here);
    let mut end = end(&scenario, &report, index, seed);
    if twice {
        let (again, _) = run();
        if again?.digest != report.digest {
            end = End::Differs;
        }
    }
    Some(Trial { index, end, is_demanded: report.rest.is_ok(), news })
}

fn end(scenario: &Scenario, report: &Report, index: u64, seed: u64) -> End {
    match (Charge::of(report), report.first_broken()) {
        (Some(charge), Some(finding)) => {
            let size = Size::of(scenario, report.events);
            End::Broke(charge, Found { size, index, seed, text: finding.text.clone() })
        }
        _ if report.verdict != Verdict::Undecided => End::Held,
        _ if report.rest.is_err() && is_known(report) => End::Unended,
        _ => End::Undecided,
    }
}

/// Whether every judge knows, but for the one who asks whether the run came to an end.
fn is_known(report: &Report) -> bool {
    let others = report.rulings.iter().filter(|ruling| ruling.judge != run::LIVENESS);
    others.into_iter().all(|ruling| ruling.unknown.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_that_say_the_same_of_other_numbers_are_charged_alike() {
        let said = |message: &str| Charge::of_panic(message).panic.unwrap();
        assert_eq!(said("index out of bounds: the len is 3 but the index is 17"), {
            "index out of bounds: the len is # but the index is #"
        });
        assert_eq!(said("left != right\n  left: Op(3)\n right: Op(4)"), "left != right");
        assert_eq!(said("ä".repeat(300).as_str()), "ä".repeat(100) + "…");
        assert_eq!(said(""), "");
    }

    #[test]
    fn a_panic_that_says_nothing_is_one_all_the_same() {
        assert_eq!(message(&7_u64), "it says nothing");
        assert_eq!(message(&"a"), "a");
        assert_eq!(message(&"a".to_owned()), "a");
    }
}
