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
use crate::scenario::{Expect, Scenario};

use super::trial::Charge;
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
/// called in; tries at most so many smaller ones. What the scenario expects is left out: it was
/// expected of the large one.
#[must_use]
pub fn shrink(scenario: &Scenario, charge: &Charge, most_tries: u64) -> Shrunk {
    let mut walk = Walk::new(Scenario { expect: Expect::default(), ..scenario.clone() });
    let mut tries = 0;
    while tries < most_tries {
        let ahead = walk.ahead(rayon::current_num_threads().min((most_tries - tries) as usize));
        if ahead.is_empty() {
            return Shrunk { scenario: walk.into_best(), tries, is_finished: true };
        }
        let shown: Vec<bool> =
            ahead.par_iter().map(|candidate| is_shown(candidate, charge)).collect();
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

/// Whether a run of this scenario is charged with the same.
#[must_use]
pub fn is_shown(scenario: &Scenario, charge: &Charge) -> bool {
    match report_of(scenario) {
        Some(report) => charge.is_shown_by(&report),
        None => charge.judge == Charge::PANIC,
    }
}

/// What comes of a scenario; none for a panic.
fn report_of(scenario: &Scenario) -> Option<Report> {
    let run = || run::run_before(scenario, &mut run::Nobody, Digesting::No);
    catch_unwind(AssertUnwindSafe(run)).ok()?.ok()
}
