//! What can go wrong at the replicas of a chain.

use super::Theme;
use crate::choice::{Name, Subject};
use crate::explore::dice::{Dice, Odds};
use crate::explore::shape::{Knob, Shape};
use crate::fault::{Failure, Trigger};
use crate::protocol::bcr::Quirk;
use crate::scenario::Bcr;
use crate::time::MILLISECOND_NS;

/// The chain at work, and its replacement. A lie about work is told again, or taken back, when
/// Olympus asks.
pub(super) const THEMES: [Theme; 2] = [
    Theme {
        triggers: &[
            "client_request",
            "forwarded_request",
            "shuttle",
            "result_shuttle",
            "checkpoint",
            "completed_checkpoint",
        ],
        failures: &[
            "change_operation",
            "change_order",
            "change_result",
            "lie_result",
            "drop_result_stmt",
            "crash",
            "drop",
            "increment_slot",
            "extra_op",
            "invalid_order_sig",
            "invalid_result_sig",
            "drop_checkpt_stmts",
            "omit_send",
            "early_reply",
            "early_checkpoint",
            "equivocate",
            "replay",
            "flip_bit",
        ],
    },
    Theme {
        triggers: &["wedge_request", "catch_up", "get_running_state", "new_configuration"],
        failures: &[
            "truncate_history",
            "rollback",
            "forge_history",
            "omit_history",
            "lie_running_state",
            "crash",
            "drop",
            "extra_op",
            "flip_bit",
        ],
    },
];

/// Head, middle or tail; the head of a chain of one is all three.
pub(super) fn role(bcr: &Bcr, position: u32) -> &'static str {
    match position {
        0 => "head",
        _ if position == bcr.tail() => "tail",
        _ => "middle",
    }
}

/// Whether such a message may come to this replica.
pub(super) fn comes(bcr: &Bcr, trigger: Trigger, configuration: u32, position: u32) -> bool {
    let (head, tail) = (position == 0, position == bcr.tail());
    match trigger {
        Trigger::Shuttle { .. } => !head,
        Trigger::ResultShuttle { .. } => !(head && tail),
        Trigger::ForwardedRequest { .. } => head,
        Trigger::Checkpoint { .. } => !head && bcr.checkpoint_every.is_some(),
        Trigger::CompletedCheckpoint { .. } => !tail && bcr.checkpoint_every.is_some(),
        Trigger::NewConfiguration { .. } => configuration > 0,
        _ => true,
    }
}

/// Of what Olympus sends there is seldom more than one, and one repetition.
pub(super) fn count(bcr: &Bcr, trigger: Trigger, requests: u64) -> u64 {
    match trigger {
        Trigger::Checkpoint { .. } | Trigger::CompletedCheckpoint { .. } => {
            bcr.checkpoint_every.map_or(0, |every| (requests / every).max(1))
        }
        Trigger::NewConfiguration { .. } => 1,
        _ => 2,
    }
}

/// Whether this failure can make a difference there.
pub(super) fn possible(bcr: &Bcr, failure: Failure, position: u32) -> bool {
    let (head, tail) = (position == 0, position == bcr.tail());
    match failure {
        Failure::IncrementSlot | Failure::Equivocate => head,
        Failure::ChangeOperation
        | Failure::ChangeOrder
        | Failure::InvalidOrderSig
        | Failure::EarlyReply => !tail,
        Failure::DropCheckptStmts => (!head || tail) && bcr.checkpoint_every.is_some(),
        Failure::EarlyCheckpoint => !head && !tail && bcr.checkpoint_every.is_some(),
        _ => true,
    }
}

const FAULTY: Name = Name::new("t");
const CHECKPOINTS: Name = Name::new("checkpoints");
const INTERVAL: Name = Name::new("checkpoint interval");
const TIMEOUT: Name = Name::new("timeout");

/// The length of the chain, how often it takes checkpoints, how long everybody waits.
pub(super) fn draw_knobs(shape: &Shape, bcr: &mut Bcr, dice: &mut Dice, timeouts: bool) {
    let once = Subject::default();
    let (least, most) = shape.faulty;
    bcr.t = dice.between(FAULTY, once, (u64::from(least), u64::from(most))) as u32;
    let is_open = |knob| !shape.kept.contains(&knob);
    let may_check = bcr.checkpoint_every.is_none() && is_open(Knob::Checkpoints);
    if may_check && dice.chance(CHECKPOINTS, once, Odds(2, 3)) {
        bcr.checkpoint_every = Some(dice.between(INTERVAL, once, (1, 6)));
    }
    if timeouts {
        let own = [
            &mut bcr.client_timeout_ns,
            &mut bcr.head_timeout_ns,
            &mut bcr.nonhead_timeout_ns,
            &mut bcr.olympus_timeout_ns,
        ];
        for ((i, knob), timeout_ns) in (0..).zip(Knob::TIMEOUTS).zip(own) {
            if *timeout_ns == Bcr::TIMEOUT_NS && is_open(knob) {
                let halves = dice.between(TIMEOUT, Subject::number(i), (1, 12));
                *timeout_ns = halves * 500 * MILLISECOND_NS;
            }
        }
    }
}

