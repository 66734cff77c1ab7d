//! The files of one process's recording, as they are written: one after the other, the oldest of
//! them dropped when there are too many.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::Serialize;

use crate::identity::Address;
use crate::time::Now;
use crate::wire;

use super::format::{Checker, FRAME, Header, LONGEST_ENTRY, Moment, broken_off_name, file_name};

/// How much is gathered before it is written.
pub(crate) const BUFFER: usize = 1 << 16;

/// How large files become, and how much of them is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// After so many bytes another file begins.
    pub(super) segment: u64,
    /// When there are more bytes than this, the oldest file goes.
    pub(super) keep: u64,
}

/// The files of one process.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    process: Address,
    room: Room,
    header: Header,
    checker: Checker,
    file: File,
    /// How much of this file is written or gathered.
    length: u64,
    /// What is gathered: whole entries.
    gathered: Vec<u8>,
    /// The files before this one that are still there, with their lengths.
    older: VecDeque<(u32, u64)>,
}

impl Segments {
    /// Begins the first.
    pub(super) fn begin(
        folder: PathBuf,
        process: Address,
        room: Room,
        header: Header,
    ) -> io::Result<Segments> {
        let file = create(&folder.join(file_name(process, header.segment)))?;
        let older = VecDeque::new();
        let gathered = Vec::with_capacity(BUFFER);
        let checker = Checker::of(&[]);
        let length = 0;
        let mut segments =
            Segments { folder, process, room, header, checker, file, length, gathered, older };
        segments.head()?;
        Ok(segments)
    }

    /// The next file, if this one is full. Nothing of an entry stands in two.
    pub(super) fn turn(&mut self, inputs: u64, now: Now) -> io::Result<()> {
        if self.length < self.room.segment {
            return Ok(());
        }
        self.flush()?;
        self.older.push_back((self.header.segment, self.length));
        self.header.segment += 1;
        self.header.inputs = inputs;
        self.header.monotonic_ns = now.monotonic_ns;
        self.header.wall_ns = now.wall_ns;
        self.file = create(&self.folder.join(file_name(self.process, self.header.segment)))?;
        self.length = 0;
        self.head()?;
        self.drop_oldest()
    }

    fn drop_oldest(&mut self) -> io::Result<()> {
        let mut kept: u64 = self.older.iter().map(|(_, length)| length).sum();
        // What is being written may become as long as all others.
        while kept.saturating_add(self.room.segment) > self.room.keep
            && let Some((segment, length)) = self.older.pop_front()
        {
            fs::remove_file(self.folder.join(file_name(self.process, segment)))?;
            kept -= length;
        }
        Ok(())
    }

    fn head(&mut self) -> io::Result<()> {
        let mut line = serde_json::to_vec(&self.header)?;
        line.push(b'\n');
        self.checker = Checker::of(&line);
        self.length += line.len() as u64;
        self.gathered.extend(line);
        // Whoever looks into the folder sees whose file it is.
        self.flush()
    }

    /// Adds an entry.
    pub(super) fn push<T: Serialize>(&mut self, moment: Moment, entry: &T) -> io::Result<()> {
        let begin = self.gathered.len();
        self.gathered.extend([0; FRAME]);
        wire::encode_to(&mut self.gathered, &(moment, entry));
        let length = self.gathered.len() - begin - FRAME;
        if length > LONGEST_ENTRY {
            self.gathered.truncate(begin);
            return Err(io::Error::other(format!(
                "an entry has {length} bytes, more than {LONGEST_ENTRY}; send less at a time"
            )));
        }
        let (frame, entry) = self.gathered[begin..].split_at_mut(FRAME);
        frame[..4].copy_from_slice(&(entry.len() as u32).to_le_bytes());
        frame[4..].copy_from_slice(&self.checker.check(self.length, entry).to_le_bytes());
        self.length += (FRAME + entry.len()) as u64;
        if self.gathered.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Leaves word that nothing follows though the process goes on.
    pub(super) fn break_off(&mut self) {
        // What was gathered before may still find its place, and if there is none for the word
        // either, whoever reads may know it from what others received.
        let _ = self.flush();
        let _ = create(&self.folder.join(broken_off_name(self.process)));
    }

    /// Writes what is gathered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.gathered);
        self.gathered.clear();
        self.gathered.shrink_to(BUFFER);
        written
    }
}

/// A new file. It holds keys: nobody else may read it.
fn create(path: &std::path::Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
