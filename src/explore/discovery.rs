//! From the broken runs of a campaign to a few findings: the smallest of each charge are made
//! small, and those that then have the same shape are one.

use std::collections::BTreeMap;

use crate::scenario::Scenario;

use super::artefact::Artefact;
use super::campaign::Tally;
use super::shrink::{self, Shrunk};
use super::slice::Slice;
use super::trial::{Charge, Found, Size};

/// Something that a campaign found, made small.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// What it is charged with.
    pub charge: Charge,
    /// What happens in it, in a few words.
    pub shape: String,
    /// The run that it was made of.
    pub found: Found,
    /// The small scenario.
    pub scenario: Scenario,
    /// What there is to read in it.
    pub size: Size,
    /// How many smaller scenarios were tried.
    pub tries: u64,
    /// What is kept of it.
    pub artefact: Artefact,
}

/// Makes the kept findings of a campaign small; the smallest of each shape stays. `scenario_of`
/// knows the scenarios. `shows` is told again and again how many are done, and how many there are;
/// when `stops` says so, those that are left are left out. Nothing is made of a panic: there is no
/// trace to read.
pub fn discoveries(
    tally: &Tally,
    scenario_of: &dyn Fn(&Found) -> Option<Scenario>,
    shows: &mut dyn FnMut(usize, usize),
    stops: &(dyn Fn() -> bool + Sync),
) -> Vec<Discovery> {
    let kept = tally
        .groups
        .iter()
        .flat_map(|(charge, group)| group.kept.iter().map(move |found| (charge, found)));
    let kept: Vec<(&Charge, &Found)> =
        kept.filter(|(charge, _)| charge.judge != Charge::PANIC).collect();
    let mut by_shape: BTreeMap<(Charge, String), Discovery> = BTreeMap::new();
    for (done, (charge, found)) in kept.iter().enumerate() {
        if stops() {
            break;
        }
        let mut shows = |_| shows(done, kept.len());
        let small = scenario_of(found)
            .and_then(|scenario| discovery(charge, found, &scenario, &mut shows, stops));
        let Some(small) = small else {
            continue;
        };
        let key = (small.charge.clone(), small.shape.clone());
        let is_better =
            |other: &Discovery| (small.size, found.index) < (other.size, other.found.index);
        if by_shape.get(&key).is_none_or(is_better) {
            by_shape.insert(key, small);
        }
    }
    by_shape.into_values().collect()
}

/// One finding, made small.
fn discovery(
    charge: &Charge,
    found: &Found,
    scenario: &Scenario,
    shows: &mut dyn FnMut(u64),
    stops: &(dyn Fn() -> bool + Sync),
) -> Option<Discovery> {
    let Shrunk { scenario, tries, .. } =
        shrink::shrink_until(scenario, charge, shrink::TRIES, shows, stops);
    let judge = Some(charge.judge.as_str());
    let (report, finding, slice) = Slice::of_run_unless(&scenario, judge, stops).ok()??;
    let shape = slice.shape(&scenario);
    let size = Size::of(&scenario, report.events);
    let artefact = Artefact::of_slice(&scenario, &report, &finding, &slice);
    let (charge, found) = (charge.clone(), found.clone());
    Some(Discovery { charge, shape, found, scenario, size, tries, artefact })
}
