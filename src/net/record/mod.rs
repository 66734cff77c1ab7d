//! Recording: everything that comes to each process, and a digest of all that comes of it.
//!
//! A process is pure, so its inputs are all that is needed to have it do the same again (see
//! `replay`). They are recorded where they come in, at its seat, before the process has them: the
//! input that ends a process is on record too.
//!
//! * `format`: what stands in a file, byte by byte;
//! * `segments`: the files of a process, and how many of them are kept.

pub(super) mod format;
pub(super) mod segments;
#[cfg(test)]
pub(super) mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crypto::{Notary, Scheme};
use crate::identity::Address;
use crate::process::{Process as _, Protocol};
use crate::scenario::{Scenario, to_toml};
use crate::time::Now;
use crate::trace::{Event, Fingerprint, Watch, What};

use super::clock::Clock;
use super::roster::{Notice, Notices};
use super::seat::{Coming, Keep};
pub use format::RECORDING_FORMAT;
use format::{
    Entry, Header, Mark, SCENARIO, Sight, Timeline, Writable, broken_off_name, field_hash,
    is_broken_off, is_segment,
};
use segments::{Room, Segments};

/// After so many inputs a process's digest is put on record; its state after 1, 2, 4, 8, … times
/// as many, since to look at it may cost as much as it is large.
const MARK_EVERY: u64 = 1024;
/// However busy a node is, it has written what came so much before. So a program that is killed
/// loses nothing that came this much later than what is on record.
pub(super) const WRITTEN_WITHIN_NS: u64 = 1_000_000_000;

/// Where what comes to processes is recorded, and how much of it is kept.
///
/// What is recorded holds the keys of all processes: whoever can read it can sign for them.
#[derive(Clone, Debug)]
pub struct RecordFolder {
    /// The folder; made where it is not. There must be no recording in it yet.
    pub folder: PathBuf,
    /// When a process's file has so many bytes, the next one begins.
    pub segment_bytes: u64,
    /// About how many bytes of files are kept of each process. Where they would become more, the
    /// oldest file is dropped; what is left cannot be replayed any more.
    pub keep_bytes: u64,
    /// What is run, for those who replay it: its judges judge, and its faults are done again.
    /// Without it, what the cluster's plan says, and no faults.
    pub scenario: Option<Arc<Scenario>>,
}

/// Why nothing is recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is a recording already.
    #[error("{0} holds a recording already; name another folder, or remove that one")]
    Taken(PathBuf),
    /// The folder cannot be written.
    #[error("{path}: {error}; check the path and the permissions")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl RecordFolder {
    /// A folder with files of 16 MiB, at most 64 of them for each process.
    pub fn new(folder: impl Into<PathBuf>) -> RecordFolder {
        let (folder, segment_bytes) = (folder.into(), 16 << 20);
        RecordFolder { folder, segment_bytes, keep_bytes: 64 * segment_bytes, scenario: None }
    }

    /// Makes the folder, and puts down what is run.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or holds a recording.
    pub fn begin(&self, usual: impl FnOnce() -> Scenario) -> Result<(), RecordError> {
        let failed = |error| RecordError::Folder { path: self.folder.clone(), error };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let is_taken = |path: &PathBuf| is_segment(path) || is_broken_off(path);
        if files_in(&self.folder).map_err(failed)?.iter().any(is_taken) {
            return Err(RecordError::Taken(self.folder.clone()));
        }
        let scenario = self.scenario.clone().unwrap_or_else(|| Arc::new(usual()));
        fs::write(self.folder.join(SCENARIO), to_toml(&scenario)).map_err(failed)
    }

    /// The recording of one process.
    pub(super) fn open<P: Protocol>(
        &self,
        process: Address,
        scheme: Scheme,
        clock: Clock,
        notices: &Notices,
    ) -> io::Result<Recorder> {
        let now = clock.now();
        let header = Header {
            format: RECORDING_FORMAT,
            protocol: P::NAME.to_owned(),
            process: process.to_string(),
            scheme,
            life: getrandom::u64().map_err(io::Error::other)?,
            segment: 0,
            inputs: 0,
            origin_ns: clock.origin_ns(),
            monotonic_ns: now.monotonic_ns,
            wall_ns: now.wall_ns,
        };
        fs::create_dir_all(&self.folder)?;
        let room = Room { segment: self.segment_bytes, keep: self.keep_bytes };
        let segments = Segments::begin(self.folder.clone(), process, room, header)?;
        Ok(Recorder {
            process,
            segments: Some(segments),
            timeline: Timeline(now),
            fingerprint: Fingerprint::of_recording(),
            sights: Vec::new(),
            inputs: 0,
            written_ns: now.monotonic_ns,
            clock,
            notices: notices.clone(),
        })
    }
}

/// The segments in a folder, in no particular order.
pub(super) fn segments_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = files_in(folder)?;
    files.retain(|path| is_segment(path));
    Ok(files)
}

/// The files in a folder. What else may have such a name cannot be read to an end.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.is_file());
    Ok(paths)
}

/// Whether it is on record in a folder that the recording of a process broke off.
pub(super) fn has_broken_off(folder: &Path, process: Address) -> bool {
    folder.join(broken_off_name(process)).exists()
}

