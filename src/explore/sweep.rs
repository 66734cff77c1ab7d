//! Every failure at every message and place, one at a time, on one scenario.
//!
//! The places are the replicas of all configurations that the scenario reaches by itself. The
//! messages of each kind are as many as the replica receives when nothing is added; and at least as
//! many as there are requests, or two of those that Olympus sends: a fault brings more of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;

use crate::fault::{self, Failure, Fault, Trigger};
use crate::identity::Identity;
use crate::process::Milestone;
use crate::run::{self, Digesting, Heard, Onlooker, Refusal, Report};
use crate::scenario::{Expect, Scenario, Verdict};
use crate::trace::Happening;

use super::menu::Menu;
use super::trial::Charge;

/// What came of a fault, the worst last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Its message never came, or it could not happen there.
    Unreachable,
    /// Nobody who lives waits for an answer, and there are no more replicas than by itself.
    Live {
        /// The longest that a client waited for an answer that came.
        outage_ns: u64,
    },
    /// Nobody who lives waits for an answer, and it took more new configurations than the scenario
    /// takes by itself.
    Recovered {
        /// How many more.
        reconfigurations: u64,
        /// The longest that a client waited for an answer that came.
        outage_ns: u64,
    },
    /// A limit was reached.
    Undecided,
    /// Something broke, with more faulty replicas than the protocol bears.
    Beyond {
        /// The judge who found it first.
        judge: &'static str,
    },
    /// Something broke that should not.
    Broken {
        /// The judge who found it first.
        judge: &'static str,
    },
}

/// One or two faults at one place, and what came of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The faults, each with one failure.
    pub faults: Vec<Fault>,
    /// What came of them.
    pub outcome: Outcome,
}

/// A sweep of one scenario.
#[derive(Clone, Debug)]
pub struct Sweep {
    base: Scenario,
    /// How often the scenario is reconfigured by itself.
    reconfigurations: u64,
    /// What comes of the scenario by itself.
    verdict: Verdict,
    faults: Vec<Vec<Fault>>,
}

/// How many cells are handed out at once. What comes of a sweep does not depend on it.
const BATCH: usize = 256;

/// How many cells a sweep has at most.
pub const MOST_CELLS: usize = 1_000_000;

/// Why a scenario is not swept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unswept {
    /// It cannot be run.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It has too many messages.
    #[error(
        "a sweep of it has more than {MOST_CELLS} cells; give it fewer requests, replicas or \
         reconfigurations, or wish for fewer failures"
    )]
    TooLarge,
}

impl Sweep {
    /// Every single fault, of the failures that are wanted.
    ///
    /// # Errors
    /// A scenario that is not run, or has too many messages.
    pub fn of(base: &Scenario, wanted: impl Fn(Failure) -> bool) -> Result<Sweep, Unswept> {
        let (mut sweep, heard) = Sweep::of_nothing(base)?;
        let menu = Menu::of(&sweep.base.protocol);
        let mut faults = Vec::new();
        for place in sweep.places() {
            let failures = failures(&menu, place.1, &wanted);
            for trigger in menu.triggers(place.0, place.1) {
                for trigger in messages(&sweep.base, &heard, place, trigger) {
                    let at = |failure: &Failure| vec![fault(place, trigger, *failure)];
                    faults.extend(failures.iter().map(at));
                    if faults.len() > MOST_CELLS {
                        return Err(Unswept::TooLarge);
                    }
                }
            }
        }
        sweep.faults = faults;
        Ok(sweep)
    }

    /// Every two faults of one replica, each on the first message of its kind.
    ///
    /// # Errors
    /// A scenario that is not run, or has too many replicas.
    pub fn of_pairs(base: &Scenario, wanted: impl Fn(Failure) -> bool) -> Result<Sweep, Unswept> {
        let (mut sweep, _) = Sweep::of_nothing(base)?;
        let menu = Menu::of(&sweep.base.protocol);
        let mut pairs = Vec::new();
        for place in sweep.places() {
            let failures = failures(&menu, place.1, &wanted);
            let mut triggers = menu.triggers(place.0, place.1);
            triggers.retain(|trigger| first_comes(&sweep.base, *trigger));
            let at = |trigger| failures.iter().map(move |failure| fault(place, trigger, *failure));
            let singles: Vec<Fault> = triggers.into_iter().flat_map(at).collect();
            for (number, one) in singles.iter().enumerate() {
                let others = &singles[number + 1..];
                if pairs.len() + others.len() > MOST_CELLS {
                    return Err(Unswept::TooLarge);
                }
                pairs.extend(others.iter().map(|other| vec![one.clone(), other.clone()]));
            }
        }
        sweep.faults = pairs;
        Ok(sweep)
    }

