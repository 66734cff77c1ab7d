//! The way from a scenario to a small one, a step at a time.

use std::sync::Arc;

use crate::scenario::Scenario;

use super::parts::{self, Sort};
use super::weaker;

/// Proposes smaller scenarios, and is told which of them will do.
///
/// Ask with [`Walk::propose`], then say [`Walk::accept`] or [`Walk::reject`]. First the parts of
/// each sort are left out, many at a time and then fewer (delta debugging); then what is left is
/// made weaker, one change at a time. When a round has changed something there is another. What is
/// small then may owe its size to the answers of its seed: parts are left out once more, with a few
/// other seeds each. Every change makes the scenario smaller or simpler, so the walk ends.
#[derive(Clone, Debug)]
pub struct Walk {
    best: Scenario,
    stage: Stage,
    /// The scenario that was proposed last and waits for an answer.
    proposed: Option<Scenario>,
    /// Whether this round has changed anything.
    changed: bool,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Workloads are written out, so that each request is a part of its own.
    WriteOut,
    /// Of this sort, `chunk` parts from `at` on are left out.
    LeaveOut { sort: usize, chunk: usize, at: usize },
    /// The changes that make it weaker, and the next of them.
    Weaken { changes: Arc<[Scenario]>, next: usize },
    /// The same, a part at a time and with another seed; the last places first.
    Reseed { sort: usize, left: usize, seed: u64 },
    /// `chunk` answers on the tape are left out, from `at` on.
    Forget { chunk: usize, at: usize },
    /// There is nothing left to try.
    Over,
}

/// With how many seeds a part is tried to be left out.
const SEEDS: u64 = 8;

/// Of which sorts.
const RESEEDED: [Sort; 3] = [Sort::Failures, Sort::Clients, Sort::Requests];

impl Walk {
    /// The way from this scenario.
    #[must_use]
    pub fn new(scenario: Scenario) -> Walk {
        Walk { best: scenario, stage: Stage::WriteOut, proposed: None, changed: false }
    }

    /// The way that leaves out answers on the tape, and nothing else.
    #[must_use]
    pub fn over_answers(scenario: Scenario) -> Walk {
        let chunk = Sort::Choices.count(&scenario).max(1);
        let stage = Stage::Forget { chunk, at: 0 };
        Walk { best: scenario, stage, proposed: None, changed: false }
    }

    /// The smallest scenario that will do, so far.
    #[must_use]
    pub fn best(&self) -> &Scenario {
        &self.best
    }

    /// The same, when the walk is over.
    #[must_use]
    pub fn into_best(self) -> Scenario {
        self.best
    }

    /// A smaller scenario; none if there is none left to try. Answers what was proposed before, if
    /// it was not answered, with no.
    pub fn propose(&mut self) -> Option<&Scenario> {
        if self.proposed.is_some() {
            self.reject();
        }
        while self.proposed.is_none() && !matches!(self.stage, Stage::Over) {
            self.proposed = self.candidate();
            if self.proposed.is_none() {
                self.next_stage();
            }
        }
        self.proposed.as_ref()
    }

    /// What was proposed will do.
    pub fn accept(&mut self) {
        let Some(proposed) = self.proposed.take() else {
            return;
        };
        self.best = proposed;
        self.changed = true;
        match &mut self.stage {
            Stage::WriteOut => self.next_stage(),
            Stage::Weaken { changes, .. } => *changes = weaker::than(&self.best).into(),
            Stage::Reseed { left, seed, .. } => (*left, *seed) = (left.saturating_sub(1), 1),
            Stage::Forget { .. } | Stage::LeaveOut { .. } | Stage::Over => {}
        }
    }

    /// What was proposed will not do.
    pub fn reject(&mut self) {
        if self.proposed.take().is_none() {
            return;
        }
        match &mut self.stage {
            Stage::WriteOut => self.next_stage(),
            Stage::LeaveOut { chunk, at, .. } | Stage::Forget { chunk, at } => *at += *chunk,
            Stage::Weaken { next, .. } => *next += 1,
            Stage::Reseed { seed, .. } if *seed < SEEDS => *seed += 1,
            Stage::Reseed { left, seed, .. } => (*left, *seed) = (left.saturating_sub(1), 1),
            Stage::Over => {}
        }
    }

    /// The next proposals, if none of them will do; at most so many.
    #[must_use]
    pub fn ahead(&self, most: usize) -> Vec<Scenario> {
        let mut walk = self.clone();
        let mut ahead = Vec::new();
        while ahead.len() < most.max(1)
            && let Some(proposed) = walk.propose()
        {
            ahead.push(proposed.clone());
        }
        ahead
    }

    /// The proposal of this stage, if it has one left.
    fn candidate(&mut self) -> Option<Scenario> {
        match &mut self.stage {
            Stage::WriteOut => parts::written_out(&self.best),
            Stage::LeaveOut { sort, chunk, at } => {
                let sort = Sort::ALL[*sort];
                let count = sort.count(&self.best);
                *chunk = (*chunk).min(count.max(1));
                let end = count.min(*at + *chunk);
                (*at < end).then(|| sort.without(&self.best, *at..end))
            }
            Stage::Forget { chunk, at } => {
                let count = Sort::Choices.count(&self.best);
                let end = count.min(*at + *chunk);
                (*at < end).then(|| Sort::Choices.without(&self.best, *at..end))
            }
            Stage::Weaken { changes, next } => changes.get(*next).cloned(),
            Stage::Reseed { sort, left, seed } => {
                let part = left.checked_sub(1)?;
                let without = RESEEDED[*sort].without(&self.best, part..part + 1);
                Some(Scenario { seed: *seed, ..without })
            }
            Stage::Over => None,
        }
    }

    fn reseed(&self, sort: usize) -> Stage {
        Stage::Reseed { sort, left: RESEEDED[sort].count(&self.best), seed: 1 }
    }

    fn next_stage(&mut self) {
        let leave_out = |sort: usize, best: &Scenario| {
            let chunk = Sort::ALL[sort].count(best).max(1);
            Stage::LeaveOut { sort, chunk, at: 0 }
        };
        self.stage = match &self.stage {
            Stage::WriteOut => leave_out(0, &self.best),
            Stage::LeaveOut { chunk, sort, .. } if *chunk > 1 => {
                Stage::LeaveOut { sort: *sort, chunk: chunk / 2, at: 0 }
            }
            Stage::LeaveOut { sort, .. } if sort + 1 < Sort::ALL.len() => {
                leave_out(sort + 1, &self.best)
            }
            Stage::LeaveOut { .. } => {
                Stage::Weaken { changes: weaker::than(&self.best).into(), next: 0 }
            }
            Stage::Weaken { .. } if self.changed => {
                self.changed = false;
                leave_out(0, &self.best)
            }
            Stage::Weaken { .. } => self.reseed(0),
            Stage::Reseed { sort, .. } if sort + 1 < RESEEDED.len() => self.reseed(sort + 1),
            Stage::Reseed { .. } if self.changed => {
                self.changed = false;
                leave_out(0, &self.best)
            }
            Stage::Forget { chunk, .. } if *chunk > 1 => Stage::Forget { chunk: chunk / 2, at: 0 },
            Stage::Forget { .. } | Stage::Reseed { .. } | Stage::Over => Stage::Over,
        };
    }
}
