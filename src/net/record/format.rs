//! What stands in a recording, byte by byte.
//!
//! A recording is a folder. Each process has files of its own, its *segments*, numbered from 0. A
//! segment begins with a [`Header`], a line of JSON that a person can read too; then come *frames*:
//!
//! ```text
//!  length (4 bytes) │ check (4 bytes) │ moment, entry (postcard)
//! ```
//!
//! The check is over the entry, its place in the file and the file's header, so that no entry
//! passes for another, nor for one under another header. A program that is killed leaves at most
//! one frame that is cut short. Where a file cannot be written further though its process goes on,
//! an empty file beside it says so.

use std::fs::File;
use std::hash::Hasher as _;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::crypto::{Digest, Hasher, Notary, Scheme};
use crate::identity::{Address, Identity};
use crate::process::{Entropy, Field, Protocol};
use crate::time::Now;
use crate::trace::{Event, Fingerprint, Happening as _, Witnessed};

/// The version of the form, told in every header.
pub const RECORDING_FORMAT: u32 = 1;
/// How segments' names end.
pub(crate) const ENDING: &str = "rec";
/// How the name of the file ends that says of a process that its recording broke off.
const BROKEN_OFF: &str = "broken-off";
/// The file that says what was run.
pub(crate) const SCENARIO: &str = "scenario.toml";
/// The longest entry.
pub(crate) const LONGEST_ENTRY: usize = 1 << 27;
/// The longest header.
const LONGEST_HEADER: u64 = 4096;
/// What stands before an entry.
pub(crate) const FRAME: usize = 8;

/// What a segment begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// See [`RECORDING_FORMAT`].
    pub(crate) format: u32,
    /// The protocol.
    pub(crate) protocol: String,
    /// Whose recording it is.
    pub(crate) process: String,
    /// How statements are signed.
    pub(crate) scheme: Scheme,
    /// Drawn for this life of this process; the same in all its segments.
    pub(crate) life: u64,
    /// The number of this segment.
    pub(crate) segment: u32,
    /// How many inputs stand in the segments before it.
    pub(crate) inputs: u64,
    /// What the calendar said when the program's monotonic time began.
    pub(crate) origin_ns: u64,
    /// Both clocks, from which the first moment counts.
    pub(crate) monotonic_ns: u64,
    /// The other one.
    pub(crate) wall_ns: u64,
}

impl Header {
    /// The clocks from which the first moment counts.
    pub(crate) fn now(&self) -> Now {
        Now { monotonic_ns: self.monotonic_ns, wall_ns: self.wall_ns }
    }
}

/// The name of a segment of a process.
pub(crate) fn file_name(process: Address, segment: u32) -> String {
    let name = process.to_string().replace([' ', '.'], "-");
    format!("{name}.{segment:06}.{ENDING}")
}

/// The name of the file that lies beside the segments of a process that could not be recorded
/// further. It is empty: where a disk is full there is room for a name still.
pub(crate) fn broken_off_name(process: Address) -> String {
    let name = process.to_string().replace([' ', '.'], "-");
    format!("{name}.{BROKEN_OFF}")
}

/// Whether a file says that a recording broke off, by its name.
pub(crate) fn is_broken_off(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == BROKEN_OFF)
}

/// Whether a file is a segment, by its name.
pub(crate) fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == ENDING)
}

/// When an entry was made: what has passed since the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// On the monotonic clock.
    after_ns: u64,
    /// By how much more on the calendar's.
    ahead_ns: i64,
}

/// The times of entries, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline(pub(crate) Now);

impl Timeline {
    /// The next entry is made now.
    pub(crate) fn moment(&mut self, now: Now) -> Moment {
        let ahead = |now: Now| now.wall_ns.wrapping_sub(now.monotonic_ns);
        let after_ns = now.monotonic_ns.wrapping_sub(self.0.monotonic_ns);
        let ahead_ns = ahead(now).wrapping_sub(ahead(self.0)) as i64;
        self.0 = now;
        Moment { after_ns, ahead_ns }
    }

    /// When the next entry was made.
    pub(crate) fn now(&mut self, Moment { after_ns, ahead_ns }: Moment) -> Now {
        let Now { monotonic_ns, wall_ns } = self.0;
        let monotonic_ns = monotonic_ns.wrapping_add(after_ns);
        let wall_ns = wall_ns.wrapping_add(after_ns).wrapping_add(ahead_ns as u64);
        self.0 = Now { monotonic_ns, wall_ns };
        self.0
    }
}

