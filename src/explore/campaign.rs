//! Many runs: drawn from one seed, run in parallel, told as one.
//!
//! What comes of a campaign is a function of its shape, its seed and how many runs it had: run
//! number *i* is drawn from the seed and *i* alone, and outcomes are counted in the order of their
//! numbers, whoever ran them and when. A part of all runs is made twice and compared.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::choice::{Name, Subject};

use super::coverage::{Bigrams, Coverage};
use super::dice::Dice;
use super::shape::Shape;
use super::trial::{Charge, Draw, End, Found, Trial, trial};

const RUN: Name = Name::new("run");

/// One in so many runs is made twice.
pub const TWICE_EVERY: u64 = 20;

/// How many runs are handed out at once. What comes of a campaign does not depend on it.
const BATCH: u64 = 512;

/// How many findings of one charge are kept, the smallest.
pub(super) const KEPT: usize = 4;

/// A part of a campaign: every `count`-th run, from the `index`-th on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 0.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };

    /// How many of so many runs are in it; none in a part that there is not.
    #[must_use]
    pub fn share(self, runs: u64) -> u64 {
        match self.index < self.count {
            true => runs / self.count + u64::from(self.index < runs % self.count),
            false => 0,
        }
    }
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// What may be drawn.
    pub shape: Shape,
    /// What everything is drawn from.
    pub seed: u64,
    /// How many runs there are, over all parts.
    pub runs: u64,
    /// Which part of them is to be run here.
    pub shard: Shard,
    /// After how many runs that broke something no more are made; none for all the same.
    pub stop_after: Option<u64>,
}

/// All runs that were charged with the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// How many there are.
    pub count: u64,
    /// The number of the first of them.
    pub first: u64,
    /// The smallest of them, the smallest first.
    pub kept: Vec<Found>,
}

impl Group {
    fn add(&mut self, found: Found) {
        self.first = if self.count == 0 { found.index } else { self.first.min(found.index) };
        self.count += 1;
        self.keep(found);
    }

    fn keep(&mut self, found: Found) {
        let place = self.kept.partition_point(|kept| kept.rank() < found.rank());
        self.kept.insert(place, found);
        self.kept.truncate(KEPT);
    }

    fn merge(&mut self, other: Group) {
        let both = self.count > 0;
        self.first = if both { self.first.min(other.first) } else { other.first };
        self.count += other.count;
        other.kept.into_iter().for_each(|found| self.keep(found));
    }
}

/// What came of a campaign, or of a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many runs there were.
    pub runs: u64,
    /// In how many everything held.
    pub held: u64,
    /// How many reached a limit before it was known.
    pub undecided: u64,
    /// The number of the first of them.
    pub first_undecided: Option<u64>,
    /// How many were cut off by a limit that need not have come to rest; all else held in them.
    pub unended: u64,
    /// In how many of them all the run also had to come to rest, in time: in the others messages
    /// may be lost for good, or go by priority, or a timeout may be over before any answer.
    pub demanded: u64,
    /// How many were made twice.
    pub twice: u64,
    /// Those of them that were not the same run twice, by number.
    pub differing: Vec<u64>,
    /// What was broken, by charge.
    pub groups: BTreeMap<Charge, Group>,
    /// What was seen.
    pub coverage: Coverage,
}

impl Tally {
    /// In how many runs something broke.
    #[must_use]
    pub fn broke(&self) -> u64 {
        self.groups.values().map(|group| group.count).sum()
    }

    fn count(&mut self, trial: Trial) {
        self.runs += 1;
        self.demanded += u64::from(trial.is_demanded);
        self.twice += u64::from(is_made_twice(trial.index));
        self.coverage.add(&trial.news);
        match trial.end {
            End::Held => self.held += 1,
            End::Unended => self.unended += 1,
            End::Undecided => self.cannot_tell(1, Some(trial.index)),
            End::Differs => self.differing.push(trial.index),
            End::Broke(charge, found) => self.groups.entry(charge).or_default().add(found),
        }
    }

