//! The clocks of the programs that recorded, laid beside each other.
//!
//! Every program counts from what its own calendar said at its beginning, and the calendars of two
//! machines may differ by minutes. Messages tell by how much: none arrives before it leaves. So of
//! two programs, what passes from the first to the second bounds how far the second clock is ahead,
//! and what passes back bounds how far it is behind:
//!
//! ```text
//!   least (received − sent), back, negated  ≤  ahead  ≤  least (received − sent), there
//! ```
//!
//! What passes by way of others counts too. One program after the other finds its place beside
//! those that have theirs, first of all that of Olympus, whose clock counts as right. Where a clock
//! may be as another one, it is: calendars of one machine need no correction. Otherwise it is in
//! the middle of its bounds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::identity::Identity;

use super::super::record::format::{Entry, Outline};
use super::ReplayError;
use super::track::{Reader, Track};

/// How the clocks of programs stand to each other. A program is known by its origin: what its
/// calendar said when its monotonic time began.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    /// By how much each program's calendar is ahead of the one that counts as right.
    ahead_ns: BTreeMap<u64, i128>,
    bounds: Bounds,
    /// When the first of all began, by the clock that counts as right.
    first_ns: i128,
}

/// By how much the calendar of the second of two programs is ahead of that of the first, at most.
type Bounds = BTreeMap<(u64, u64), i128>;

impl Clocks {
    /// Of the programs that recorded these.
    pub(super) fn of(tracks: &[Arc<Track>]) -> Result<Clocks, ReplayError> {
        let is_root = |track: &&Arc<Track>| track.who() == Identity::OLYMPUS;
        let Some(root) = tracks.iter().find(is_root).or(tracks.first()) else {
            return Ok(Clocks::default());
        };
        let mut programs: Vec<u64> = tracks.iter().map(|track| track.header.origin_ns).collect();
        programs.sort_unstable();
        programs.dedup();
        // One program has one clock, and nothing need be read.
        let passages = if programs.len() > 1 { passages(tracks)? } else { Bounds::new() };
        Ok(Clocks::placed(root.header.origin_ns, &programs, &passages))
    }

    fn placed(root: u64, programs: &[u64], passages: &Bounds) -> Clocks {
        let bounds = closed(programs, passages);
        let mut ahead_ns = BTreeMap::from([(root, 0)]);
        let mut left: Vec<u64> = programs.iter().copied().filter(|one| *one != root).collect();
        while !left.is_empty() {
            // Who is known best comes first: the others are placed beside him.
            let width = |one: &u64| match beside(&bounds, &ahead_ns, *one) {
                (Some(low_ns), Some(high_ns)) => high_ns - low_ns,
                _ => i128::MAX,
            };
            let best = (0..left.len()).min_by_key(|at| width(&left[*at])).unwrap_or(0);
            let one = left.remove(best);
            ahead_ns.insert(one, place(&bounds, &ahead_ns, one));
        }
        let began = ahead_ns.iter().map(|(origin_ns, ahead_ns)| i128::from(*origin_ns) - ahead_ns);
        let first_ns = began.min().unwrap_or(0);
        Clocks { ahead_ns, bounds, first_ns }
    }

    fn ahead_ns(&self, program: u64) -> i128 {
        self.ahead_ns.get(&program).copied().unwrap_or(0)
    }

    /// How much later the clock of a process began than the first of all clocks.
    pub(super) fn later_ns(&self, track: &Track) -> u64 {
        let origin_ns = track.header.origin_ns;
        let later_ns = i128::from(origin_ns) - self.ahead_ns(origin_ns) - self.first_ns;
        u64::try_from(later_ns.max(0)).unwrap_or(u64::MAX)
    }

