//! What is right, told from the trace alone.
//!
//! A judge watches the events of a run and keeps what it finds; it sees neither processes nor
//! world, so runs on sockets and recordings are judged by the same code. Every judge names the
//! first event that broke its property.
//!
//! Judges of one's own are a value that watches ([`Watch`]) and rules ([`Bench`]); most are a few
//! [`Property`] values and what it takes to test them.

pub mod bcr;
mod clients;
mod events;
mod expect;
mod faults;
pub mod linear;
pub mod liveness;
mod property;
mod solo;

use std::collections::BTreeSet;

use crate::fault::Attackable;
use crate::scenario::Scenario;
use crate::trace::Watch;

pub use bcr::REACHABLE;
pub use clients::{ClientRecord, Clients};
pub use events::Counted;
pub use expect::missed;
pub use faults::{Injections, Outcome};
pub use property::{Place, Property};

/// A property that was broken, and where that showed first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The judge that found it.
    pub judge: &'static str,
    /// The first event that shows it.
    pub event: u64,
    /// The events that it contradicts, where it takes more than one.
    pub against: Vec<u64>,
    /// When that was.
    pub at_ns: u64,
    /// What is wrong, with the values that are.
    pub text: String,
}

/// Whom it concerns when a property breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// Users: it was promised to them.
    Promise,
    /// Those who work on the protocol: it is how promises are kept, and its breach an omen.
    Conduct,
}

/// What one judge has to say at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The judge.
    pub judge: &'static str,
    /// The property, as a sentence.
    pub property: &'static str,
    /// Whom it concerns when it breaks.
    pub concern: Concern,
    /// How many times it was tested; a judge that tested nothing says so.
    pub tested: u64,
    /// What broke it, if anything did.
    pub finding: Option<Finding>,
    /// Why it is not known whether it holds, where the judge came to no end.
    pub unknown: Option<String>,
}

/// A protocol whose runs can be judged.
pub trait Judged: Attackable {
    /// Its judges, all in one.
    type Bench: Watch<Self> + Bench + Clone;

    /// Judges for a run of this scenario.
    fn bench(scenario: &Scenario) -> Self::Bench;
}

/// The judges of one run. Whether every request is answered is judged without them; a protocol of
/// one's own keeps a [`Property`] for each thing that it promises.
pub trait Bench {
    /// What they say when it is over.
    fn rulings(&self) -> Vec<Ruling>;

    /// The dictionary in the end, key by key, as the operations that were executed left it.
    fn dictionary(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What should be reached by some run, and was by this one.
    fn reached(&self) -> BTreeSet<&'static str> {
        BTreeSet::new()
    }

    /// The quorum that ended each configuration, in order.
    fn quorums(&self) -> Vec<Vec<u32>> {
        Vec::new()
    }

    /// How often the cluster was reconfigured.
    fn reconfigurations(&self) -> u64 {
        0
    }
}