    fn cannot_tell(&mut self, count: u64, first: Option<u64>) {
        self.undecided += count;
        self.first_undecided = self.first_undecided.into_iter().chain(first).min();
    }

    /// Adds what another part of the same campaign came to.
    pub fn merge(&mut self, other: Tally) {
        self.runs += other.runs;
        self.held += other.held;
        self.cannot_tell(other.undecided, other.first_undecided);
        self.unended += other.unended;
        self.demanded += other.demanded;
        self.twice += other.twice;
        self.differing.extend(other.differing);
        self.differing.sort_unstable();
        for (charge, group) in other.groups {
            self.groups.entry(charge).or_default().merge(group);
        }
        self.coverage.add(&other.coverage);
    }
}

/// One of each block of runs, and another one in each, so that no part of a campaign has them all.
fn is_made_twice(index: u64) -> bool {
    let (block, place) = (index / TWICE_EVERY, index % TWICE_EVERY);
    let mixed = (block + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    mixed % TWICE_EVERY == place
}

impl Campaign {
    /// What the run of this number is drawn from.
    #[must_use]
    pub fn seed_of(&self, index: u64) -> u64 {
        Dice::new(self.seed).answer(RUN, Subject::number(index))
    }

    /// Runs it on the threads of the pool that this is called in. `goes_on` is told now and then
    /// what came of it so far, and says whether it is to go on; what is told is always the outcome
    /// of some first runs.
    pub fn run(&self, goes_on: &mut dyn FnMut(&Tally) -> bool) -> Tally {
        self.run_until(goes_on, &|| false)
    }

    /// The same; `stops` is asked before each run and again and again during it. A run that is
    /// stopped, and what comes after it, is left out.
    pub fn run_until(
        &self,
        goes_on: &mut dyn FnMut(&Tally) -> bool,
        stops: &(dyn Fn() -> bool + Sync),
    ) -> Tally {
        let mut tally = Tally::default();
        let share = self.shard.share(self.runs);
        let mut dice = Dice::new(self.seed);
        while tally.runs < share && !self.is_over(&tally) && goes_on(&tally) {
            let batch = tally.runs..share.min(tally.runs.saturating_add(BATCH));
            let draws: Vec<Draw<'_>> = batch.map(|turn| self.draw(turn, &mut dice)).collect();
            let seen = &tally.coverage;
            let unless_stopped = |bigrams: &mut Bigrams, draw| trial(draw, seen, bigrams, stops);
            let trials: Vec<Option<Trial>> =
                draws.into_par_iter().map_init(|| Bigrams::beside(seen), unless_stopped).collect();
            let all = trials.len();
            let made: Vec<Trial> = trials.into_iter().map_while(|trial| trial).collect();
            let is_stopped = made.len() < all;
            for trial in made {
                if !self.is_over(&tally) {
                    tally.count(trial);
                }
            }
            if is_stopped {
                break;
            }
        }
        tally
    }

    fn draw<'a>(&'a self, turn: u64, dice: &mut Dice) -> Draw<'a> {
        let index = turn * self.shard.count + self.shard.index;
        let seed = dice.answer(RUN, Subject::number(index));
        Draw { shape: &self.shape, index, seed, twice: is_made_twice(index) }
    }

    /// Whether it found as much as it was to find, after which no more runs are made.
    pub(super) fn is_over(&self, tally: &Tally) -> bool {
        self.stop_after.is_some_and(|most| tally.broke() >= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Deliver;

    fn campaign(runs: u64) -> Campaign {
        let mut shape = Shape::of("bcr").unwrap().requests(3, 6);
        let bcr = shape.base.protocol.bcr_mut().unwrap();
        bcr.deliver = Deliver::CaughtUp;
        Campaign { shape, seed: 1, runs, shard: Shard::WHOLE, stop_after: None }
    }

    fn with_jobs(campaign: &Campaign, jobs: usize) -> Tally {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().unwrap();
        pool.install(|| campaign.run(&mut |_| true))
    }

    #[test]
    fn any_number_of_jobs_comes_to_the_same() {
        let campaign = Campaign { stop_after: Some(3), ..campaign(600).clone() };
        let one = with_jobs(&campaign, 1);
        assert_eq!(one, with_jobs(&campaign, 3));
        assert!(one.coverage.cells.len() > 20 && one.coverage.bigrams.len() > 200);
        let twice = (0..one.runs).filter(|index| is_made_twice(*index)).count();
        assert_eq!(one.twice, twice as u64);
    }

    #[test]
    fn one_of_each_block_is_made_twice() {
        for block in 0..10_000 {
            let indices = block * TWICE_EVERY..(block + 1) * TWICE_EVERY;
            assert_eq!(indices.filter(|index| is_made_twice(*index)).count(), 1, "block {block}");
        }
    }

    #[test]
    fn no_part_makes_all_its_runs_twice() {
        for count in [2, 7, 20, 40, 400] {
            for shard in 0..count.min(40) {
                let indices = (0..1_000).map(|turn| turn * count + shard);
                let twice = indices.filter(|index| is_made_twice(*index)).count();
                assert!((20..=85).contains(&twice), "{twice} of 1,000 in part {shard}/{count}");
            }
        }
    }

    #[test]
    fn a_campaign_that_is_stopped_in_a_batch_is_a_shorter_one() {
        let asked = std::sync::atomic::AtomicU64::new(0);
        let stops = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 700;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let cut = pool.install(|| campaign(5_000).run_until(&mut |_| true, &stops));
        // The first batch is made before anybody stops it.
        assert!((BATCH..=701).contains(&cut.runs), "{}", cut.runs);
        assert_eq!(cut, campaign(cut.runs).run(&mut |_| true));
    }

    #[test]
    fn a_long_run_is_stopped_in_its_middle() {
        let mut campaign = campaign(1);
        campaign.shape = campaign.shape.requests(900, 900);
        campaign.shape.base.limits.steps = 1_000_000;
        let asked = std::sync::atomic::AtomicU64::new(0);
        let asks = |most| asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= most;
        let whole = campaign.run_until(&mut |_| true, &|| asks(u64::MAX));
        assert_eq!(whole.runs, 1);
        let all = asked.swap(0, std::sync::atomic::Ordering::Relaxed);
        assert!(all > 2, "it is asked {all} times");
        for most in 0..all {
            assert_eq!(campaign.run_until(&mut |_| true, &|| asks(most)).runs, 0, "{most}");
            assert_eq!(asked.swap(0, std::sync::atomic::Ordering::Relaxed), most + 1);
        }
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let whole = campaign(301);
        let mut sum = Tally::default();
        for index in [2, 0, 1] {
            let part = Campaign { shard: Shard { index, count: 3 }, ..whole.clone() };
            sum.merge(with_jobs(&part, 2));
        }
        assert_eq!(sum, with_jobs(&whole, 2));
    }

    #[test]
    fn an_interrupted_campaign_is_a_shorter_one() {
        let mut batches = 0;
        let cut = campaign(5_000).run(&mut |_| {
            batches += 1;
            batches <= 2
        });
        assert_eq!(cut, campaign(cut.runs).run(&mut |_| true));
    }

    #[test]
    fn shares_add_up() {
        for runs in [0, 1, 7, 8, 9] {
            let share = |index| Shard { index, count: 4 }.share(runs);
            assert_eq!((0..4).map(share).sum::<u64>(), runs);
        }
        for (index, count) in [(0, 0), (2, 2), (u64::MAX, 3)] {
            let campaign = Campaign { shard: Shard { index, count }, ..campaign(9) };
            assert_eq!(campaign.run(&mut |_| true), Tally::default(), "{index}/{count}");
        }
    }
}