    /// By how much a moment of one process comes before a moment of another at least, each by its
    /// own monotonic clock: negative where it comes after, and none where nobody can tell.
    pub(super) fn between_ns(
        &self,
        (one, at_ns): (&Track, u64),
        (other, then_ns): (&Track, u64),
    ) -> Option<i128> {
        let (one, other) = (one.header.origin_ns, other.header.origin_ns);
        let shown = |origin_ns: u64, ns: u64| i128::from(origin_ns) + i128::from(ns);
        let apart_ns = shown(other, then_ns) - shown(one, at_ns);
        match self.ahead_ns(one) == self.ahead_ns(other) {
            true => Some(apart_ns),
            false => Some(apart_ns - self.bounds.get(&(one, other))?),
        }
    }
}

/// What bounds tell together, where what passes goes by way of others. Clocks drift apart while
/// they run, so that messages of different hours may contradict each other: as much is allowed to
/// each as is needed that they do not.
fn closed(programs: &[u64], passages: &Bounds) -> Bounds {
    let mut drift_ns: i128 = 0;
    loop {
        let allowed = passages.iter().map(|(pair, most_ns)| (*pair, most_ns + drift_ns));
        if let Some(bounds) = closed_if_sound(programs, allowed.collect()) {
            return bounds;
        }
        drift_ns = (2 * drift_ns).max(LEAST_DRIFT_NS);
    }
}

/// With so much it begins.
const LEAST_DRIFT_NS: i128 = 1000;

fn closed_if_sound(programs: &[u64], mut bounds: Bounds) -> Option<Bounds> {
    for by in programs {
        for from in programs {
            let Some(&there) = bounds.get(&(*from, *by)) else { continue };
            for to in programs {
                let Some(&on) = bounds.get(&(*by, *to)) else { continue };
                if from == to && there + on < 0 {
                    return None;
                }
                let most_ns = bounds.entry((*from, *to)).or_insert(i128::MAX);
                *most_ns = (*most_ns).min(there + on);
            }
        }
    }
    Some(bounds)
}

/// How far a program's clock is ahead at least and at most, beside those that have their place.
fn beside(bounds: &Bounds, placed: &BTreeMap<u64, i128>, one: u64) -> (Option<i128>, Option<i128>) {
    let low = |(other, ahead_ns): (&u64, &i128)| Some(ahead_ns - bounds.get(&(one, *other))?);
    let high = |(other, ahead_ns): (&u64, &i128)| Some(ahead_ns + bounds.get(&(*other, one))?);
    (placed.iter().filter_map(low).max(), placed.iter().filter_map(high).min())
}

/// Where a program's clock stands beside those that have their place.
fn place(bounds: &Bounds, placed: &BTreeMap<u64, i128>, one: u64) -> i128 {
    let (low_ns, high_ns) = beside(bounds, placed, one);
    let fits = |ahead_ns: &i128| {
        low_ns.is_none_or(|low_ns| low_ns <= *ahead_ns)
            && high_ns.is_none_or(|high_ns| *ahead_ns <= high_ns)
    };
    if fits(&0) {
        return 0;
    }
    let middle = match (low_ns, high_ns) {
        (Some(low_ns), Some(high_ns)) => low_ns + (high_ns - low_ns) / 2,
        (one, other) => one.or(other).unwrap_or(0),
    };
    // A machine that is ahead may have several programs.
    let others = placed.values().copied().filter(fits);
    others.min_by_key(|ahead_ns| ahead_ns.abs_diff(middle)).unwrap_or(middle)
}

/// What the messages tell whose sending and receiving are both on record.
fn passages(tracks: &[Arc<Track>]) -> Result<Bounds, ReplayError> {
    let mut departures: BTreeMap<Identity, Departures> = BTreeMap::new();
    for track in tracks {
        departures.insert(track.who(), Departures::of(track)?);
    }
    let mut passages = Bounds::new();
    for track in tracks {
        let own = track.header.origin_ns;
        let mut reader = Reader::new(track.clone());
        while let Some((now, entry)) = reader.outline()? {
            let Entry::Message { from, sent, .. } = entry else { continue };
            let Some(sender) = departures.get(&from).filter(|sender| sender.origin_ns != own)
            else {
                continue;
            };
            let Some(left_ns) = sender.at_ns(sent) else { continue };
            let received_ns = i128::from(own) + i128::from(now.monotonic_ns);
            let least = passages.entry((sender.origin_ns, own)).or_insert(i128::MAX);
            *least = (*least).min(received_ns - left_ns);
        }
    }
    Ok(passages)
}

