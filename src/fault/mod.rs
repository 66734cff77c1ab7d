//! Injected faults: when a replica fails (triggers), what it then does (failures), and their text.
//!
//! Protocol code has no line about any of this. An [`Injector`] stands before a failing replica's
//! process; what only the protocol can tell, it asks of that protocol's [`Adversary`].

mod failure;
mod injector;
mod no_lies;
pub mod text;
mod trigger;

use std::fmt;

use crate::identity::Identity;

pub use failure::{BENIGN, Failure};
pub use injector::{Act, Adversary, Attackable, Injector, interposers};
pub use no_lies::NoLies;
pub use text::{CallError, Spelled};
pub use trigger::Trigger;

/// What one replica of one configuration does wrong at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The configuration, from 0; every reconfiguration begins the next.
    pub configuration: u32,
    /// The position in the chain, from 0: the head.
    pub replica: u32,
    /// The message that sets it off.
    pub trigger: Trigger,
    /// What happens, all of it; never empty.
    pub failures: Vec<Failure>,
}

impl Fault {
    /// Its trigger with each of its failures.
    pub fn pairs(&self) -> impl Iterator<Item = Pair> {
        self.failures.iter().map(|failure| Pair { trigger: self.trigger, failure: *failure })
    }
}

/// One failure with what sets it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// What sets it off.
    pub trigger: Trigger,
    /// What happens.
    pub failure: Failure,
}

/// As an injection is logged.
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.trigger, self.failure)
    }
}

/// All pairs of these faults in their order, each with the replica that it is meant for; the place
/// of one here is its number.
pub fn pairs(faults: &[Fault]) -> impl Iterator<Item = (Identity, Pair)> {
    faults.iter().flat_map(|fault| {
        let who = Identity::replica(fault.configuration, fault.replica);
        fault.pairs().map(move |pair| (who, pair))
    })
}

/// Arbitrary triggers and failures, for the tests of this and other modules.
#[cfg(test)]
pub(crate) mod arbitrary {
    pub(crate) use super::text::tests::{any_failure, any_trigger};
}