/// Something that is recorded of a process; of its protocol's births, messages and commands, or,
/// to be written, of references to them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Entry<B, M, C> {
    /// It came into being.
    Born(B),
    /// It begins.
    Start {
        /// For keys and the like.
        entropy: Entropy,
        /// Who gets whose key, where it makes keys.
        sharers: Vec<(Identity, Identity)>,
    },
    /// A message came.
    Message {
        /// From whom.
        from: Identity,
        /// The sender's event in which it left.
        sent: u64,
        /// What.
        message: M,
    },
    /// The outside asks.
    Command {
        /// To be given back.
        ticket: u64,
        /// What.
        command: C,
    },
    /// What it was writing is safe.
    Written,
    /// Time has passed.
    Tick,
    /// It made a process that could not be.
    InVain {
        /// The event that led to it.
        cause: u64,
        /// Whom.
        whom: Identity,
    },
    /// What came of the input before: an event each.
    Did(Vec<Sight>),
    /// How it stands after all that.
    Mark(Mark),
    /// The same, and nothing more comes to it.
    End(Mark),
}

impl<B, M, C> Entry<B, M, C> {
    /// Whether it tells of something that came to the process.
    pub(crate) fn is_input(&self) -> bool {
        !matches!(self, Entry::Did(_) | Entry::Mark(_) | Entry::End(_))
    }
}

/// An entry to be written.
pub(crate) type Writable<'a, P> =
    Entry<&'a <P as Protocol>::Birth, &'a <P as Protocol>::Message, &'a <P as Protocol>::Command>;

/// An entry that was read.
pub(crate) type Readable<P> =
    Entry<<P as Protocol>::Birth, <P as Protocol>::Message, <P as Protocol>::Command>;

/// An entry of no particular protocol, as far as its kind goes.
pub(crate) type Outline = Entry<(), (), ()>;

/// What is kept of an event: its sort, and a check of its canonical form, two bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sight([u8; SIGHT]);

/// How many bytes are kept of an event.
pub(crate) const SIGHT: usize = 4;

impl Sight {
    /// Of one event after the other; the digest of all is taken with it.
    pub(crate) fn of<P: Protocol>(
        event: &Event<'_, P>,
        notary: &Notary,
        fingerprint: &mut Fingerprint,
    ) -> Sight {
        let [low, high, ..] = Witnessed { event, notary }.sort().to_le_bytes();
        let mut check = SipHasher13::new();
        check.write(fingerprint.form_of(event, notary));
        let [first, second, ..] = check.finish().to_le_bytes();
        Sight([low, high, first, second])
    }

    /// The event's sort.
    pub(crate) fn sort(self) -> u32 {
        u32::from(u16::from_le_bytes([self.0[0], self.0[1]]))
    }
}

/// How a process stands after some of its inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// How many events there were.
    pub(crate) events: u64,
    /// The digest of all of them.
    pub(crate) digest: Digest,
    /// Whether the process has ended by itself.
    pub(crate) is_over: bool,
    /// Its state, where that was looked at: each field's name and hash.
    pub(crate) state: Option<Vec<(String, u64)>>,
}

/// The hash of a field of a state.
pub(crate) fn field_hash(field: &Field) -> u64 {
    let mut hasher = Hasher::new("recorded field");
    hasher.bytes(field.value.as_bytes());
    hasher.finish().half()[0]
}

/// What checks entries of a file that begins with this line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checker(u64);

impl Checker {
    /// For the file with this header.
    pub(crate) fn of(header: &[u8]) -> Checker {
        let mut hasher = SipHasher13::new();
        hasher.write(header);
        Checker(hasher.finish())
    }

    /// The check of an entry that stands there.
    pub(crate) fn check(self, at: u64, entry: &[u8]) -> u32 {
        let mut hasher = SipHasher13::new_with_keys(self.0, at);
        hasher.write(entry);
        hasher.finish() as u32
    }
}

