//! Scenarios from seeds: one seed and one [`Shape`] are one scenario, whatever machine draws it.
//!
//! What comes out is an ordinary scenario. It can be written as a file, read again and run like any
//! other; nothing of the generator is needed for that.

mod clients;
mod faults;
mod network;
mod outages;
mod processes;
#[cfg(test)]
mod tests;

use crate::choice::{Name, Subject};
use crate::scenario::Scenario;

use super::dice::{Dice, Odds};
use super::kinds::Kinds;
use super::menu;
use super::shape::Shape;

const SEED: Name = Name::new("seed");
const DENSITY: Name = Name::new("density of kinds");
const SWARM: Name = Name::new("kind is on");

/// The scenario of this seed.
#[must_use]
pub fn scenario(shape: &Shape, seed: u64) -> Scenario {
    let mut dice = Dice::new(seed);
    let kinds = swarm(shape, &mut dice);
    let mut scenario = shape.base.clone();
    // Short enough to be read aloud, long enough to be nobody else's.
    scenario.seed = dice.answer(SEED, Subject::default()) >> 24;
    menu::draw_knobs(shape, &mut scenario, &mut dice, kinds.has("timeouts"));
    if !shape.has_clients() {
        scenario.clients = clients::draw(shape, &kinds, &mut dice);
    }
    network::draw(&kinds, &mut scenario, &mut dice);
    processes::draw(&kinds, &mut scenario, &mut dice);
    faults::draw(shape, &kinds, &mut scenario, &mut dice);
    if kinds.has("outage") {
        outages::draw(shape, &mut scenario, &mut dice);
    }
    scenario
}

/// The kinds of trouble that this scenario may have.
fn swarm(shape: &Shape, dice: &mut Dice) -> Kinds {
    if !shape.swarm {
        return shape.kinds.clone();
    }
    let some = dice.pick(DENSITY, Subject::default(), &[1, 3, 5, 8, 8]);
    shape.kinds.filter(|kind| {
        let which = Subject::number(Name::new(kind).code());
        dice.chance(SWARM, which, Odds(some, 8))
    })
}
