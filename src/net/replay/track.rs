//! The recording of one process, read again.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::identity::{Address, Identity};
use crate::process::Protocol;
use crate::time::Now;
use crate::wire;

use super::super::record::format::{
    Entry, FRAME, Flaw, Header, LONGEST_ENTRY, Moment, Outline, Readable, SIGHT, Segment, Timeline,
    outline,
};
use super::super::record::has_broken_off;
use super::{ReplayError, unread};

/// What is known of a process's recording before it is replayed.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) process: Address,
    /// Of its first segment.
    pub(super) header: Header,
    files: Vec<PathBuf>,
    /// Where the last good entry ends: in which file, after how many bytes.
    end: (usize, u64),
    /// What is behind that.
    pub(super) cut: Option<Cut>,
    /// When the last input came, by the program's monotonic clock.
    pub(super) last_input_ns: u64,
    /// Until when it is known to have been there, by the same.
    pub(super) ends_ns: u64,
    /// Whether it is known that nothing more came; and if so, whether the process had ended.
    pub(super) ended: Option<bool>,
    /// Whether it could not be recorded further, and is known to have gone on.
    pub(super) is_broken_off: bool,
    /// How many events are on record.
    pub(super) events: u64,
    /// What it had last from each other process.
    pub(super) heard: BTreeMap<Identity, Heard>,
    density: Density,
}

/// Of what a process received from another, what that one sent last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// The sender's event.
    pub(super) sent: u64,
    /// When it was received, by the receiver's monotonic clock.
    pub(super) at_ns: u64,
}

/// How many bytes of a recording an event takes.
#[derive(Clone, Copy, Debug)]
struct Density {
    /// At least, in any stretch of so many events.
    least: u64,
    /// Of the stretch that is being read.
    bytes: u64,
    events: u64,
}

impl Density {
    const STRETCH: u64 = 64;

    /// Nothing is known but that each event leaves its sight.
    fn unknown() -> Density {
        Density { least: u64::MAX, bytes: 0, events: 0 }
    }

    fn note(&mut self, bytes: u64, events: u64) {
        self.bytes += bytes;
        self.events += events;
        if self.events >= Density::STRETCH {
            self.least = self.least.min(self.bytes / self.events);
            (self.bytes, self.events) = (0, 0);
        }
    }

    fn least(self) -> u64 {
        if self.least == u64::MAX { SIGHT as u64 } else { self.least.max(SIGHT as u64) }
    }
}

/// Why a recording is read up to a point and no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// In which file.
    pub file: PathBuf,
    /// After how many bytes.
    pub at: u64,
    /// How many bytes are left out.
    pub bytes: u64,
    /// Whether they are not what was written, rather than the beginning of something that was not
    /// written to its end, as a program leaves that is killed.
    pub is_spoilt: bool,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut { file, at, bytes, is_spoilt } = self;
        let file = file.display();
        match is_spoilt {
            true => write!(f, "{file} is spoilt after byte {at}; {bytes} bytes are not read"),
            false => write!(f, "{file} breaks off in its last record ({bytes} bytes are left out)"),
        }
    }
}

impl Track {
    /// Looks through the segments of one life of a process, the first one first.
    pub(super) fn survey(
        process: Address,
        files: Vec<(Header, PathBuf)>,
    ) -> Result<Track, ReplayError> {
        let name = || process.to_string();
        let Some((header, _)) = files.first().cloned() else {
            return Err(ReplayError::Gap { process: name(), segment: 0 });
        };
        if header.segment > 0 {
            return Err(ReplayError::BeginsLater { process: name(), inputs: header.inputs });
        }
        for (number, (other, _)) in (0..).zip(&files) {
            if other.segment != number {
                return Err(ReplayError::Gap { process: name(), segment: number });
            }
        }
        let mut track = Track {
            process,
            files: files.into_iter().map(|(_, path)| path).collect(),
            end: (0, 0),
            cut: None,
            last_input_ns: header.monotonic_ns,
            ends_ns: header.monotonic_ns,
            ended: None,
            is_broken_off: false,
            events: 0,
            heard: BTreeMap::new(),
            density: Density::unknown(),
            header,
        };
        let mut folders = track.files.iter().filter_map(|path| path.parent());
        track.is_broken_off = folders.any(|folder| has_broken_off(folder, process));
        for (index, path) in track.files.clone().iter().enumerate() {
            let segment = Segment::open(path).map_err(unread(path))?;
            if let Some(cut) = track.look_through(index, segment)? {
                track.cut = Some(cut);
                break;
            }
        }
        Ok(track)
    }

    /// Takes note of what stands in a segment; says where it cannot be read further.
    fn look_through(
        &mut self,
        index: usize,
        mut segment: Segment,
    ) -> Result<Option<Cut>, ReplayError> {
        let is_last = index + 1 == self.files.len();
        let mut timeline = Timeline(segment.header.now());
        loop {
            let at = segment.at;
            self.end = (index, at);
            let (bytes, is_spoilt) = match segment.next() {
                Ok(None) => return Ok(None),
                Ok(Some(entry)) => {
                    let bytes = (FRAME + entry.len()) as u64;
                    let Some((moment, entry)) = outline(entry) else {
                        return Err(ReplayError::Entry { file: segment.path, at });
                    };
                    self.note(timeline.now(moment), &entry, bytes);
                    continue;
                }
                Err(Flaw::Io(error)) => {
                    return Err(ReplayError::File { path: segment.path, error });
                }
                // Nothing follows in another file what was not written to its end.
                Err(Flaw::Torn(bytes)) => (bytes, !is_last),
                Err(Flaw::Spoilt(bytes)) => (bytes, true),
            };
            return Ok(Some(Cut { file: segment.path, at, bytes, is_spoilt }));
        }
    }