/// When a process's events were.
struct Departures {
    origin_ns: u64,
    /// Up to which event, when: of each input after the other.
    inputs: Vec<(u64, u64)>,
}

impl Departures {
    fn of(track: &Arc<Track>) -> Result<Departures, ReplayError> {
        let (mut inputs, mut events, mut at_ns) = (Vec::new(), 0, 0);
        let mut reader = Reader::new(track.clone());
        while let Some((now, entry)) = reader.outline()? {
            if let Outline::Did(sights) = entry {
                events += sights.len() as u64;
                inputs.push((events, at_ns));
            } else {
                at_ns = now.monotonic_ns;
            }
        }
        Ok(Departures { origin_ns: track.header.origin_ns, inputs })
    }

    /// What the calendar said at one of them, if that is on record.
    fn at_ns(&self, event: u64) -> Option<i128> {
        let place = self.inputs.partition_point(|(last, _)| *last < event);
        let (_, at_ns) = self.inputs.get(place)?;
        Some(i128::from(self.origin_ns) + i128::from(*at_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The clocks of programs beside the one of 1, where so much passes.
    fn clocks(passages: &[(u64, u64, i128)]) -> Clocks {
        let passages: Bounds = passages.iter().map(|(a, b, ns)| ((*a, *b), *ns)).collect();
        let mut programs: Vec<u64> = passages.keys().flat_map(|(a, b)| [*a, *b]).collect();
        programs.sort_unstable();
        programs.dedup();
        Clocks::placed(1, &programs, &passages)
    }

    /// How much the clock of 2 is ahead.
    fn ahead(passages: &[(u64, u64, i128)]) -> i128 {
        clocks(passages).ahead_ns(2)
    }

    #[test]
    fn a_clock_that_may_be_right_is_and_another_is_in_the_middle_of_its_bounds() {
        assert_eq!(ahead(&[(1, 2, 5), (2, 1, 3)]), 0);
        assert_eq!(ahead(&[(1, 2, 105), (2, 1, -93)]), 99);
        assert_eq!(ahead(&[(1, 2, -93), (2, 1, 105)]), -99);
        assert_eq!(ahead(&[(1, 2, -93)]), -93, "nothing came back");
        assert_eq!(ahead(&[(2, 1, -93)]), 93, "nothing came there");
        assert_eq!(ahead(&[(1, 2, 93)]), 0, "it may be right");
    }

    #[test]
    fn what_passes_in_a_ring_bounds_all_of_its_clocks() {
        // 2 is ahead by 100 and 3 by 50; each message takes 5. That leaves 90..105 and 45..60.
        let ring = clocks(&[(1, 2, 105), (2, 3, -45), (3, 1, -45)]);
        assert_eq!((ring.ahead_ns(2), ring.ahead_ns(3)), (97, 48));
        // Nothing comes back to 1, whose clock is behind; that of 2 and 3 is one.
        let apart = clocks(&[(1, 2, -80), (1, 3, -70), (2, 3, 4), (3, 2, 4)]);
        assert_eq!((apart.ahead_ns(2), apart.ahead_ns(3)), (-80, -80));
    }

    #[test]
    fn clocks_that_drift_apart_have_a_place_too() {
        let ahead_ns = ahead(&[(1, 2, 9_000_000), (2, 1, -9_400_000)]);
        assert!((8_500_000..=9_900_000).contains(&ahead_ns), "{ahead_ns}");
    }
}
