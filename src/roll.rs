//! A list of those who were heard of, with what is known of each: judges and onlookers look into it
//! for every event of a run.

/// What is known of each, by a number that stands for him.
///
/// A hash table that only grows, over entries in the order in which they came; nobody is ever told
/// the order of the hashes.
#[derive(Clone, Debug)]
pub(crate) struct Roll<T> {
    entries: Vec<(u64, T)>,
    /// For each entry its place among them and one more, where its hash says or soon after; 0 where
    /// nobody stands. A power of two long, at most half of it taken.
    places: Vec<u32>,
    /// The place of the entry that was last changed, which mostly is changed again.
    last: usize,
}

/// Twice as many as most runs have processes.
const USUAL_PLACES: usize = 64;

impl<T> Default for Roll<T> {
    fn default() -> Roll<T> {
        Roll { entries: Vec::new(), places: Vec::new(), last: 0 }
    }
}

impl<T> Roll<T> {
    /// What is known of him.
    #[inline]
    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        let place = self.find(number).ok()?;
        Some(&self.entries[place].1)
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = self.find(number).ok()?;
        Some(&mut self.entries[place].1)
    }

    /// What is known of him; from now on at least what is known of anybody.
    #[inline]
    pub(crate) fn entry(&mut self, number: u64) -> &mut T
    where
        T: Default,
    {
        if self.entries.get(self.last).is_none_or(|(last, _)| *last != number) {
            self.last = match self.find(number) {
                Ok(place) => place,
                Err(free) => self.add(number, free),
            };
        }
        &mut self.entries[self.last].1
    }

    /// Forgets everybody. A campaign uses one from run to run.
    #[cfg(any(test, feature = "explore"))]
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.places.fill(0);
    }

    /// His place among the entries, or else the free place where that is to be noted.
    #[inline]
    fn find(&self, number: u64) -> Result<usize, usize> {
        let last = self.places.len().wrapping_sub(1);
        let mut at = hash(number) & last;
        while let Some(place) = self.places.get(at).and_then(|place| place.checked_sub(1)) {
            match self.entries.get(place as usize) {
                Some((other, _)) if *other == number => return Ok(place as usize),
                _ => at = (at + 1) & last,
            }
        }
        Err(at)
    }

    #[cold]
    fn add(&mut self, number: u64, free: usize) -> usize
    where
        T: Default,
    {
        let place = self.entries.len();
        self.entries.push((number, T::default()));
        if self.entries.len() * 2 <= self.places.len() {
            self.places[free] = place as u32 + 1;
            return place;
        }
        let length = (self.places.len() * 2).max(USUAL_PLACES);
        self.places.clear();
        self.places.resize(length, 0);
        for entry in 0..self.entries.len() {
            let mut at = hash(self.entries[entry].0) & (length - 1);
            while self.places[at] != 0 {
                at = (at + 1) & (length - 1);
            }
            self.places[at] = entry as u32 + 1;
        }
        place
    }
}

/// Numbers of processes differ in their lowest and in some higher bits.
#[inline]
fn hash(number: u64) -> usize {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_roll_knows_what_a_map_knows(
            steps in proptest::collection::vec((0..400_u64, 0..7_u32, any::<u8>()), 0..600),
        ) {
            let (mut roll, mut map) = (Roll::default(), BTreeMap::new());
            for (low, high, value) in steps {
                let number = low << (8 * high);
                prop_assert_eq!(roll.get(number), map.get(&number));
                prop_assert_eq!(roll.get_mut(number), map.get_mut(&number));
                *roll.entry(number) = value;
                map.insert(number, value);
            }
            prop_assert!(map.iter().all(|(number, value)| roll.get(*number) == Some(value)));
            roll.clear();
            prop_assert!(map.keys().all(|number| roll.get(*number).is_none()));
        }
    }
}
