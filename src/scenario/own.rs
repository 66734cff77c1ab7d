//! A protocol that this crate does not bring along: what scenarios know of it.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::choice::Name;
use crate::fault::Failure;

/// A protocol of one's own, as a scenario has it; [`own`](crate::run::own()) makes one. Two are the
/// same if they have the same name.
#[derive(Clone)]
pub struct Own {
    about: Arc<About>,
    /// How it is run, which is not the affair of this room.
    stage: Arc<dyn Any + Send + Sync>,
}

/// What is said of a protocol of one's own.
#[derive(Clone, Debug)]
pub struct About {
    /// What scenarios call it.
    pub name: &'static str,
    /// The part that each replica plays, in a word, by position.
    pub roles: Vec<&'static str>,
    /// How many of the replicas may fail.
    pub tolerated: u32,
    /// The messages that come to replicas.
    pub kinds: Vec<Name>,
    /// The failures that it bears, with 1 where a failure takes a number.
    pub failures: Vec<Failure>,
    /// Whether a replica that crashes and lives again with its memory is no faulty one.
    pub recovers: bool,
    /// How soon requests are answered, if that is promised.
    pub pace: Option<Pace>,
}

/// How soon a request is answered when nothing is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Through how many messages, one after the other.
    pub trips: u32,
    /// After how long whoever waits in vain tries again.
    pub timeout_ns: u64,
}

impl Own {
    /// A protocol of which this is said, and how it is run.
    pub(crate) fn new(about: About, stage: Arc<dyn Any + Send + Sync>) -> Own {
        Own { about: Arc::new(about), stage }
    }

    /// How it is run.
    pub(crate) fn stage(&self) -> &(dyn Any + Send + Sync) {
        &*self.stage
    }
}

impl About {
    /// How many replicas it has.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        self.roles.len() as u32
    }

    /// Whether it says that it bears failures of this kind.
    #[must_use]
    pub fn bears(&self, failure: Failure) -> bool {
        self.failures.iter().any(|borne| borne.name() == failure.name())
    }
}

impl Deref for Own {
    type Target = About;

    fn deref(&self) -> &About {
        &self.about
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.about.fmt(f)
    }
}

impl PartialEq for Own {
    fn eq(&self, other: &Own) -> bool {
        self.name == other.name
    }
}

impl Eq for Own {}