/// Records what comes to one process.
#[derive(Debug)]
pub(super) struct Recorder {
    process: Address,
    /// None once they could not be written.
    segments: Option<Segments>,
    timeline: Timeline,
    fingerprint: Fingerprint,
    /// What came of the last input, until that is put down.
    sights: Vec<Sight>,
    inputs: u64,
    /// When what was last written came.
    written_ns: u64,
    clock: Clock,
    notices: Notices,
}

impl Recorder {
    /// Tries it. A recording that cannot be written does not stop the process that it is of.
    fn write(&mut self, write: impl FnOnce(&mut Segments, &mut Timeline) -> io::Result<()>) {
        let Some(segments) = &mut self.segments else { return };
        if let Err(error) = write(segments, &mut self.timeline) {
            segments.break_off();
            self.segments = None;
            let (process, why) = (self.process.to_string(), error.to_string());
            self.notices.tell(Notice::Unrecorded { process, why });
        }
    }

    /// Puts down what came of the last input.
    fn settle(&mut self) {
        if self.sights.is_empty() {
            return;
        }
        let entry = Entry::<(), (), ()>::Did(std::mem::take(&mut self.sights));
        self.write(|segments, timeline| {
            let now = timeline.0;
            segments.push(timeline.moment(now), &entry)
        });
        if let Entry::Did(mut sights) = entry {
            sights.clear();
            self.sights = sights;
        }
    }

    /// Puts down an input.
    fn input<P: Protocol>(&mut self, now: Now, entry: &Writable<'_, P>) {
        self.settle();
        let inputs = self.inputs;
        self.inputs += 1;
        let is_due = now.monotonic_ns.saturating_sub(self.written_ns) >= WRITTEN_WITHIN_NS;
        if is_due {
            self.written_ns = now.monotonic_ns;
        }
        self.write(|segments, timeline| {
            segments.turn(inputs, timeline.0)?;
            segments.push(timeline.moment(now), entry)?;
            if is_due { segments.flush() } else { Ok(()) }
        });
    }

    /// The same of one that somebody tells of who did not look at the calendar.
    fn input_at<P: Protocol>(&mut self, at_ns: u64, entry: &Writable<'_, P>) {
        let Now { monotonic_ns, wall_ns } = self.timeline.0;
        let wall_ns = wall_ns.wrapping_add(at_ns.wrapping_sub(monotonic_ns));
        self.input::<P>(Now { monotonic_ns: at_ns, wall_ns }, entry);
    }

    fn mark<P: Protocol>(&self, process: Option<&P::Process>, looks: bool) -> Mark {
        Mark {
            events: self.fingerprint.events(),
            digest: self.fingerprint.digest(),
            is_over: process.is_none(),
            state: process.filter(|_| looks).map(state_of::<P>),
        }
    }

    /// Now and then, before the next input: how the process stands.
    fn mark_if_due<P: Protocol>(&mut self, process: &P::Process) {
        let marks = self.inputs / MARK_EVERY;
        if self.inputs == 0 || !self.inputs.is_multiple_of(MARK_EVERY) || self.segments.is_none() {
            return;
        }
        self.settle();
        let entry =
            Entry::<(), (), ()>::Mark(self.mark::<P>(Some(process), marks.is_power_of_two()));
        self.write(|segments, timeline| {
            let now = timeline.0;
            segments.push(timeline.moment(now), &entry)
        });
    }
}

/// What is kept of a state.
pub(super) fn state_of<P: Protocol>(process: &P::Process) -> Vec<(String, u64)> {
    let fields = process.look().into_iter();
    fields.map(|field| (field.name.to_owned(), field_hash(&field))).collect()
}

impl<P: Protocol> Watch<P> for Recorder {
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        if self.segments.is_none() {
            return;
        }
        match event.what {
            What::Born { birth } => self.input_at::<P>(event.at_ns, &Entry::Born(birth)),
            // The process made somebody who could not be made; the seat is told from outside.
            What::InVain { whom, .. } => {
                let (cause, whom) = (event.cause, whom.identity);
                self.input_at::<P>(event.at_ns, &Entry::InVain { cause, whom });
            }
            _ => {}
        }
        self.sights.push(Sight::of(event, notary, &mut self.fingerprint));
    }
}

impl<P: Protocol> Keep<P> for Recorder {
    fn flush(&mut self) {
        self.settle();
        self.written_ns = self.timeline.0.monotonic_ns;
        self.write(|segments, _| segments.flush());
    }

    fn comes(&mut self, now: Now, what: Option<&Coming<P>>, process: &P::Process, own: &Notary) {
        self.mark_if_due::<P>(process);
        let entry: Writable<'_, P> = match what {
            None => Entry::Tick,
            Some(Coming::Start(entropy)) => {
                Entry::Start { entropy: *entropy, sharers: own.sharers() }
            }
            Some(Coming::Message { from, sent, message }) => {
                Entry::Message { from: *from, sent: *sent, message }
            }
            Some(Coming::Command(ticket, command)) => Entry::Command { ticket: ticket.0, command },
            Some(Coming::Written) => Entry::Written,
        };
        self.input::<P>(now, &entry);
    }

    fn ends(&mut self, process: Option<&P::Process>) {
        if self.segments.is_none() {
            return;
        }
        self.settle();
        // A process that failed in the middle of an input is not to be looked at.
        let looks = !std::thread::panicking();
        let entry = Entry::<(), (), ()>::End(self.mark::<P>(process, looks));
        let now = self.clock.now();
        self.write(|segments, timeline| {
            segments.push(timeline.moment(now), &entry)?;
            segments.flush()
        });
    }
}
