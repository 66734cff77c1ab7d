//! What each client asked and was answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::crypto::Notary;
use crate::identity::{Class, Identity};
use crate::process::{Milestone, Note, Protocol};
use crate::trace::{Event, Watch, What};

/// Longer than the text of most operations and results.
const USUAL_TEXT: usize = 48;

/// One client's side of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientRecord {
    /// How many requests it made.
    pub asked: u64,
    /// How many of them were answered.
    pub answered: u64,
    /// Whether it has nothing more to ask.
    pub finished: bool,
    /// Whether it crashed, and does not go on.
    pub gone: bool,
    /// How often it crashed.
    pub crashes: u32,
    /// The request that it waits for, in its text form.
    pub waits_for: Option<String>,
    /// Its results, in order; the first [`Clients::KEPT`] of them, or less where they are long.
    pub results: Vec<String>,
}

impl ClientRecord {
    /// Whether it is to go on.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.finished && !self.gone
    }
}

/// Keeps the clients' records, as a watcher.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    records: BTreeMap<u32, ClientRecord>,
    /// How long all results are that are kept.
    bytes: usize,
    /// A text that is used again.
    spare: String,
}

impl Clients {
    /// How many results of each client are kept.
    pub const KEPT: usize = 10_000;
    /// How long the results of all clients may be that are kept.
    pub const KEPT_BYTES: usize = 1 << 26;

    /// Records for so many clients, whether they are heard of or not.
    pub fn new(count: u32) -> Clients {
        let records = (0..count).map(|client| (client, ClientRecord::default())).collect();
        Clients { records, bytes: 0, spare: String::new() }
    }

    /// The records, by client.
    pub fn records(&self) -> &BTreeMap<u32, ClientRecord> {
        &self.records
    }

    /// A client that crashed goes on if it lives again, and does not stop of itself then: it may
    /// have forgotten what it was about.
    fn lives<P: Protocol>(&mut self, who: Identity, what: &What<'_, P>) {
        if who.class != Class::Client {
            return;
        }
        let record = self.records.entry(who.index).or_default();
        record.crashes += u32::from(matches!(what, What::Crashed));
        record.gone = record.crashes > 0 && !matches!(what, What::Restarted { .. });
    }

    fn reached(&mut self, milestone: Milestone<'_>) {
        match milestone {
            Milestone::Asked { client, operation, .. } => {
                let record = self.records.entry(client).or_default();
                record.asked += 1;
                let mut text = std::mem::take(&mut self.spare);
                text.clear();
                text.reserve(USUAL_TEXT);
                write!(text, "{operation}").expect("a string takes all that is written");
                record.waits_for = Some(text);
            }
            Milestone::Answered { client, result, .. } => {
                let record = self.records.entry(client).or_default();
                record.answered += 1;
                self.spare = record.waits_for.take().unwrap_or_default();
                if record.results.len() < Clients::KEPT && self.bytes < Clients::KEPT_BYTES {
                    let mut text = String::with_capacity(USUAL_TEXT);
                    write!(text, "{result}").expect("a string takes all that is written");
                    let result = text;
                    self.bytes += result.len() + size_of::<String>();
                    record.results.push(result);
                }
            }
            Milestone::Finished { client } => {
                self.records.entry(client).or_default().finished = true;
            }
        }
    }

    /// How many requests were answered, over all clients.
    pub fn answered(&self) -> u64 {
        self.records.values().map(|record| record.answered).sum()
    }
}

impl<P: Protocol> Watch<P> for Clients {
    #[inline]
    fn see(&mut self, event: &Event<'_, P>, _: &Notary) {
        match &event.what {
            What::Noted(note) => {
                if let Some(milestone) = note.milestone() {
                    self.reached(milestone);
                }
            }
            What::Crashed | What::Restarted { .. } | What::Stopped => {
                self.lives(event.process.identity, &event.what);
            }
            _ => {}
        }
    }
}