    fn note(&mut self, now: Now, entry: &Outline, bytes: u64) {
        let at_ns = now.monotonic_ns;
        let events = if let Entry::Did(sights) = entry { sights.len() as u64 } else { 0 };
        self.events += events;
        self.density.note(bytes, events);
        if let Entry::Message { from, sent, .. } = *entry {
            let heard = self.heard.entry(from).or_insert(Heard { sent, at_ns });
            if sent > heard.sent {
                *heard = Heard { sent, at_ns };
            }
        }
        self.ends_ns = self.ends_ns.max(now.monotonic_ns);
        if entry.is_input() {
            self.last_input_ns = self.last_input_ns.max(now.monotonic_ns);
        }
        if let Entry::End(mark) = entry {
            self.ended = Some(mark.is_over);
        }
    }

    /// Whose it is.
    pub(super) fn who(&self) -> Identity {
        self.process.identity
    }

    /// How many bytes so many more events would have taken, by those on record.
    pub(super) fn bytes_of(&self, events: u64) -> u64 {
        events.saturating_mul(self.density.least())
    }

    /// Whether it comes to no end, though all of it is what was written.
    pub(super) fn lacks_end(&self) -> bool {
        self.ended.is_none() && !self.is_spoilt()
    }

    /// Whether something in it is not what was written.
    pub(super) fn is_spoilt(&self) -> bool {
        self.cut.as_ref().is_some_and(|cut| cut.is_spoilt)
    }

    /// The message that came from this process's event, if one did.
    pub(super) fn message<P: Protocol>(
        self: &Arc<Track>,
        from: Identity,
        sent: u64,
    ) -> Result<Option<P::Message>, ReplayError>
    where
        P::Command: DeserializeOwned,
    {
        let mut reader = Reader::new(self.clone());
        while let Some(entry) = reader.entry()? {
            let is_it = |entry: &Outline| {
                matches!(entry, Entry::Message { from: of, sent: number, .. }
                    if (*of, *number) == (from, sent))
            };
            if outline(entry).is_some_and(|(_, entry)| is_it(&entry))
                && let Ok((_, Entry::Message { message, .. })) = decode::<P>(entry)
            {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}

fn decode<P: Protocol>(entry: &[u8]) -> Result<(Moment, Readable<P>), wire::WireError>
where
    P::Command: DeserializeOwned,
{
    wire::decode(entry, LONGEST_ENTRY)
}

/// Reads what stands in a recording, up to where it is good.
#[derive(Debug)]
pub(super) struct Reader {
    track: Arc<Track>,
    /// The file that comes next.
    index: usize,
    segment: Option<(Segment, Timeline)>,
}

impl Reader {
    /// At the beginning.
    pub(super) fn new(track: Arc<Track>) -> Reader {
        Reader { track, index: 0, segment: None }
    }

    /// The next entry, with its time.
    pub(super) fn next<P: Protocol>(&mut self) -> Result<Option<(Now, Readable<P>)>, ReplayError>
    where
        P::Command: DeserializeOwned,
    {
        let decoded = self.entry()?.map(decode::<P>);
        let (Some(decoded), Some((segment, timeline))) = (decoded, &mut self.segment) else {
            return Ok(None);
        };
        let refused = |_| ReplayError::Entry { file: segment.path.clone(), at: segment.at };
        let (moment, entry) = decoded.map_err(refused)?;
        Ok(Some((timeline.now(moment), entry)))
    }

    /// The next entry, as far as its kind goes, with its time.
    pub(super) fn outline(&mut self) -> Result<Option<(Now, Outline)>, ReplayError> {
        let told = self.entry()?.map(outline);
        let (Some(told), Some((segment, timeline))) = (told, &mut self.segment) else {
            return Ok(None);
        };
        let unknown = || ReplayError::Entry { file: segment.path.clone(), at: segment.at };
        let (moment, entry) = told.ok_or_else(unknown)?;
        Ok(Some((timeline.now(moment), entry)))
    }

    /// The next entry as it stands there.
    fn entry(&mut self) -> Result<Option<&[u8]>, ReplayError> {
        let (last, end) = self.track.end;
        loop {
            let is_at_end = |segment: &Segment, index: usize| {
                index == last + 1 && segment.at >= end || segment.is_read()
            };
            match &self.segment {
                Some((segment, _)) if !is_at_end(segment, self.index) => break,
                _ => {
                    let Some(path) = self.track.files.get(self.index) else { return Ok(None) };
                    if self.index > last {
                        return Ok(None);
                    }
                    let segment = Segment::open(path).map_err(unread(path))?;
                    let timeline = Timeline(segment.header.now());
                    self.index += 1;
                    self.segment = Some((segment, timeline));
                }
            }
        }
        let Some((segment, _)) = &mut self.segment else { return Ok(None) };
        let (files, index, at) = (&self.track.files, self.index - 1, segment.at);
        segment.next().map_err(|flaw| match flaw {
            Flaw::Io(error) => ReplayError::File { path: files[index].clone(), error },
            Flaw::Torn(_) | Flaw::Spoilt(_) => {
                ReplayError::Entry { file: files[index].clone(), at }
            }
        })
    }
}