/// Why nothing more can be read.
#[derive(Debug)]
pub(crate) enum Flaw {
    /// The last entry was not written to its end: so many bytes of it are there.
    Torn(u64),
    /// What stands from here on is not what was written; so many bytes.
    Spoilt(u64),
    /// Reading failed.
    Io(io::Error),
}

/// A segment that is being read.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
    checker: Checker,
    file: BufReader<File>,
    /// Where the next frame begins.
    pub(crate) at: u64,
    length: u64,
    entry: Vec<u8>,
}

/// Why a file is not read as a segment.
#[derive(Debug)]
pub(crate) enum Unread {
    /// Reading failed.
    Io(io::Error),
    /// It has a header of another format.
    Format(String),
    /// It has no header.
    Header,
}

impl Segment {
    /// Reads the header.
    pub(crate) fn open(path: &Path) -> Result<Segment, Unread> {
        let file = File::open(path).map_err(Unread::Io)?;
        let length = file.metadata().map_err(Unread::Io)?.len();
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut line = Vec::new();
        let read = (&mut file).take(LONGEST_HEADER).read_until(b'\n', &mut line);
        let at = read.map_err(Unread::Io)? as u64;
        if !line.ends_with(b"\n") {
            return Err(Unread::Header);
        }
        let json: serde_json::Value = serde_json::from_slice(&line).map_err(|_| Unread::Header)?;
        let format = json.get("format").ok_or(Unread::Header)?;
        if *format != RECORDING_FORMAT {
            return Err(Unread::Format(format.to_string()));
        }
        let header = serde_json::from_value(json).map_err(|_| Unread::Header)?;
        let (path, checker) = (path.to_owned(), Checker::of(&line));
        Ok(Segment { path, header, checker, file, at, length, entry: Vec::new() })
    }

    /// Whether all of it was read.
    pub(crate) fn is_read(&self) -> bool {
        self.at >= self.length
    }

    /// The next entry; nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, Flaw> {
        let left = self.length.saturating_sub(self.at);
        if left == 0 {
            return Ok(None);
        }
        if left < FRAME as u64 {
            return Err(Flaw::Torn(left));
        }
        let mut frame = [0; FRAME];
        self.file.read_exact(&mut frame).map_err(Flaw::Io)?;
        let [a, b, c, d, rest @ ..] = frame;
        let length = u32::from_le_bytes([a, b, c, d]);
        if length == 0 || length as usize > LONGEST_ENTRY {
            return Err(Flaw::Spoilt(left));
        }
        let end = FRAME as u64 + u64::from(length);
        if end > left {
            return Err(Flaw::Torn(left));
        }
        self.entry.clear();
        let read = (&mut self.file).take(u64::from(length)).read_to_end(&mut self.entry);
        if read.map_err(Flaw::Io)? != length as usize {
            return Err(Flaw::Torn(left));
        }
        if self.checker.check(self.at, &self.entry) != u32::from_le_bytes(rest) {
            // The last one may have been written in part only, though its room was made.
            let is_last = end == left;
            return Err(if is_last { Flaw::Torn(left) } else { Flaw::Spoilt(left) });
        }
        self.at += end;
        Ok(Some(&self.entry))
    }
}

/// Moment and kind of an entry, whatever its protocol; nothing if it has none.
pub(crate) fn outline(entry: &[u8]) -> Option<(Moment, Outline)> {
    let (moment, rest) = postcard::take_from_bytes::<Moment>(entry).ok()?;
    let (kind, content) = postcard::take_from_bytes::<u32>(rest).ok()?;
    let mark = || postcard::from_bytes::<Mark>(content).ok();
    let entry = match kind {
        0 => Entry::Born(()),
        1 => Entry::Start { entropy: [0; 32], sharers: Vec::new() },
        2 => {
            let (from, content) = postcard::take_from_bytes(content).ok()?;
            let (sent, _) = postcard::take_from_bytes(content).ok()?;
            Entry::Message { from, sent, message: () }
        }
        3 => Entry::Command { ticket: 0, command: () },
        4 => Entry::Written,
        5 => Entry::Tick,
        6 => Entry::InVain { cause: 0, whom: Identity::OLYMPUS },
        7 => Entry::Did(postcard::from_bytes(content).ok()?),
        8 => Entry::Mark(mark()?),
        9 => Entry::End(mark()?),
        _ => return None,
    };
    Some((moment, entry))
}
