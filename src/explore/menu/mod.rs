//! What each protocol offers to whoever makes its replicas fail: how many there are and what they
//! are called, what they receive, what they can do wrong. The one place of this room that knows
//! protocols apart.

mod bcr;
mod own;

use crate::fault::{Failure, Trigger, text};
use crate::scenario::{Protocol, Scenario, Solo};

use super::dice::Dice;
use super::shape::Shape;

/// What goes on at one time, and what can be done wrong about it: failures of different themes
/// complete each other more often than any two do.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// The names of the messages that come then.
    pub triggers: &'static [&'static str],
    /// The names of the failures that make a difference then; none for all that are possible.
    pub failures: &'static [&'static str],
}

/// The places where replicas of a scenario can fail, and how.
#[derive(Clone, Copy, Debug)]
pub struct Menu<'a> {
    protocol: &'a Protocol,
}

impl<'a> Menu<'a> {
    /// What can go wrong at the replicas of this protocol.
    #[must_use]
    pub fn of(protocol: &'a Protocol) -> Menu<'a> {
        Menu { protocol }
    }

    /// How many faulty replicas a configuration bears.
    #[must_use]
    pub fn tolerated(&self) -> u32 {
        self.protocol.tolerated()
    }

    /// How many replicas a configuration has.
    #[must_use]
    pub fn positions(&self) -> u32 {
        self.protocol.replicas()
    }

    /// What part the replica at a position plays, in a word.
    #[must_use]
    pub fn role(&self, position: u32) -> &'static str {
        match self.protocol {
            Protocol::Bcr(bcr) => bcr::role(bcr, position),
            Protocol::Solo(_) => own::role(Solo::about(), position),
            Protocol::Own(own) => own::role(own, position),
        }
    }

    /// The themes of the protocol.
    #[must_use]
    pub fn themes(&self) -> &'static [Theme] {
        match self.protocol {
            Protocol::Bcr(_) => &bcr::THEMES,
            Protocol::Solo(_) | Protocol::Own(_) => &own::THEMES,
        }
    }

    /// The messages that may come to a replica, as triggers for the first of them.
    #[must_use]
    pub fn triggers(&self, configuration: u32, position: u32) -> Vec<Trigger> {
        match self.protocol {
            Protocol::Bcr(bcr) => {
                let comes = |trigger: &Trigger| bcr::comes(bcr, *trigger, configuration, position);
                text::triggers().filter(comes).collect()
            }
            Protocol::Solo(_) => own::triggers(Solo::about(), configuration),
            Protocol::Own(own) => own::triggers(own, configuration),
        }
    }

    /// How many messages that set off a trigger without a client are worth waiting for, where there
    /// are so many requests.
    #[must_use]
    pub fn count(&self, trigger: Trigger, requests: u64) -> u64 {
        match self.protocol {
            Protocol::Bcr(bcr) => bcr::count(bcr, trigger, requests),
            Protocol::Solo(_) | Protocol::Own(_) => requests.max(2),
        }
    }

    /// What a replica can do wrong, with 1 where a failure takes a number.
    #[must_use]
    pub fn failures(&self, position: u32) -> Vec<Failure> {
        match self.protocol {
            Protocol::Bcr(bcr) => {
                let possible = |failure: &Failure| bcr::possible(bcr, *failure, position);
                text::failures().filter(possible).collect()
            }
            Protocol::Solo(_) => Solo::about().failures.clone(),
            Protocol::Own(own) => own.failures.clone(),
        }
    }

    /// Whether processes know what to do when they live again after a crash.
    #[must_use]
    pub fn knows_restarts(&self) -> bool {
        match self.protocol {
            Protocol::Bcr(_) => true,
            Protocol::Solo(_) => true,
            Protocol::Own(own) => own.recovers,
        }
    }

    /// Whether there is an Olympus, which replaces replicas when somebody asks for it.
    #[must_use]
    pub fn has_olympus(&self) -> bool {
        matches!(self.protocol, Protocol::Bcr(_))
    }
}

/// Draws the protocol's own knobs, as far as the shape leaves them open.
pub(super) fn draw_knobs(shape: &Shape, scenario: &mut Scenario, dice: &mut Dice, timeouts: bool) {
    match &mut scenario.protocol {
        Protocol::Bcr(bcr) => bcr::draw_knobs(shape, bcr, dice, timeouts),
        Protocol::Solo(_) | Protocol::Own(_) => {}
    }
}

/// Simpler knobs for the same protocol, the simplest first: what a shrinker tries.
pub(super) fn simpler_knobs(protocol: &Protocol) -> Vec<Protocol> {
    match protocol {
        Protocol::Bcr(bcr) => bcr::simpler_knobs(bcr).into_iter().map(Protocol::Bcr).collect(),
        Protocol::Solo(_) | Protocol::Own(_) => Vec::new(),
    }
}

/// The same with each of the protocol's seeded bugs, by name.
#[must_use]
pub fn with_quirks(base: &Scenario) -> Vec<(&'static str, Scenario)> {
    match &base.protocol {
        Protocol::Bcr(bcr) => {
            let with = |(quirk, bcr)| {
                let protocol = Protocol::Bcr(bcr);
                (quirk, Scenario { protocol, ..base.clone() })
            };
            bcr::with_quirks(bcr).map(with).collect()
        }
        Protocol::Solo(_) | Protocol::Own(_) => Vec::new(),
    }
}

/// A scenario of the protocol with this name and nothing special about it.
#[must_use]
pub fn plain(protocol: &str) -> Option<Scenario> {
    match protocol {
        "bcr" => Some(Scenario::new(Protocol::Bcr(crate::scenario::Bcr::default()))),
        "solo" => Some(Scenario::new(Protocol::Solo(Solo::default()))),
        _ => None,
    }
}
