//! The generator's answers: each has a name, as the answers of a run have, so that a kind of
//! trouble that is switched off moves no other one.

use crate::choice::{self, About, Choices, Ends, Name, Subject, Tape};
use crate::identity::{Address, Identity};

/// Answers to the questions of one generated scenario.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    choices: Choices,
    ends: Ends,
}

/// So many in so many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odds(pub(super) u64, pub(super) u64);

impl Dice {
    /// The answers of this seed.
    pub(super) fn new(seed: u64) -> Dice {
        let choices = Choices::new(seed, Tape::default());
        let generator = Address::of(Identity::OLYMPUS);
        let ends = choices.ends(generator, generator);
        Dice { choices, ends }
    }

    /// The answer of this name; `at` tells the questions of one name apart.
    pub(super) fn answer(&mut self, name: Name, at: Subject) -> u64 {
        self.choices.answer_on(name, &self.ends, &About { kind: name, subject: at, copy: 0 })
    }

    /// Whether something happens that has these odds.
    pub(super) fn chance(&mut self, name: Name, at: Subject, Odds(times, of): Odds) -> bool {
        choice::between(self.answer(name, at), 1, of) <= times
    }

    /// A number, both ends possible.
    pub(super) fn between(&mut self, name: Name, at: Subject, (low, high): (u64, u64)) -> u64 {
        choice::between(self.answer(name, at), low, high)
    }

    /// One of these, which are not none.
    pub(super) fn pick<T: Copy>(&mut self, name: Name, at: Subject, from: &[T]) -> T {
        let last = from.len() as u64 - 1;
        from[self.between(name, at, (0, last)) as usize]
    }

    /// Some time up to `10^exponents.1` times `unit_ns`, every order of magnitude as likely.
    pub(super) fn time_ns(&mut self, name: Name, at: Subject, (least, most): (u64, u64)) -> u64 {
        let doublings = u64::from((most / least.max(1)).max(1).ilog2());
        let answer = self.answer(name, at);
        let scale = least << choice::between(answer, 0, doublings);
        // The lower bits of the answer are as good as new.
        choice::between(answer << 32, scale, scale.saturating_mul(2)).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Name = Name::new("one");
    const OTHER: Name = Name::new("other");

    #[test]
    fn a_name_has_one_answer_whoever_else_asks() {
        let mut dice = Dice::new(3);
        let first = dice.answer(ONE, Subject::number(1));
        dice.answer(OTHER, Subject::number(1));
        assert_eq!(Dice::new(3).answer(ONE, Subject::number(1)), first);
        assert_ne!(dice.answer(ONE, Subject::number(2)), first);
        assert_ne!(dice.answer(OTHER, Subject::number(1)), first);
    }

    #[test]
    fn odds_are_kept() {
        let mut dice = Dice::new(1);
        let times =
            (0..10_000).filter(|i| dice.chance(ONE, Subject::number(*i), Odds(1, 4))).count();
        assert!((2_300..2_700).contains(&times), "{times} of 10,000 at 1 in 4");
        assert!(!dice.chance(ONE, Subject::number(0), Odds(0, 4)));
        assert!(dice.chance(ONE, Subject::number(0), Odds(4, 4)));
    }

    #[test]
    fn times_are_of_every_magnitude_and_within_bounds() {
        let mut dice = Dice::new(2);
        let times: Vec<u64> =
            (0..2_000).map(|i| dice.time_ns(ONE, Subject::number(i), (1_000, 1_000_000))).collect();
        assert!(times.iter().all(|ns| (1_000..=1_000_000).contains(ns)));
        let below = |bound| times.iter().filter(|ns| **ns < bound).count();
        assert!(below(10_000) > 400, "{} below ten thousand", below(10_000));
        assert!(times.len() - below(100_000) > 400, "{} below", below(100_000));
    }
}