/// The same with each seeded bug.
pub(super) fn with_quirks(bcr: &Bcr) -> impl Iterator<Item = (&'static str, Bcr)> {
    let with = |quirk: &Quirk| (quirk.name(), Bcr { quirk: Some(*quirk), ..bcr.clone() });
    Quirk::ALL.iter().map(with)
}

/// A shorter chain, no checkpoints, the usual timeouts: each by itself.
pub(super) fn simpler_knobs(bcr: &Bcr) -> Vec<Bcr> {
    let mut simpler = Vec::new();
    let default = Bcr::default();
    let mut propose = |changed: Bcr| {
        if changed != *bcr {
            simpler.push(changed);
        }
    };
    for t in 1..bcr.t {
        propose(Bcr { t, ..bcr.clone() });
    }
    propose(Bcr { checkpoint_every: None, ..bcr.clone() });
    for shorter in [1, 2, 3].into_iter().filter(|every| Some(*every) < bcr.checkpoint_every) {
        propose(Bcr { checkpoint_every: Some(shorter), ..bcr.clone() });
    }
    propose(Bcr {
        client_timeout_ns: default.client_timeout_ns,
        head_timeout_ns: default.head_timeout_ns,
        nonhead_timeout_ns: default.nonhead_timeout_ns,
        olympus_timeout_ns: default.olympus_timeout_ns,
        ..bcr.clone()
    });
    propose(Bcr { client_timeout_ns: default.client_timeout_ns, ..bcr.clone() });
    propose(Bcr { head_timeout_ns: default.head_timeout_ns, ..bcr.clone() });
    propose(Bcr { nonhead_timeout_ns: default.nonhead_timeout_ns, ..bcr.clone() });
    propose(Bcr { olympus_timeout_ns: default.olympus_timeout_ns, ..bcr.clone() });
    simpler
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Menu;
    use crate::fault::{Fault, text};
    use crate::scenario::{self, Client, Protocol, Scenario};

    /// A failure in no theme would hardly be drawn together with those that complete it.
    #[test]
    fn every_message_and_every_failure_belongs_to_a_theme() {
        for trigger in text::triggers().map(Trigger::name) {
            assert!(THEMES.iter().any(|theme| theme.triggers.contains(&trigger)), "{trigger}");
        }
        for failure in text::failures().filter(|failure| failure.is_fault()) {
            let name = failure.name();
            assert!(THEMES.iter().any(|theme| theme.failures.contains(&name)), "{name}");
        }
    }

    /// The menu must offer what the linter does not call impossible, and nothing else.
    #[test]
    fn the_menu_is_what_the_linter_lets_pass() {
        let bcr = Bcr { checkpoint_every: Some(1), ..Bcr::default() };
        let mut scenario = Scenario::new(Protocol::Bcr(bcr));
        let pool = scenario.pool.clone();
        let items = vec![crate::object::Item::Pseudorandom { seed: 1, count: 9 }];
        scenario.clients = vec![Client { workload: crate::object::Workload::new(items, pool) }];
        for (configuration, position) in [0, 1].into_iter().flat_map(|c| [0, 1, 2].map(|p| (c, p)))
        {
            for trigger in text::triggers() {
                for failure in text::failures() {
                    let fault = Fault {
                        configuration,
                        replica: position,
                        trigger,
                        failures: vec![failure],
                    };
                    scenario.faults = vec![fault];
                    let menu = Menu::of(&scenario.protocol);
                    let offered = menu.triggers(configuration, position).contains(&trigger)
                        && menu.failures(position).contains(&failure);
                    let text = scenario::to_toml(&scenario);
                    let reading = scenario::read("cell", text.as_bytes(), &Default::default());
                    let never = reading.diagnostics.iter().map(scenario::Diagnosis::compact);
                    let never: Vec<_> = never.filter(|text| text.contains("never fire")).collect();
                    assert_eq!(offered, never.is_empty(), "{text}\n{never:?}");
                }
            }
        }
    }
}