    /// A sweep without a cell, and what everybody receives in the scenario by itself.
    fn of_nothing(base: &Scenario) -> Result<(Sweep, Heard), Refusal> {
        let base = Scenario { expect: Expect::default(), ..base.clone() };
        let mut run = run::begin(&base, Digesting::No)?;
        let (stop, heard) = run.run_counting();
        let Report { reconfigurations, verdict, .. } = run.report(stop);
        Ok((Sweep { base, reconfigurations, verdict, faults: Vec::new() }, heard))
    }

    /// The configurations that are reached without more faults, and all positions in each.
    fn places(&self) -> Vec<(u32, u32)> {
        let positions = Menu::of(&self.base.protocol).positions();
        let configurations = 0..=u32::try_from(self.reconfigurations).unwrap_or(u32::MAX);
        configurations.flat_map(|c| (0..positions).map(move |position| (c, position))).collect()
    }

    /// What comes of the scenario by itself.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// How many cells there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.faults.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Runs all cells, on the threads of the pool that this is called in, and returns them in their
    /// order. `goes_on` is told now and then how many are done, and says whether to go on; `stops`
    /// is asked before each and during it.
    pub fn run(
        &self,
        goes_on: &mut dyn FnMut(usize) -> bool,
        stops: &(dyn Fn() -> bool + Sync),
    ) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(self.len());
        for batch in self.faults.chunks(BATCH) {
            if !goes_on(cells.len()) {
                break;
            }
            let cells_of_batch = batch.par_iter().map(|faults| self.cell(faults, stops));
            let done: Vec<Option<Cell>> = cells_of_batch.collect();
            let before = cells.len();
            cells.extend(done.into_iter().map_while(|cell| cell));
            if cells.len() < before + batch.len() {
                break;
            }
        }
        cells
    }

    /// The scenario of a cell.
    #[must_use]
    pub fn scenario(&self, faults: &[Fault]) -> Scenario {
        let mut scenario = self.base.clone();
        scenario.faults.extend_from_slice(faults);
        scenario
    }

    fn cell(&self, faults: &[Fault], stops: &dyn Fn() -> bool) -> Option<Cell> {
        let mut waits = Waits::default();
        let scenario = self.scenario(faults);
        let run = || run::run_unless(&scenario, &mut waits, Digesting::No, stops);
        let outcome = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(report)) => self.outcome(faults, &report?, waits.longest_ns),
            // The base was run, and faults have no tape.
            Ok(Err(_)) => Outcome::Unreachable,
            Err(_) => Outcome::Broken { judge: Charge::PANIC },
        };
        Some(Cell { faults: faults.to_vec(), outcome })
    }

    fn outcome(&self, faults: &[Fault], report: &Report, outage_ns: u64) -> Outcome {
        let judge = report.first_broken().map_or("", |finding| finding.judge);
        let reconfigurations = report.reconfigurations.saturating_sub(self.reconfigurations);
        match report.verdict {
            // Whatever came of the run, it did not come of this.
            _ if !all_fired(faults, report) => Outcome::Unreachable,
            Verdict::Broken => Outcome::Broken { judge },
            Verdict::BeyondTolerance => Outcome::Beyond { judge },
            Verdict::Undecided => Outcome::Undecided,
            Verdict::Held if reconfigurations == 0 => Outcome::Live { outage_ns },
            Verdict::Held => Outcome::Recovered { reconfigurations, outage_ns },
        }
    }
}

fn fault(place: (u32, u32), trigger: Trigger, failure: Failure) -> Fault {
    let (configuration, replica) = place;
    Fault { configuration, replica, trigger, failures: vec![failure] }
}

/// The failures of a position that are wanted, each with a number that makes a difference.
fn failures(menu: &Menu<'_>, position: u32, wanted: &impl Fn(Failure) -> bool) -> Vec<Failure> {
    let all = menu.failures(position).into_iter().map(|failure| match failure {
        // Longer than anybody waits.
        Failure::Sleep { .. } => Failure::Sleep { milliseconds: 10_000 },
        Failure::Rollback { .. } => Failure::Rollback { operations: 2 },
        other => other,
    });
    all.filter(|failure| wanted(*failure)).collect()
}

/// How many messages that this trigger counts there may be, by what is asked.
fn expected(base: &Scenario, trigger: Trigger) -> u64 {
    let mut requests = base.clients.iter().map(|client| client.workload.demand_count());
    match trigger.client() {
        Some(client) => requests.nth(client as usize).unwrap_or(0),
        None => {
            let all = requests.fold(0, u64::saturating_add);
            Menu::of(&base.protocol).count(trigger, all)
        }
    }
}

