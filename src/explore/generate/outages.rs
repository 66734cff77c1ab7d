//! Who crashes at some time of the clock, and when it lives again.
//!
//! A replica that crashes is a faulty one, unless its protocol says that it recovers: so crashes
//! come to those that are faulty already, and to others as far as there is room for them.

use crate::choice::{Name, Subject};
use crate::explore::dice::{Dice, Odds};
use crate::explore::menu::Menu;
use crate::explore::shape::{Shape, Tolerance};
use crate::scenario::{Crash, Party, ProcessTrouble, Restart, Scenario};
use crate::time::{MICROSECOND_NS, MILLISECOND_NS, SECOND_NS};

use super::network::round;

const OF_CLIENT: Name = Name::new("outage of a client");
const OF_REPLICA: Name = Name::new("outage of a replica");
const BORNE: Name = Name::new("outages that are borne");
const WHO: Name = Name::new("who has the outage");
const AT: Name = Name::new("outage at");
const RESTART: Name = Name::new("restart");

/// Draws outages, knowing who is faulty for other reasons.
pub(super) fn draw(shape: &Shape, scenario: &mut Scenario, dice: &mut Dice) {
    let mut outages = Outages { scenario, dice };
    outages.of_clients();
    outages.of_faulty_replicas(shape);
    outages.of_replicas_that_recover();
}

struct Outages<'a> {
    scenario: &'a mut Scenario,
    dice: &'a mut Dice,
}

impl Outages<'_> {
    fn of_clients(&mut self) {
        let clients = self.scenario.clients.len() as u64;
        let at = Subject::default();
        if clients > 0 && self.dice.chance(OF_CLIENT, at, Odds(1, 4)) {
            let client = self.dice.between(WHO, at, (0, clients - 1)) as u32;
            let restart = self.restart(at);
            self.add(Party::Client(client), restart, at);
        }
    }

    fn of_faulty_replicas(&mut self, shape: &Shape) {
        let menu = Menu::of(&self.scenario.protocol);
        let configurations = if menu.has_olympus() { shape.configurations } else { 1 };
        let (bears, positions) = (menu.tolerated() as usize, menu.positions());
        for configuration in 0..configurations {
            let at = Subject::number(u64::from(configuration) + 1);
            let faulty = self.scenario.faulty(configuration);
            let is_room = faulty.len() < bears || shape.tolerance == Tolerance::Beyond;
            let may_fail = |position: &u32| is_room || faulty.contains(position);
            let some: Vec<u32> = (0..positions).filter(may_fail).collect();
            if !some.is_empty() && self.dice.chance(OF_REPLICA, at, Odds(1, 3)) {
                let position = self.dice.pick(WHO, at, &some);
                let restart = self.restart(at);
                self.add(Party::Replica { configuration, position }, restart, at);
            }
        }
    }

    fn of_replicas_that_recover(&mut self) {
        let positions = u64::from(Menu::of(&self.scenario.protocol).positions());
        if positions == 0 || !self.scenario.protocol.recovers() {
            return;
        }
        for number in 0..self.dice.between(BORNE, Subject::default(), (0, 2)) {
            let at = Subject::of(1, number);
            let position = self.dice.between(WHO, at, (0, positions - 1)) as u32;
            let restart = Restart { with_memory: true, ..self.lives_again(at) };
            self.add(Party::Position(position), Some(restart), at);
        }
    }

    fn restart(&mut self, at: Subject) -> Option<Restart> {
        let may = Menu::of(&self.scenario.protocol).knows_restarts();
        (may && self.dice.chance(RESTART, at, Odds(1, 2))).then(|| self.lives_again(at))
    }

    fn lives_again(&mut self, at: Subject) -> Restart {
        let part = |number| Subject { stream: at.stream + number, ..at };
        let after_ns =
            round(self.dice.time_ns(RESTART, part(10), (MILLISECOND_NS, 10 * SECOND_NS)));
        Restart { after_ns, with_memory: self.dice.chance(RESTART, part(20), Odds(1, 2)) }
    }

    fn add(&mut self, which: Party, restart: Option<Restart>, at: Subject) {
        let at_ns = round(self.dice.time_ns(AT, at, (100 * MICROSECOND_NS, 20 * SECOND_NS)));
        let crashes = vec![Crash { at_ns, restart }];
        self.scenario.processes.push(ProcessTrouble { crashes, ..ProcessTrouble::none(which) });
    }
}
