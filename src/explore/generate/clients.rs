//! Who asks for what.

use std::sync::Arc;

use crate::choice::{Name, Subject};
use crate::explore::dice::{Dice, Odds};
use crate::explore::kinds::Kinds;
use crate::explore::menu::Menu;
use crate::explore::shape::Shape;
use crate::object::{Item, Workload};
use crate::scenario::Client;

const CLIENTS: Name = Name::new("clients");
const REQUESTS: Name = Name::new("requests");
const WORKLOAD: Name = Name::new("workload");
const RECONFIGURES: Name = Name::new("client reconfigures");
const WHEN: Name = Name::new("reconfigures after");

/// Clients who share the requests evenly; some ask for new replicas in between.
pub(super) fn draw(shape: &Shape, kinds: &Kinds, dice: &mut Dice) -> Vec<Client> {
    let once = Subject::default();
    let (least, most) = shape.clients;
    let clients = dice.between(CLIENTS, once, (u64::from(least), u64::from(most)));
    let requests = dice.between(REQUESTS, once, shape.requests);
    let pool = shape.pool();
    let can_ask = kinds.has("reconfig") && Menu::of(&shape.base.protocol).has_olympus();
    let mut drawn = Vec::with_capacity(clients as usize);
    for client in 0..clients {
        let share = requests / clients + u64::from(client < requests % clients);
        let which = Subject::number(client);
        let seed = dice.answer(WORKLOAD, which) >> 48;
        let asks = can_ask && dice.chance(RECONFIGURES, which, Odds(1, 3));
        let items = match asks {
            false => vec![Item::Pseudorandom { seed, count: share }],
            true => {
                let before = dice.between(WHEN, which, (0, share));
                vec![
                    Item::Pseudorandom { seed, count: before },
                    Item::Reconfigure,
                    Item::Pseudorandom { seed: seed + 1, count: share - before },
                ]
            }
        };
        drawn.push(Client { workload: Workload::new(items, Arc::clone(&pool)) });
    }
    drawn
}
