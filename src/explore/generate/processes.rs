//! What befalls single processes without making them faulty: pauses, and clocks that are wrong.

use crate::choice::{Name, Subject};
use crate::explore::dice::{Dice, Odds};
use crate::explore::kinds::Kinds;
use crate::scenario::{Jump, Pause, ProcessTrouble, Scenario};
use crate::time::{MILLISECOND_NS, SECOND_NS};

use super::network::{parties, round};

const PAUSES: Name = Name::new("pauses");
const PAUSED: Name = Name::new("paused");
const PAUSE_AT: Name = Name::new("pause at");
const PAUSE_FOR: Name = Name::new("pause for");
const CLOCKS: Name = Name::new("clocks");
const CLOCK: Name = Name::new("clock");
const JUMP: Name = Name::new("jump");

/// The rate of a clock, in parts of 10⁹: true, a little off, a tenth off.
const RATES: [u64; 5] = [1_000_000_000, 999_900_000, 1_000_100_000, 900_000_000, 1_100_000_000];

/// Draws pauses and clocks.
pub(super) fn draw(kinds: &Kinds, scenario: &mut Scenario, dice: &mut Dice) {
    let parties = parties(scenario);
    if kinds.has("pause") {
        for number in 0..dice.between(PAUSES, Subject::default(), (0, 3)) {
            let at = Subject::number(number);
            let which = dice.pick(PAUSED, at, &parties);
            let at_ns = round(dice.time_ns(PAUSE_AT, at, (MILLISECOND_NS, 20 * SECOND_NS)));
            let for_ns = round(dice.time_ns(PAUSE_FOR, at, (MILLISECOND_NS, 30 * SECOND_NS)));
            let pauses = vec![Pause { at_ns, for_ns }];
            scenario.processes.push(ProcessTrouble { pauses, ..ProcessTrouble::none(which) });
        }
    }
    if kinds.has("clock") {
        for number in 0..dice.between(CLOCKS, Subject::default(), (0, 3)) {
            let which = dice.pick(CLOCK, Subject::of(number + 1, 0), &parties);
            let mut trouble = ProcessTrouble::none(which);
            clock(&mut trouble, number, dice);
            scenario.processes.push(trouble);
        }
    }
}

fn clock(trouble: &mut ProcessTrouble, number: u64, dice: &mut Dice) {
    let at = |part| Subject::of(number + 1, part);
    let step = |dice: &mut Dice, name, at| {
        let ns = round(dice.time_ns(name, at, (MILLISECOND_NS, 1_000 * SECOND_NS))) as i64;
        if dice.chance(name, Subject { number: at.number + 100, ..at }, Odds(1, 2)) {
            -ns
        } else {
            ns
        }
    };
    trouble.clock_rate_ppb = Some(dice.pick(CLOCK, at(1), &RATES));
    trouble.clock_offset_ns = Some(step(dice, CLOCK, at(2)));
    if dice.chance(JUMP, at(0), Odds(1, 2)) {
        let at_ns = round(dice.time_ns(JUMP, at(1), (MILLISECOND_NS, 20 * SECOND_NS)));
        trouble.jumps.push(Jump { at_ns, by_ns: step(dice, JUMP, at(2)) });
    }
}
