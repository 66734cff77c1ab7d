//! Which seeded bugs are found, how soon, and by whom: every quirk of a protocol under the same
//! draws.
//!
//! A run kills a quirk when a judge finds fault with it within tolerance. A promise to users that
//! breaks weighs more than a breach of conduct, which may be found in a run in which nobody comes
//! to harm.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;

use crate::judge::Concern;
use crate::run::{self, Digesting, Nobody, Report};

use super::campaign::Campaign;
use super::trial::Charge;
use super::{generate, menu};

/// What became of one quirk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kills {
    /// Its name.
    pub quirk: &'static str,
    /// How many runs there were.
    pub runs: u64,
    /// In how many a judge found fault.
    pub killed: u64,
    /// In how many of those a promise to users broke.
    pub promises: u64,
    /// The number of the first of them, and who found it there.
    pub first: Option<(u64, &'static str)>,
    /// In how many runs each judge found fault.
    pub judges: BTreeMap<&'static str, u64>,
}

/// What the judges of one run say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Who found fault first.
    pub first: Option<&'static str>,
    /// Everybody who found fault.
    pub judges: BTreeSet<&'static str>,
    /// Whether a promise to users broke.
    pub promise: bool,
}

/// Hunts every quirk of the campaign's protocol, on the threads of the pool that this is called in.
/// `goes_on` is told each quirk's kills, and says whether to go on with the next; `stops` is asked
/// before each run and during it, and a quirk whose runs were stopped is left out.
pub fn hunt(
    campaign: &Campaign,
    goes_on: &mut dyn FnMut(&Kills) -> bool,
    stops: &(dyn Fn() -> bool + Sync),
) -> Vec<Kills> {
    let mut all = Vec::new();
    for (quirk, base) in menu::with_quirks(&campaign.shape.base) {
        let mut campaign = campaign.clone();
        campaign.shape.base = base;
        let runs = (0..campaign.runs).into_par_iter();
        let verdicts = runs.map(|index| verdicts_unless(&campaign, index, stops));
        let verdicts: Option<Vec<Verdicts>> = verdicts.collect();
        let Some(verdicts) = verdicts else { break };
        let kills = Kills::of(quirk, &verdicts);
        let goes_on = goes_on(&kills);
        all.push(kills);
        if !goes_on {
            break;
        }
    }
    all
}

/// How many quirks there are to hunt.
#[must_use]
pub fn count(campaign: &Campaign) -> u64 {
    menu::with_quirks(&campaign.shape.base).len() as u64
}

/// What is found in the run of this number.
#[must_use]
pub fn verdicts(campaign: &Campaign, index: u64) -> Verdicts {
    verdicts_unless(campaign, index, &|| false).unwrap_or_default()
}

fn verdicts_unless(campaign: &Campaign, index: u64, stops: &dyn Fn() -> bool) -> Option<Verdicts> {
    let scenario = generate::scenario(&campaign.shape, campaign.seed_of(index));
    let ran = || run::run_unless(&scenario, &mut Nobody, Digesting::No, stops);
    match catch_unwind(AssertUnwindSafe(ran)) {
        Ok(Ok(report)) => report.map(|report| Verdicts::of(&report)),
        _ => {
            let panic = Charge::PANIC;
            Some(Verdicts { first: Some(panic), judges: BTreeSet::from([panic]), promise: true })
        }
    }
}

impl Verdicts {
    fn of(report: &Report) -> Verdicts {
        let broken: Vec<_> = report.broken_within_tolerance().collect();
        let promised = |judge| {
            let is_promise = |concern| concern == Concern::Promise;
            report.rulings.iter().any(|ruling| ruling.judge == judge && is_promise(ruling.concern))
        };
        Verdicts {
            first: broken.iter().min_by_key(|found| found.event).map(|found| found.judge),
            judges: broken.iter().map(|found| found.judge).collect(),
            promise: broken.iter().any(|found| promised(found.judge)),
        }
    }
}

impl Kills {
    fn of(quirk: &'static str, verdicts: &[Verdicts]) -> Kills {
        let mut kills = Kills {
            quirk,
            runs: verdicts.len() as u64,
            killed: 0,
            promises: 0,
            first: None,
            judges: BTreeMap::new(),
        };
        for (index, verdicts) in (0..).zip(verdicts) {
            let Some(first) = verdicts.first else { continue };
            kills.killed += 1;
            kills.promises += u64::from(verdicts.promise);
            kills.first = kills.first.or(Some((index, first)));
            for judge in &verdicts.judges {
                *kills.judges.entry(judge).or_insert(0) += 1;
            }
        }
        kills
    }

    /// The head of a table of such rows.
    pub const HEAD: &str = "\
| quirk | killed | promise | first | found by | all judges |
|---|---:|---:|---:|---|---|";
}

/// A row of a table.
impl fmt::Display for Kills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kills { quirk, killed, promises, first, judges, .. } = self;
        write!(f, "| {quirk} | {killed} | {promises} | ")?;
        match first {
            Some((index, judge)) => write!(f, "{index} | {judge} |")?,
            None => write!(f, "survived | |")?,
        }
        for (i, (judge, count)) in judges.iter().enumerate() {
            write!(f, "{} {judge} {count}", if i == 0 { "" } else { "," })?;
        }
        f.write_str(" |")
    }
}
