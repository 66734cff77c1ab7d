//! Injected faults: when a replica fails (triggers), what it then does (failures), and their text.
//!
//! Protocol code has no line about any of this. An [`Injector`] stands before a failing replica's
//! process; what only the protocol can tell, it asks of that protocol's [`Adversary`].

mod failure;
mod injector;
mod no_lies;
pub mod text;
mod trigger;

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
    /// The text of one (trigger, failure) pair, as an injection is logged.
    #[must_use]
    pub fn pair(&self, failure: Failure) -> String {
        format!("{}, {failure}", self.trigger)
    }
}

/// Arbitrary triggers and failures, for the tests of this and other modules.
#[cfg(test)]
pub(crate) mod arbitrary {
    pub(crate) use super::text::tests::{any_failure, any_trigger};
}