/// Whether the first message that this trigger counts may come.
fn first_comes(base: &Scenario, trigger: Trigger) -> bool {
    expected(base, trigger) > 0
}

/// The messages of one kind that there may be: as many as there were, and at least as many as are
/// to be expected.
fn messages(
    base: &Scenario,
    heard: &Heard,
    (configuration, position): (u32, u32),
    trigger: Trigger,
) -> impl Iterator<Item = Trigger> {
    let clients = match trigger.client() {
        Some(_) => 0..base.clients.len() as u32,
        None => 0..1,
    };
    let replica = Identity::replica(configuration, position);
    clients.flat_map(move |client| {
        let trigger = trigger.with_client(client);
        let came = heard.get(&(replica, trigger)).copied().unwrap_or(0);
        let count = came.max(expected(base, trigger));
        (0..count).map(move |number| trigger.with_number(number))
    })
}

fn all_fired(faults: &[Fault], report: &Report) -> bool {
    fault::pairs(faults).all(|wanted| {
        let mut outcomes = report.injections.iter();
        outcomes.any(|outcome| (outcome.replica, outcome.pair) == wanted && outcome.fired > 0)
    })
}

/// How long clients wait, as an onlooker.
#[derive(Clone, Debug, Default)]
struct Waits {
    /// Since when each client waits, by its number.
    since_ns: Vec<u64>,
    longest_ns: u64,
}

