//! An event of any protocol: what can be told of it without knowing whose it is.

use std::fmt::Debug;

use crate::crypto::Notary;
use crate::identity::Address;
use crate::process::{InjectionStep, Milestone, Note as _, Protocol};

use super::describe::Ordinals;
use super::line::Line;
use super::variant::variant;
use super::{Event, What};

/// Something that happened to a process, whatever its protocol. What costs more than a look is made
/// when it is asked for.
pub trait Happening {
    /// Its place in the run: 1, 2, 3, …
    fn number(&self) -> u64;

    /// Virtual time.
    fn at_ns(&self) -> u64;

    /// To whom it happened.
    fn process(&self) -> Address;

    /// The number of the event that led to it; 0 for none.
    fn cause(&self) -> u64;

    /// Its sort, as a number of [`SORT_BITS`] bits: what happened, and of messages, timers and
    /// notes which.
    fn sort(&self) -> u32;

    /// Whether it is that a process stands still.
    fn is_pause(&self) -> bool;

    /// The note that it is, if it is one.
    fn note(&self) -> Option<&dyn Debug>;

    /// What it tells, where it is a note on something that any protocol may tell.
    fn milestone(&self) -> Option<Milestone<'_>>;

    /// Its line; keys and the like are numbered as [`Line::of`] says.
    fn line(&self, ordinals: &mut Ordinals) -> Line;
}

/// How many bits the sort of an event has.
pub const SORT_BITS: u32 = 12;

/// How many of them tell which message, timer or note.
const WHICH_BITS: u32 = 7;

/// What happens in events of this sort, in a word.
#[cfg(feature = "net")]
pub(crate) fn word_of(sort: u32) -> &'static str {
    SORTED.get((sort >> WHICH_BITS) as usize).copied().unwrap_or("something")
}

/// The words of events in the order of their sorts.
#[cfg(feature = "net")]
const SORTED: [&str; 24] = [
    "born",
    "started",
    "restarted",
    "stopped",
    "crashed",
    "paused",
    "resumed",
    "clock_set",
    "sent",
    "unreachable",
    "duplicated",
    "lost",
    "held",
    "in_vain",
    "received",
    "timer_set",
    "timer_cancelled",
    "timer_fired",
    "persisting",
    "persisted",
    "commanded",
    "answered",
    "noted",
    "injected",
];

/// An event, and who tells whether a signature in it is valid.
#[derive(Debug)]
pub struct Witnessed<'a, P: Protocol> {
    /// The event.
    pub event: &'a Event<'a, P>,
    /// Who tells.
    pub notary: &'a Notary,
}

impl<P: Protocol> Happening for Witnessed<'_, P> {
    fn number(&self) -> u64 {
        self.event.number
    }

    fn at_ns(&self) -> u64 {
        self.event.at_ns
    }

    fn process(&self) -> Address {
        self.event.process
    }

    fn cause(&self) -> u64 {
        self.event.cause
    }

    fn sort(&self) -> u32 {
        let (word, which) = sort(&self.event.what);
        word << WHICH_BITS | which.min((1 << WHICH_BITS) - 1)
    }

    fn is_pause(&self) -> bool {
        matches!(self.event.what, What::Paused { .. })
    }

    fn note(&self) -> Option<&dyn Debug> {
        match &self.event.what {
            What::Noted(note) => Some(note),
            _ => None,
        }
    }

    fn milestone(&self) -> Option<Milestone<'_>> {
        match &self.event.what {
            What::Noted(note) => note.milestone(),
            _ => None,
        }
    }

    fn line(&self, ordinals: &mut Ordinals) -> Line {
        Line::of(self.event, self.notary, ordinals)
    }
}

/// What happened, and which of its kind.
fn sort<P: Protocol>(what: &What<'_, P>) -> (u32, u32) {
    match what {
        What::Born { birth } => (0, variant(birth)),
        What::Started => (1, 0),
        What::Restarted { .. } => (2, 0),
        What::Stopped => (3, 0),
        What::Crashed => (4, 0),
        What::Paused { .. } => (5, 0),
        What::Resumed => (6, 0),
        What::ClockSet { .. } => (7, 0),
        What::Sent { message, .. } => (8, variant(message)),
        What::Unreachable { message, .. } => (9, variant(message)),
        What::Duplicated { .. } => (10, 0),
        What::Lost { why, .. } => (11, *why as u32),
        What::Held { .. } => (12, 0),
        What::InVain { .. } => (13, 0),
        What::Received { message, .. } => (14, variant(message)),
        What::TimerSet { timer, .. } => (15, variant(timer)),
        What::TimerCancelled { timer } => (16, variant(timer)),
        What::TimerFired { timer } => (17, variant(timer)),
        What::Persisting { .. } => (18, 0),
        What::Persisted { .. } => (19, 0),
        What::Commanded { command, .. } => (20, variant(command)),
        What::Answered { answer, .. } => (21, variant(answer)),
        What::Noted(note) => (22, variant(note)),
        What::Injected(injection) => (
            23,
            match injection.step {
                InjectionStep::Armed => 0,
                InjectionStep::Done => 1,
                InjectionStep::InVain => 2,
            },
        ),
    }
}
