//! Everything that happens is an [`Event`]: one enum, with named fields.
//!
//! Runtimes and processes make events; text, JSON, digest, picture and judges read them. Watching
//! does not change a run, and a run that nobody watches makes no events.
//!
#![doc = include_str!("LOG.md")]

mod canonical;
mod describe;
mod digest;
#[cfg(test)]
mod fits;
mod happening;
mod line;
mod schema;
#[cfg(test)]
mod tests;
mod value;
mod variant;

pub use describe::Ordinals;
pub use digest::{CHECKPOINT_EVERY, Fingerprint};
#[cfg(feature = "net")]
pub(crate) use happening::word_of;
pub use happening::{Happening, SORT_BITS, Witnessed};
pub use line::{FORMAT, Line, Lines, WORDS};
#[cfg(feature = "view")]
pub(crate) use line::{TELLING_EVENTS, TELLING_NOTES};
pub use schema::json_schema;
pub use value::{Value, describe};

use crate::crypto::Notary;
use crate::identity::{Address, Identity};
use crate::process::{Injection, Protocol, Ticket};

/// Something that happened to a process.
#[derive(Debug)]
pub struct Event<'a, P: Protocol> {
    /// Its place in the run: 1, 2, 3, …
    pub number: u64,
    /// Virtual time, in nanoseconds since the run began.
    pub at_ns: u64,
    /// To whom it happened.
    pub process: Address,
    /// The number of the event that led to it; 0 for none.
    pub cause: u64,
    /// What happened.
    pub what: What<'a, P>,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum What<'a, P: Protocol> {
    /// The process came into being.
    Born {
        /// What it was made from.
        birth: &'a P::Birth,
    },
    /// It was given its first input.
    Started,
    /// It runs again, after a crash.
    Restarted {
        /// How many shelves it found.
        survived: usize,
    },
    /// It ended itself.
    Stopped,
    /// It is gone, from one moment to the next.
    Crashed,
    /// It stands still.
    Paused {
        /// Until then.
        until_ns: u64,
    },
    /// It goes on.
    Resumed,
    /// Its wall clock was set.
    ClockSet {
        /// To this much more than the true time, in nanoseconds.
        ahead_ns: i64,
    },
    /// It sent a message; this is one copy's way to one process.
    Sent {
        /// To whom.
        to: Address,
        /// What.
        message: &'a P::Message,
        /// How many of this kind and subject went this way before.
        copy: u32,
    },
    /// It sent a message to an identity that no process has.
    Unreachable {
        /// To whom.
        to: Identity,
        /// What.
        message: &'a P::Message,
    },
    /// The network made a second one of a message that this process sent.
    Duplicated {
        /// The event in which it was sent.
        sent: u64,
    },
    /// The network lost a message that this process sent.
    Lost {
        /// The event in which it was sent.
        sent: u64,
        /// Why.
        why: Loss,
    },
    /// A partition that does not end holds a message that this process sent, and all after it.
    Held {
        /// The event in which it was sent.
        sent: u64,
    },
    /// Something was to be done that cannot be done: whom it concerns is not there, is gone, or,
    /// for a birth, is there already.
    InVain {
        /// What, in a few words.
        action: &'static str,
        /// To whom.
        whom: Address,
    },
    /// A message came.
    Received {
        /// From whom.
        from: Address,
        /// The event in which it was sent.
        sent: u64,
        /// What.
        message: &'a P::Message,
    },
    /// It set a timer.
    TimerSet {
        /// Which.
        timer: P::Timer,
        /// When it will run out.
        due_ns: u64,
    },
    /// It cancelled a timer that was running.
    TimerCancelled {
        /// Which.
        timer: P::Timer,
    },
    /// A timer ran out.
    TimerFired {
        /// Which.
        timer: P::Timer,
    },
    /// It began to write.
    Persisting {
        /// To which shelf.
        shelf: u64,
        /// How much.
        bytes: usize,
    },
    /// What it wrote is safe.
    Persisted {
        /// On which shelf.
        shelf: u64,
    },
    /// The outside asks.
    Commanded {
        /// To be given back.
        ticket: Ticket,
        /// What.
        command: &'a P::Command,
    },
    /// It answers the outside.
    Answered {
        /// Which command.
        ticket: Ticket,
        /// With what.
        answer: &'a P::Answer,
    },
    /// It puts a significant action on record.
    Noted(&'a P::Note),
    /// Something was done in its stead.
    Injected(&'a Injection),
}

/// Why a message did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The link loses some.
    Link,
    /// A partition cut the link.
    Partition,
    /// The receiver is gone.
    Gone,
}

impl Loss {
    /// In one word.
    pub fn text(self) -> &'static str {
        match self {
            Loss::Link => "link",
            Loss::Partition => "partition",
            Loss::Gone => "gone",
        }
    }
}

/// Somebody who sees the events of a run, each once, in order.
pub trait Watch<P: Protocol> {
    /// Whether anybody looks. Asked once, when a run begins.
    fn watching(&self) -> bool {
        true
    }

    /// Sees one event. The notary tells whether a signature in it is valid.
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary);
}

/// Nobody.
impl<P: Protocol> Watch<P> for () {
    fn watching(&self) -> bool {
        false
    }

    fn see(&mut self, _: &Event<'_, P>, _: &Notary) {}
}

/// Perhaps somebody.
impl<P: Protocol, W: Watch<P>> Watch<P> for Option<W> {
    fn watching(&self) -> bool {
        self.as_ref().is_some_and(W::watching)
    }

    #[inline]
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        if let Some(watch) = self {
            watch.see(event, notary);
        }
    }
}

/// Two, in this order.
impl<P: Protocol, A: Watch<P>, B: Watch<P>> Watch<P> for (A, B) {
    fn watching(&self) -> bool {
        self.0.watching() || self.1.watching()
    }

    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        self.0.see(event, notary);
        self.1.see(event, notary);
    }
}

/// Somebody elsewhere.
impl<P: Protocol, W: Watch<P> + ?Sized> Watch<P> for &mut W {
    fn watching(&self) -> bool {
        (**self).watching()
    }

    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        (**self).see(event, notary);
    }
}

/// Somebody not known before.
impl<P: Protocol, W: Watch<P> + ?Sized> Watch<P> for Box<W> {
    fn watching(&self) -> bool {
        (**self).watching()
    }

    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        (**self).see(event, notary);
    }
}
