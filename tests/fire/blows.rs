//! What is done to the cluster, blow by blow, never to more than it bears.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::dice::Dice;
use super::imposter;
use super::nodes::PATIENCE;
use super::town::Town;
use super::wires::{State, Wire};

/// A blow to a node that hosts a replica of the current configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blow {
    /// Its program is killed, and started anew later. Meanwhile somebody passes for it.
    Kill,
    /// Its program stands still for longer than others wait for it.
    Freeze,
    /// All of its wires are cut.
    Isolate,
    /// The wires to one other are cut, or one of both.
    Cut,
    /// Nothing passes on its wires, or on that to one other.
    HoldUp,
    /// What passes on its wires is damaged, again and again.
    Damage,
}

pub(super) const BLOWS: [Blow; 6] =
    [Blow::Kill, Blow::Freeze, Blow::Isolate, Blow::Cut, Blow::HoldUp, Blow::Damage];

impl fmt::Display for Blow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Blow::Kill => "killed",
            Blow::Freeze => "frozen",
            Blow::Isolate => "isolated",
            Blow::Cut => "cut off from one",
            Blow::HoldUp => "held up",
            Blow::Damage => "damaged on its wires",
        })
    }
}

impl Blow {
    /// How long it takes. A node that says nothing is gone after four seconds.
    fn length(self, dice: &mut Dice) -> Duration {
        match self {
            Blow::Kill => dice.time(300, 1000),
            Blow::Freeze => dice.time(4200, 5000),
            Blow::Isolate | Blow::Damage | Blow::Cut => dice.time(500, 2000),
            Blow::HoldUp if dice.one_in(2) => dice.time(4200, 5000),
            Blow::HoldUp => dice.time(500, 1000),
        }
    }
}

/// The first of these nodes, which host replicas, is hit, and then all is well with it again.
pub(super) async fn strike(town: Rc<Town>, blow: Blow, homes: Vec<usize>, mut dice: Dice) {
    let length = blow.length(&mut dice);
    let home = homes[0];
    let around = town.around(home);
    // Another replica, or Olympus and the clients.
    let other = dice.pick(&[&homes[1..], &[0]].concat());
    let near: Vec<_> =
        around.iter().filter(|w| w.from == other || w.to == other).cloned().collect();
    match blow {
        Blow::Kill => {
            town.kill(home);
            let until = Instant::now() + length;
            let whom = dice.pick(&town.listening());
            let told = || town.told(whom);
            imposter::visit(&town.shape.folder, home, whom, told, &mut dice).await;
            sleep_until(until).await;
            town.start(home).await;
        }
        Blow::Freeze => {
            town.signal(home, "-STOP");
            sleep(length).await;
            town.signal(home, "-CONT");
        }
        Blow::Isolate => change(&around, State::Cut, length).await,
        Blow::Cut => {
            let count = near.len().min(1 + dice.below(2));
            change(&near[..count], State::Cut, length).await;
        }
        Blow::HoldUp => {
            let wires = if dice.one_in(2) { &around } else { &near };
            change(wires, State::HeldUp, length).await;
        }
        Blow::Damage => {
            let until = Instant::now() + length;
            while Instant::now() < until {
                dice.pick(&around).damage();
                sleep(Duration::from_millis(30)).await;
            }
            around.iter().for_each(|wire| wire.spare());
            // A length that is damaged is noticed when too little comes for too long.
            while around.iter().any(|wire| wire.is_hurt()) {
                assert!(until.elapsed() < PATIENCE, "nobody notices that what comes is damaged");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Wires are so for a while.
async fn change(wires: &[Rc<Wire>], state: State, length: Duration) {
    wires.iter().for_each(|wire| wire.set(state));
    sleep(length).await;
    wires.iter().for_each(|wire| wire.set(State::Whole));
}
