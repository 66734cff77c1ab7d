//! Two runs side by side: which event of one is which of the other.
//!
//! Times and numbers shift as soon as anything differs, so events are known by what led to them:
//! two are mates if their causes are mates (or both have none) and the same happened to the same
//! process, to or from the same one, for the same time among what that cause led to. What is left
//! over then may still be the same again, later and for another reason: the next request of a
//! client, say, behind one that had to be sent twice. So of what is left over, events of equal
//! content at one process are mates too, in their order, and with them what they led to. Whatever
//! has no mate then is there because of the difference.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What an event is known by. Equal numbers mean equal things in both runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The place of the event that led to it, which stands before it; none for the first of all.
    pub cause: Option<u32>,
    /// To whom it happened.
    pub process: u32,
    /// What happened: word and kind.
    pub what: u32,
    /// To or from whom; 0 for nobody.
    pub peer: u32,
    /// What stands in it; 0 for nothing.
    pub content: u32,
}

impl Footprint {
    /// What it has in common with the same again.
    fn look(&self) -> (u32, u32, u32, u32) {
        (self.process, self.what, self.peer, self.content)
    }
}

/// Which event of one run is which of another, and where each stands when both are drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alignment {
    /// For each event of the first run its mate in the second.
    pub mates: Vec<Option<u32>>,
    /// For each event of either run its row. Rows grow with the events; mates share one where the
    /// order in both runs allows it.
    pub rows: [Vec<u32>; 2],
}

/// Finds the mates, and gives every event a row.
#[must_use]
pub fn align(a: &[Footprint], b: &[Footprint]) -> Alignment {
    let mut names = BTreeMap::new();
    let keys_a = keys(a, &mut names, &BTreeMap::new());
    let mut again = BTreeMap::new();
    let mut keys_b = keys(b, &mut names, &again);
    for _ in 0..ROUNDS {
        let more = the_same_again((a, &keys_a), (b, &keys_b));
        if more.is_empty() {
            break;
        }
        again.extend(more);
        keys_b = keys(b, &mut names, &again);
    }
    let places: BTreeMap<u32, u32> = keys_b.into_iter().zip(0..).collect();
    let mates: Vec<Option<u32>> = keys_a.iter().map(|key| places.get(key).copied()).collect();
    let rows = rows(&mates, b.len());
    Alignment { mates, rows }
}

/// How often is looked for the same again. Each time what it led to has found its mates before.
const ROUNDS: usize = 8;

/// Of what has no mate yet, the first event of B that looks like one of A, by its place, with the
/// key of that; and as many more as do not follow from each other.
fn the_same_again(
    (a, keys_a): (&[Footprint], &[u32]),
    (b, keys_b): (&[Footprint], &[u32]),
) -> Vec<(u32, u32)> {
    let (in_a, in_b): (BTreeSet<&u32>, BTreeSet<&u32>) =
        (keys_a.iter().collect(), keys_b.iter().collect());
    let mut left: BTreeMap<(u32, u32, u32, u32), VecDeque<u32>> = BTreeMap::new();
    for (one, key) in a.iter().zip(keys_a).filter(|(_, key)| !in_b.contains(key)) {
        left.entry(one.look()).or_default().push_back(*key);
    }
    let alone = (0..).zip(b.iter().zip(keys_b)).filter(|(_, (_, key))| !in_a.contains(key));
    let mut found = Vec::new();
    let mut joined = BTreeSet::new();
    for (place, (one, _)) in alone {
        // What such an event led to will be known by it.
        if one.cause.is_some_and(|cause| joined.contains(&cause)) {
            joined.insert(place);
        } else if let Some(key) = left.get_mut(&one.look()).and_then(VecDeque::pop_front) {
            joined.insert(place);
            found.push((place, key));
        }
    }
    found
}

/// What makes an event the one that it is: the key of its cause (0 for none), its footprint, and
/// how many like it the same cause led to before.
type Name = (u32, u32, u32, u32, u32);

/// A number for each event, equal in both runs where the events are mates. Of some it is known
/// already, by their places.
fn keys(
    run: &[Footprint],
    names: &mut BTreeMap<Name, u32>,
    known: &BTreeMap<u32, u32>,
) -> Vec<u32> {
    let mut counts: BTreeMap<(u32, u32, u32, u32), u32> = BTreeMap::new();
    let mut keys: Vec<u32> = Vec::with_capacity(run.len());
    for (place, Footprint { cause, process, what, peer, .. }) in (0..).zip(run) {
        if let Some(key) = known.get(&place) {
            keys.push(*key);
            continue;
        }
        let cause = cause.and_then(|place| keys.get(place as usize)).map_or(0, |key| key + 1);
        let count = counts.entry((cause, *process, *what, *peer)).or_default();
        let name = (cause, *process, *what, *peer, *count);
        *count += 1;
        let next = names.len() as u32;
        keys.push(*names.entry(name).or_insert(next));
    }
    keys
}

/// The rows: as many mates as possible stand at the same height, everything else between them.
fn rows(mates: &[Option<u32>], of_b: usize) -> [Vec<u32>; 2] {
    let (mut rows_a, mut rows_b) = (Vec::with_capacity(mates.len()), Vec::with_capacity(of_b));
    let ends = (mates.len() as u32, of_b as u32);
    let mut row = 0;
    for (to_a, to_b) in anchors(mates).into_iter().chain([ends]) {
        let (alone_a, alone_b) = (to_a - rows_a.len() as u32, to_b - rows_b.len() as u32);
        rows_a.extend(row..row + alone_a);
        rows_b.extend(row..row + alone_b);
        row += alone_a.max(alone_b);
        if (to_a, to_b) != ends {
            rows_a.push(row);
            rows_b.push(row);
            row += 1;
        }
    }
    [rows_a, rows_b]
}

