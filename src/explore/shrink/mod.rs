//! Making a broken scenario small: fewer faults, clients and requests first, then what is left is
//! made weaker, earlier, shorter, simpler, as long as the same judge still finds fault.
//!
//! [`Walk`] proposes smaller scenarios one by one and is told which of them still fail; who runs
//! them is not its affair. [`shrink`] runs them, several at a time: what comes out is the same at
//! any number of threads.

mod parts;
#[cfg(test)]
mod tests;
mod walk;
mod weaker;

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;

use crate::run::{self, Digesting, Report};
use crate::scenario::{Choice, Expect, Scenario};

use super::trial::Charge;
use parts::Sort;
pub use walk::Walk;

/// How many smaller scenarios are tried at most. Most need a few hundred.
pub const TRIES: u64 = 20_000;

/// A scenario made small.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest that was found.
    pub scenario: Scenario,
    /// How many smaller ones were tried.
    pub tries: u64,
    /// Whether nothing smaller was left to try.
    pub is_finished: bool,
}

/// Makes a scenario small that is charged with something, on the threads of the pool that this is
/// called in; tries at most so many smaller ones. Where the judge is the first who finds fault, he
/// stays so. What the scenario expects is left out: it was expected of the large one.
#[must_use]
pub fn shrink(scenario: &Scenario, charge: &Charge, most_tries: u64) -> Shrunk {
    shrink_until(scenario, charge, most_tries, &mut |_| (), &|| false)
}

/// The same; `shows` is told now and then how many were tried, and `stops` is asked before each and
/// during it.
pub fn shrink_until(
    scenario: &Scenario,
    charge: &Charge,
    most_tries: u64,
    shows: &mut dyn FnMut(u64),
    stops: &(dyn Fn() -> bool + Sync),
) -> Shrunk {
    let begin = Scenario { expect: Expect::default(), ..scenario.clone() };
    let wanted = Wanted::of(&begin, charge, stops);
    let mut shrunk = walked(Walk::new(begin), wanted, most_tries, shows, stops);
    // Where answers stand in for a seed, more may be left out; where another seed leaves something
    // out, answers may stand in for that one. Each time round there is less, so it ends.
    while shrunk.is_finished
        && let Some(named) = with_answers_named(&shrunk.scenario, wanted, stops)
    {
        let left = most_tries.saturating_sub(shrunk.tries);
        let few = walked(Walk::over_answers(named), wanted, left, shows, stops);
        shrunk.tries += few.tries;
        shrunk.is_finished = few.is_finished;
        // A few answers say what matters; many say less than a seed.
        if !few.is_finished || few.scenario.choices.len() > MOST_ANSWERS {
            break;
        }
        let left = most_tries.saturating_sub(shrunk.tries);
        let again = walked(Walk::new(few.scenario), wanted, left, shows, stops);
        shrunk = Shrunk { tries: shrunk.tries + again.tries, ..again };
    }
    shrunk
}

/// What a smaller scenario has to show.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    charge: &'a Charge,
    /// Whether the judge has to be the first who finds fault: where he was so in the large one, the
    /// small one is not to be known by what somebody else finds.
    is_first: bool,
}

impl<'a> Wanted<'a> {
    /// What is left of this scenario has to show.
    fn of(begin: &Scenario, charge: &'a Charge, stops: &dyn Fn() -> bool) -> Wanted<'a> {
        let first = Wanted { charge, is_first: true };
        let is_first = is_shown_unless(begin, first, stops).unwrap_or(false);
        Wanted { charge, is_first }
    }

    fn is_shown_by(self, report: &Report) -> bool {
        let first = || report.first_broken().map(|finding| finding.judge);
        self.charge.is_shown_by(report)
            && (!self.is_first || first() == Some(self.charge.judge.as_str()))
    }
}

/// How many answers may stand in for a seed.
const MOST_ANSWERS: usize = 2;

/// The same run under seed 0, with every answer that its own seed gives on a tape; none if seed 0
/// is its own, or if it would be another run.
fn with_answers_named(
    scenario: &Scenario,
    wanted: Wanted<'_>,
    stops: &dyn Fn() -> bool,
) -> Option<Scenario> {
    if scenario.seed == 0 {
        return None;
    }
    let tape = run::record_tape_unless(scenario, stops).ok()??;
    let choices = tape.iter().map(|(site, answer)| Choice { site: site.to_owned(), answer });
    let named = Scenario { seed: 0, choices: choices.collect(), ..scenario.clone() };
    is_shown_unless(&named, wanted, stops)?.then_some(named)
}

/// Walks as far as it goes.
fn walked(
    mut walk: Walk,
    wanted: Wanted<'_>,
    most_tries: u64,
    shows: &mut dyn FnMut(u64),
    stops: &(dyn Fn() -> bool + Sync),
) -> Shrunk {
    let mut tries = 0;
    while tries < most_tries {
        shows(tries);
        let ahead = walk.ahead(rayon::current_num_threads().min((most_tries - tries) as usize));
        if ahead.is_empty() {
            return Shrunk { scenario: walk.into_best(), tries, is_finished: true };
        }
        let shown = ahead.par_iter().map(|candidate| is_shown_unless(candidate, wanted, stops));
        let Some(shown) = shown.collect::<Option<Vec<bool>>>() else { break };
        // All up to the first that fails still; what was tried after it counts for nothing.
        let first = shown.iter().position(|shown| *shown);
        for _ in 0..first.unwrap_or(shown.len()) {
            walk.propose();
            walk.reject();
        }
        if first.is_some() {
            walk.propose();
            walk.accept();
        }
        tries += first.map_or(shown.len(), |first| first + 1) as u64;
    }
    Shrunk { scenario: walk.into_best(), tries, is_finished: false }
}

/// The scenario with one part less, for each of them that is trouble for somebody, and what is left
/// out in words.
pub(super) fn one_part_less(scenario: &Scenario) -> Vec<(String, Scenario)> {
    let less = |sort: Sort| {
        (0..sort.count(scenario))
            .map(move |part| (sort.told(scenario, part), sort.without(scenario, part..part + 1)))
    };
    [Sort::Failures, Sort::Links, Sort::Processes].into_iter().flat_map(less).collect()
}

/// Whether a run of this scenario is charged with the same.
#[must_use]
pub fn is_shown(scenario: &Scenario, charge: &Charge) -> bool {
    let wanted = Wanted { charge, is_first: false };
    is_shown_unless(scenario, wanted, &|| false).unwrap_or(false)
}

/// Whether a run shows what is wanted; nothing if it was stopped.
fn is_shown_unless(
    scenario: &Scenario,
    wanted: Wanted<'_>,
    stops: &dyn Fn() -> bool,
) -> Option<bool> {
    let run = || run::run_unless(scenario, &mut run::Nobody, Digesting::No, stops);
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(report)) => report.map(|report| wanted.is_shown_by(&report)),
        // It cannot be run, so it shows nothing.
        Ok(Err(_)) => Some(false),
        Err(_) => Some(wanted.charge.judge == Charge::PANIC),
    }
}
