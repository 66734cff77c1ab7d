//! Which t + 1 replicas are tried next: the first ones in lexicographic order of positions that may
//! stand together.

use std::collections::BTreeSet;

/// How many steps a search may take. Where there is a quorum, the first one is found in a few; only
/// histories that contradict each other in contrived ways make it long.
const SEARCH_LIMIT: u32 = 100_000;

/// The first set of this size whose members are compatible in pairs and that is not excluded.
/// `candidates` rise.
pub(super) fn first_quorum(
    candidates: &[u32],
    size: usize,
    excluded: &BTreeSet<Vec<u32>>,
    mut compatible: impl FnMut(u32, u32) -> bool,
) -> Option<Vec<u32>> {
    let candidates = without_loners(candidates, size, &mut compatible);
    let mut search =
        Search { candidates, size, excluded, compatible, chosen: Vec::new(), left: SEARCH_LIMIT };
    search.extend(0).then_some(search.chosen)
}

/// Those that have enough others to stand with.
fn without_loners(
    candidates: &[u32],
    size: usize,
    compatible: &mut impl FnMut(u32, u32) -> bool,
) -> Vec<u32> {
    let mut rest = candidates.to_vec();
    loop {
        let before = rest.clone();
        rest.retain(|one| {
            let partners = before.iter().filter(|other| *other != one && compatible(*one, **other));
            partners.count() + 1 >= size
        });
        if rest.len() == before.len() {
            return rest;
        }
    }
}

struct Search<'a, C> {
    candidates: Vec<u32>,
    size: usize,
    excluded: &'a BTreeSet<Vec<u32>>,
    compatible: C,
    chosen: Vec<u32>,
    left: u32,
}

impl<C: FnMut(u32, u32) -> bool> Search<'_, C> {
    /// Adds members from this place on until the quorum is complete; takes back what leads nowhere.
    fn extend(&mut self, from: usize) -> bool {
        if self.chosen.len() == self.size {
            return !self.excluded.contains(&self.chosen);
        }
        let last = (self.candidates.len() + self.chosen.len() + 1).saturating_sub(self.size);
        for place in from..last {
            if self.left == 0 {
                return false;
            }
            self.left -= 1;
            let candidate = self.candidates[place];
            let fits = |member: &u32| (self.compatible)(*member, candidate);
            if self.chosen.iter().all(fits) {
                self.chosen.push(candidate);
                if self.extend(place + 1) {
                    return true;
                }
                self.chosen.pop();
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(candidates: &[u32], size: usize, compatible: fn(u32, u32) -> bool) -> Vec<Vec<u32>> {
        let mut found = BTreeSet::new();
        let mut order = Vec::new();
        while let Some(next) = first_quorum(candidates, size, &found, compatible) {
            found.insert(next.clone());
            order.push(next);
        }
        order
    }

    #[test]
    fn quorums_come_in_lexicographic_order() {
        let expected: &[&[u32]] = &[&[0, 2, 3], &[0, 2, 4], &[0, 3, 4], &[2, 3, 4]];
        assert_eq!(all(&[0, 2, 3, 4], 3, |_, _| true), expected);
        assert_eq!(all(&[0, 2], 3, |_, _| true), [[0; 0]; 0]);
        assert_eq!(all(&[7], 1, |_, _| true), [[7]]);
    }

    #[test]
    fn those_who_contradict_each_other_do_not_stand_together() {
        let expected: &[&[u32]] = &[&[0, 2], &[1, 2]];
        assert_eq!(all(&[0, 1, 2], 2, |a, b| a + b != 1), expected);
    }

    #[test]
    fn two_camps_that_are_too_small_are_told_at_once() {
        let candidates: Vec<u32> = (0..100).collect();
        assert_eq!(all(&candidates, 51, |a, b| a % 2 == b % 2), [[0; 0]; 0]);
    }
}