/// The longest row of mates that come in the same order in both runs.
fn anchors(mates: &[Option<u32>]) -> Vec<(u32, u32)> {
    let pairs = mates.iter().zip(0..).filter_map(|(mate, place)| Some((place, (*mate)?)));
    let pairs: Vec<(u32, u32)> = pairs.collect();
    // For each length the pair with the smallest end that a row of this length can have; and for
    // each pair the one before it in the longest row that ends with it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (i, (_, mate)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *mate);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = i,
            None => ends.push(i),
        }
    }
    let mut row = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(i) = at {
        row.push(pairs[i]);
        at = before[i];
    }
    row.reverse();
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events as (cause, process, what); the cause by place from 1 on, 0 for none.
    fn run(events: &[(u32, u32, u32)]) -> Vec<Footprint> {
        let one = |(cause, process, what): &(u32, u32, u32)| Footprint {
            cause: cause.checked_sub(1),
            process: *process,
            what: *what,
            peer: 0,
            content: 0,
        };
        events.iter().map(one).collect()
    }

    #[test]
    fn a_run_is_aligned_with_itself_event_by_event() {
        let run = run(&[(0, 1, 1), (1, 2, 2), (1, 2, 2), (2, 1, 3)]);
        let Alignment { mates, rows } = align(&run, &run);
        assert_eq!(mates, [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(rows, [vec![0, 1, 2, 3], vec![0, 1, 2, 3]]);
    }

    #[test]
    fn what_a_difference_led_to_has_no_mate_and_the_rest_has() {
        // The second event of A, and what it led to, does not happen in B; numbers shift.
        let a = run(&[(0, 1, 1), (1, 2, 9), (2, 3, 5), (1, 2, 2), (4, 1, 3)]);
        let b = run(&[(0, 1, 1), (1, 2, 2), (2, 1, 3)]);
        let Alignment { mates, rows } = align(&a, &b);
        assert_eq!(mates, [Some(0), None, None, Some(1), Some(2)]);
        assert_eq!(rows, [vec![0, 1, 2, 3, 4], vec![0, 3, 4]]);
    }

    /// In A a request has to be sent twice; then everything goes on as in B, for another reason.
    #[test]
    fn what_goes_on_as_before_has_its_mates_again() {
        let with = |events: &[(u32, u32, u32, u32)]| -> Vec<Footprint> {
            let one = |(cause, process, what, content): &(u32, u32, u32, u32)| Footprint {
                cause: cause.checked_sub(1),
                process: *process,
                what: *what,
                peer: 0,
                content: *content,
            };
            events.iter().map(one).collect()
        };
        let (timer, ask, take, answer) = (1, 2, 3, 4);
        let a = with(&[
            (0, 1, ask, 1),
            (1, 1, timer, 0),
            (2, 1, ask, 1),
            (3, 2, take, 1),
            (4, 1, answer, 1),
            (5, 1, ask, 2),
            (6, 2, take, 2),
        ]);
        let b = with(&[
            (0, 1, ask, 1),
            (1, 2, take, 1),
            (2, 1, answer, 1),
            (3, 1, ask, 2),
            (4, 2, take, 2),
        ]);
        let Alignment { mates, .. } = align(&a, &b);
        assert_eq!(mates, [Some(0), None, None, Some(1), Some(2), Some(3), Some(4)]);
        let other_way: Vec<Option<u32>> = align(&b, &a).mates;
        assert_eq!(other_way, [Some(0), Some(3), Some(4), Some(5), Some(6)]);
    }

    #[test]
    fn the_same_again_by_the_same_cause_is_another() {
        let a = run(&[(0, 1, 1), (1, 2, 2), (1, 2, 2)]);
        let b = run(&[(0, 1, 1), (1, 2, 2)]);
        assert_eq!(align(&a, &b).mates, [Some(0), Some(1), None]);
    }

    #[test]
    fn mates_in_another_order_stay_mates_and_rows_still_grow() {
        let a = run(&[(0, 1, 1), (0, 2, 2), (0, 3, 3), (0, 4, 4)]);
        let b = run(&[(0, 3, 3), (0, 1, 1), (0, 2, 2), (0, 4, 4)]);
        let Alignment { mates, rows: [rows_a, rows_b] } = align(&a, &b);
        assert_eq!(mates, [Some(1), Some(2), Some(0), Some(3)]);
        assert_eq!((&rows_a[..2], rows_a[3]), (&rows_b[1..3], rows_b[3]));
        for rows in [rows_a, rows_b] {
            assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "{rows:?}");
        }
    }

    #[test]
    fn nothing_is_aligned_with_nothing() {
        assert_eq!(align(&[], &[]), Alignment::default());
        let Alignment { mates, rows } = align(&run(&[(0, 1, 1)]), &[]);
        assert_eq!((mates, rows), (vec![None], [vec![0], vec![]]));
    }

    #[test]
    fn a_cause_that_stands_behind_its_event_is_no_cause() {
        let odd = [Footprint { cause: Some(7), ..Footprint::default() }];
        assert_eq!(align(&odd, &odd).mates, [Some(0)]);
    }
}
