//! The digest of a run: BLAKE3 over the canonical form of its events.
//!
//! Two runs with the same digest are the same run. Where a run is to be compared in parts, the
//! digest as of every so many events is kept too, so that the first difference can be found by
//! halves.

use crate::crypto::{Digest, Notary};
use crate::process::{Injection, Protocol};

use super::canonical::Canonical;
use super::describe::{Ordinals, tell};
use super::{Event, Watch, What};

/// How many events lie between two checkpoints of a digest.
pub const CHECKPOINT_EVERY: u64 = 256;

/// Beside the code of an event of which time, process and cause are told.
const IN_FULL: u8 = 0x80;

/// Takes the digest of a run, as a watcher.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    form: Canonical,
    ordinals: Ordinals,
    checkpoints: Option<Vec<Digest>>,
    events: u64,
    /// Number, time and process of the last event that was told in full.
    first: (u64, u64, u64),
}

impl Default for Fingerprint {
    fn default() -> Fingerprint {
        Fingerprint::new()
    }
}

impl Fingerprint {
    /// For the digest of a whole run.
    pub fn new() -> Fingerprint {
        Fingerprint {
            form: Canonical::new("perjury 1 digest of a run"),
            ordinals: Ordinals::default(),
            checkpoints: None,
            events: 0,
            first: (0, 0, 0),
        }
    }

    /// For the digest, and for its value after every [`CHECKPOINT_EVERY`] events.
    pub fn with_checkpoints() -> Fingerprint {
        Fingerprint { checkpoints: Some(Vec::new()), ..Fingerprint::new() }
    }

    /// For a process whose messages were handed over once and are read from bytes another time:
    /// what they say has the same digest.
    #[cfg(feature = "net")]
    pub(crate) fn of_recording() -> Fingerprint {
        let form = Canonical::one_by_one("perjury 1 digest of a recorded process");
        Fingerprint { form, ..Fingerprint::new() }
    }

    /// The digest of everything seen so far.
    pub fn digest(&self) -> Digest {
        self.form.digest()
    }

    /// The digests after every [`CHECKPOINT_EVERY`] events, if they are kept.
    pub fn checkpoints(&self) -> &[Digest] {
        self.checkpoints.as_deref().unwrap_or_default()
    }

    /// How many events were seen.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Sees one event, and shows its canonical form: what the digest is taken of.
    #[inline]
    pub(crate) fn form_of<P: Protocol>(&mut self, event: &Event<'_, P>, notary: &Notary) -> &[u8] {
        self.form.hash_full_pieces();
        self.events += 1;
        let before = self.form.pending().len();
        self.head(event);
        self.what(event, notary);
        &self.form.pending()[before..]
    }

    /// When, to whom and why: told in full by the first of the events that an input leads to.
    #[inline]
    fn head<P: Protocol>(&mut self, event: &Event<'_, P>) {
        let Event { number, at_ns, process, cause, what } = event;
        let (process, code) = (process.pack(), code(what));
        if (*cause, *at_ns, process) == self.first {
            return self.form.u8(code);
        }
        self.form.u8(code | IN_FULL);
        self.form.words([number.wrapping_sub(*cause), *at_ns, process]);
        self.first = (*number, *at_ns, process);
    }

    fn content<T: serde::Serialize>(&mut self, value: &T, notary: &Notary) {
        tell(value, &mut self.form, notary, &mut self.ordinals);
    }

    fn what<P: Protocol>(&mut self, event: &Event<'_, P>, notary: &Notary) {
        match &event.what {
            What::Born { birth } => self.content(birth, notary),
            What::Started | What::Stopped | What::Crashed | What::Resumed => {}
            What::Restarted { survived } => self.form.u64(*survived as u64),
            What::Paused { until_ns } => self.form.u64(*until_ns),
            What::ClockSet { ahead_ns } => self.form.u64(*ahead_ns as u64),
            What::Sent { to, message, copy } => {
                self.form.words([to.pack()]);
                self.form.u64(u64::from(*copy));
                self.content(message, notary);
            }
            What::Unreachable { to, message } => {
                self.form.words([to.pack()]);
                self.content(message, notary);
            }
            What::Duplicated { sent } => self.form.u64(*sent),
            What::Lost { sent, why } => {
                self.form.u64(*sent);
                self.form.u8(*why as u8);
            }
            What::Held { sent } => self.form.u64(*sent),
            What::InVain { action, whom } => {
                self.form.run(action.as_bytes());
                self.form.words([whom.pack()]);
            }
            // The sending event tells what the message says.
            What::Received { sent, .. } => self.form.u64(event.number.wrapping_sub(*sent)),
            What::TimerSet { timer, due_ns } => {
                self.form.u64(due_ns.wrapping_sub(event.at_ns));
                self.content(timer, notary);
            }
            What::TimerCancelled { timer } | What::TimerFired { timer } => {
                self.content(timer, notary);
            }
            What::Persisting { shelf, bytes } => {
                self.form.u64(*shelf);
                self.form.u64(*bytes as u64);
            }
            What::Persisted { shelf } => self.form.u64(*shelf),
            What::Commanded { ticket, command } => {
                self.form.u64(ticket.0);
                self.content(command, notary);
            }
            What::Answered { ticket, answer } => {
                self.form.u64(ticket.0);
                self.content(answer, notary);
            }
            What::Noted(note) => self.content(note, notary),
            What::Injected(injection) => self.injected(injection),
        }
    }

    fn injected(&mut self, injection: &Injection) {
        self.form.u8(injection.step as u8);
        self.form.run(injection.what.as_bytes());
        self.form.run(injection.detail.as_bytes());
    }
}

/// A number for each kind of event; these stay as they are when kinds are added.
fn code<P: Protocol>(what: &What<'_, P>) -> u8 {
    match what {
        What::Born { .. } => 1,
        What::Started => 2,
        What::Restarted { .. } => 3,
        What::Stopped => 4,
        What::Crashed => 5,
        What::Paused { .. } => 6,
        What::Resumed => 7,
        What::ClockSet { .. } => 8,
        What::Sent { .. } => 9,
        What::Unreachable { .. } => 10,
        What::Duplicated { .. } => 11,
        What::Lost { .. } => 12,
        What::Received { .. } => 13,
        What::TimerSet { .. } => 14,
        What::TimerCancelled { .. } => 15,
        What::TimerFired { .. } => 16,
        What::Persisting { .. } => 17,
        What::Persisted { .. } => 18,
        What::Commanded { .. } => 19,
        What::Answered { .. } => 20,
        What::Noted(_) => 21,
        What::Held { .. } => 22,
        What::InVain { .. } => 23,
        What::Injected(_) => 24,
    }
}

impl<P: Protocol> Watch<P> for Fingerprint {
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        self.form_of(event, notary);
        if self.checkpoints.is_some() && self.events.is_multiple_of(CHECKPOINT_EVERY) {
            let digest = self.digest();
            self.checkpoints.get_or_insert_default().push(digest);
        }
    }
}
