//! What a link has carried: how often each kind and subject, so that a repetition is a new
//! question.
//!
//! Numbers of a stream are mostly sent once each and in order; then one range holds them all,
//! however long the run. Only what is sent again costs memory, and that is bounded.

use std::collections::VecDeque;

use crate::choice::{Name, Subject};

/// How many repeated numbers of a stream are remembered; the lowest are forgotten first.
const REPEATS_KEPT: usize = 1 << 16;

/// How many separate ranges of a stream are remembered; the lower half of more becomes one range,
/// so that a number in a gap there counts as sent before.
const RANGES_KEPT: usize = 1 << 12;

/// As many kinds and streams as most links carry.
const USUAL_ROWS: usize = 8;

/// What a link has carried.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    /// By key.
    rows: Vec<Row>,
}

/// What it has carried of one kind and stream.
#[derive(Clone, Debug)]
struct Row {
    /// Kind and stream in one number.
    key: u64,
    /// The highest range of numbers that were sent at least once: first and last.
    top: (u64, u64),
    /// What few rows have.
    rest: Option<Box<Rest>>,
}

/// What the numbers have that were not sent once each and in order.
#[derive(Clone, Debug, Default)]
struct Rest {
    /// The ranges below the highest, ascending, apart from each other and from that.
    ranges: Vec<(u64, u64)>,
    /// Numbers sent again, ascending: how often again.
    repeats: VecDeque<(u64, u32)>,
}

impl Carried {
    /// Counts one more message; returns how many of its kind and subject there were before.
    pub(super) fn count(&mut self, kind: Name, subject: Subject) -> u32 {
        // The codes of words are spread over 64 bits, so that the sum tells kinds and streams
        // apart.
        let key = kind.code().wrapping_add(subject.stream);
        match self.rows.binary_search_by_key(&key, |row| row.key) {
            Ok(place) => self.rows[place].count(subject.number),
            Err(place) => {
                if self.rows.is_empty() {
                    self.rows.reserve(USUAL_ROWS);
                }
                self.rows.insert(place, Row::new(key, subject.number));
                0
            }
        }
    }
}

impl Row {
    fn new(key: u64, number: u64) -> Row {
        Row { key, top: (number, number), rest: None }
    }

    fn count(&mut self, number: u64) -> u32 {
        let (first, last) = self.top;
        if number > last {
            self.count_above(number);
            return 0;
        }
        let rest = self.rest.get_or_insert_default();
        if number >= first { rest.repeat(number) } else { rest.count_below(number, &mut self.top) }
    }

    /// Counts a number above all others.
    fn count_above(&mut self, number: u64) {
        if number - self.top.1 == 1 {
            self.top.1 = number;
            return;
        }
        let rest = self.rest.get_or_insert_default();
        rest.ranges.push(self.top);
        self.top = (number, number);
        rest.bound();
    }
}

impl Rest {
    /// Forgets gaps, the lowest first, where there are too many.
    fn bound(&mut self) {
        if self.ranges.len() > RANGES_KEPT {
            let half = RANGES_KEPT / 2;
            self.ranges[half].0 = self.ranges[0].0;
            self.ranges.drain(..half);
        }
    }

    /// Counts a number that was sent before.
    fn repeat(&mut self, number: u64) -> u32 {
        let place = self.repeats.partition_point(|(known, _)| *known < number);
        match self.repeats.get_mut(place) {
            Some((known, again)) if *known == number => {
                *again = again.saturating_add(1);
                *again
            }
            _ => {
                self.repeats.insert(place, (number, 1));
                if self.repeats.len() > REPEATS_KEPT {
                    self.repeats.pop_front();
                }
                1
            }
        }
    }

    /// Counts a number below the top range.
    fn count_below(&mut self, number: u64, top: &mut (u64, u64)) -> u32 {
        let place = self.ranges.partition_point(|(_, last)| *last < number);
        if self.ranges.get(place).is_some_and(|(first, _)| *first <= number) {
            return self.repeat(number);
        }
        self.ranges.insert(place, (number, number));
        self.join(place, top);
        self.bound();
        0
    }

    /// Joins the range at this place with its neighbours where they touch.
    fn join(&mut self, place: usize, top: &mut (u64, u64)) {
        let touches = |a: (u64, u64), b: (u64, u64)| a.1 + 1 == b.0;
        let mut place = place;
        if place > 0 && touches(self.ranges[place - 1], self.ranges[place]) {
            self.ranges[place - 1].1 = self.ranges[place].1;
            self.ranges.remove(place);
            place -= 1;
        }
        if place + 1 == self.ranges.len() {
            if touches(self.ranges[place], *top) {
                top.0 = self.ranges[place].0;
                self.ranges.pop();
            }
        } else if touches(self.ranges[place], self.ranges[place + 1]) {
            self.ranges[place].1 = self.ranges[place + 1].1;
            self.ranges.remove(place + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_as_a_plain_table_would(
            sent in proptest::collection::vec((0..3_u64, 0..12_u64), 0..200),
        ) {
            let kind = Name::new("ping");
            let mut carried = Carried::default();
            let mut naive = BTreeMap::new();
            for (stream, number) in sent {
                let copies = naive.entry((stream, number)).or_insert(0_u32);
                prop_assert_eq!(carried.count(kind, Subject::of(stream, number)), *copies);
                *copies += 1;
            }
        }
    }

    #[test]
    fn a_long_row_costs_one_range() {
        let mut carried = Carried::default();
        for number in 0..10_000 {
            carried.count(Name::new("slot"), Subject::number(number));
        }
        assert_eq!(carried.rows[0].top, (0, 9_999));
        assert!(carried.rows[0].rest.is_none());
    }

    #[test]
    fn the_highest_number_is_followed_by_none() {
        let mut carried = Carried::default();
        let mut count = |number| carried.count(Name::new("slot"), Subject::number(number));
        assert_eq!([u64::MAX, 0, 0, u64::MAX].map(&mut count), [0, 0, 1, 1]);
    }

    #[test]
    fn numbers_with_gaps_cost_a_bounded_table() {
        let mut carried = Carried::default();
        for number in 0..20_000 {
            carried.count(Name::new("slot"), Subject::number(3 * number));
        }
        let rest = carried.rows[0].rest.as_ref().expect("it has gaps");
        assert!(rest.ranges.len() <= RANGES_KEPT);
        assert_eq!(carried.count(Name::new("slot"), Subject::number(3 * 19_999 - 1)), 0);
        assert_eq!(carried.count(Name::new("slot"), Subject::number(4)), 1, "forgotten");
    }
}