impl Onlooker for Waits {
    fn see(&mut self, event: &dyn Happening) {
        match event.milestone() {
            Some(Milestone::Asked { client, .. }) => {
                let clients = self.since_ns.len().max(client as usize + 1);
                self.since_ns.resize(clients, 0);
                self.since_ns[client as usize] = event.at_ns();
            }
            Some(Milestone::Answered { client, .. }) => {
                let since_ns = self.since_ns.get(client as usize).copied().unwrap_or(event.at_ns());
                self.longest_ns = self.longest_ns.max(event.at_ns() - since_ns);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Shape;
    use crate::fault::Pair;
    use crate::time::SECOND_NS;

    fn base() -> Scenario {
        let text = "protocol = \"bcr\"\nt = 1\n[checkpoint]\nevery = 2\n\
                    [[client]]\nworkload = \"put('k','a'); append('k','b'); get('k')\"\n";
        let reading = crate::scenario::read("base", text.as_bytes(), &Default::default());
        reading.scenario.expect("it is a scenario")
    }

    fn outcome(cells: &[Cell], position: u32, when: &str, then: &str) -> Outcome {
        let found = cells.iter().find(|cell| {
            let fault = &cell.faults[0];
            let text = |pair: Pair| pair.to_string() == format!("{when}, {then}");
            fault.replica == position && fault.pairs().any(text)
        });
        found.unwrap_or_else(|| panic!("{when}, {then} is not swept")).outcome.clone()
    }

    #[test]
    fn every_single_fault_is_borne() {
        let sweep = Sweep::of(&base(), |_| true).unwrap();
        let cells = sweep.run(&mut |_| true, &|| false);
        assert_eq!(cells.len(), sweep.len());
        let worse = |cell: &&Cell| cell.outcome > Outcome::Undecided;
        assert_eq!(cells.iter().filter(worse).count(), 0);
        let tail_crashes = outcome(&cells, 2, "shuttle(0,1)", "crash()");
        let Outcome::Recovered { reconfigurations: 1, outage_ns } = tail_crashes else {
            panic!("{tail_crashes:?}");
        };
        // The client asks again after three seconds, its replicas ask for others after three more.
        assert_eq!(outage_ns, 6 * SECOND_NS + 900_000);
        let lie = outcome(&cells, 2, "shuttle(0,0)", "change_result()");
        // The two others agree, which is enough for the client: nobody has to wait.
        assert_eq!(lie, Outcome::Live { outage_ns: 400_000 });
        let never = outcome(&cells, 0, "wedge_request(0)", "crash()");
        assert_eq!(never, Outcome::Unreachable);
    }

    #[test]
    fn the_weak_spot_of_a_rule_is_found_among_pairs() {
        let mut base = base();
        let bcr = base.protocol.bcr_mut().unwrap();
        bcr.accept = crate::scenario::Accept::Quorum;
        base.faults = vec![fault(
            (0, 0),
            Trigger::WedgeRequest { number: 0 },
            Failure::Sleep { milliseconds: 60_000 },
        )];
        let wanted = [Failure::EarlyReply, Failure::Rollback { operations: 2 }];
        let sweep = Sweep::of_pairs(&base, |failure| wanted.contains(&failure)).unwrap();
        let cells = sweep.run(&mut |_| true, &|| false);
        let broken = cells.iter().filter(|cell| matches!(cell.outcome, Outcome::Broken { .. }));
        assert_eq!(broken.count(), 7);
    }

    /// The base breaks by itself. What never happens is not to blame, nor is what happens to
    /// somebody else.
    #[test]
    fn a_fault_is_blamed_for_what_it_does() {
        let text = include_str!("../../scenarios/bcr/accepted_operation_lost_under_quorum.toml");
        let reading = crate::scenario::read("lost", text.as_bytes(), &Default::default());
        let sweep = Sweep::of(&reading.scenario.unwrap(), |_| true).unwrap();
        assert_eq!(sweep.verdict(), Verdict::Broken);
        let cells = sweep.run(&mut |_| true, &|| false);
        let never = outcome(&cells, 2, "wedge_request(1)", "crash()");
        assert_eq!(never, Outcome::Unreachable);

        let mut base = base();
        let shuttle = Trigger::Shuttle { client: 0, number: 0 };
        base.faults = vec![fault((0, 1), shuttle, Failure::Crash)];
        let cells = Sweep::of(&base, |failure| failure == Failure::Crash).unwrap();
        let cells = cells.run(&mut |_| true, &|| false);
        // The tail never sees what the middle did not pass on.
        assert_eq!(outcome(&cells, 2, "shuttle(0,0)", "crash()"), Outcome::Unreachable);
    }

    #[test]
    fn too_large_a_sweep_is_refused_before_it_is_made() {
        let mut base = base();
        let pool = base.pool.clone();
        let items = vec![crate::object::Item::Pseudorandom { seed: 1, count: 2_000_000 }];
        base.limits.steps = 10;
        base.clients[0].workload = crate::object::Workload::new(items, pool);
        assert!(matches!(Sweep::of(&base, |_| true), Err(Unswept::TooLarge)));
        // Pairs are of first messages, and there are no more of these.
        let pairs = Sweep::of_pairs(&base, |_| true).map(|sweep| sweep.len());
        let few = Sweep::of_pairs(&self::base(), |_| true).map(|sweep| sweep.len());
        assert_eq!(pairs, few);
        base.protocol.bcr_mut().unwrap().t = 1_000;
        assert_eq!(Sweep::of_pairs(&base, |_| true).err(), Some(Unswept::TooLarge));
    }

    /// The faults that crash a replica of a scenario of the folder, as they are written.
    fn crashes(text: &str) -> Vec<String> {
        let reading = crate::scenario::read("base", text.as_bytes(), &Default::default());
        let scenario = reading.scenario.expect("it is a scenario");
        let sweep = Sweep::of(&scenario, |failure| failure == Failure::Crash).unwrap();
        let told = |Fault { configuration, replica, trigger, .. }: &Fault| {
            format!("{configuration}.{replica} {trigger}")
        };
        sweep.faults.iter().flatten().map(told).collect()
    }

    #[test]
    fn all_configurations_are_swept() {
        let four = include_str!("../../scenarios/bcr/four_reconfigurations.toml");
        let all = crashes(four);
        for place in ["3.2 ", "4.0 ", "4.2 "] {
            assert!(all.iter().any(|one| one.starts_with(place)), "{place}: {all:?}");
        }
        assert!(!all.iter().any(|one| one.starts_with("5.")));
    }

    /// More come than there are requests: doubled ones, and those that are sent again.
    #[test]
    fn all_messages_that_come_are_swept() {
        let twice = include_str!("../../scenarios/bcr/duplicates_are_harmless.toml");
        let all = crashes(twice);
        let last =
            |all: &[String], kind: &str| all.iter().filter(|one| one.starts_with(kind)).count();
        assert_eq!(last(&all, "0.0 client_request(0,"), 7);
        let silent = include_str!("../../scenarios/bcr/olympus_cannot_reach_the_middle.toml");
        assert_eq!(last(&crashes(silent), "0.1 wedge_request("), 9);
    }

    #[test]
    fn any_number_of_jobs_comes_to_the_same() {
        let shape = Shape::of("bcr").unwrap().requests(2, 2).faulty(1, 1);
        let scenario = crate::explore::generate::scenario(&shape, 1);
        let sweep = Sweep::of(&scenario, |_| true).unwrap();
        let with = |jobs| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().unwrap();
            pool.install(|| sweep.run(&mut |_| true, &|| false))
        };
        assert_eq!(with(1), with(3));
    }
}
