//! What is written is what is read, and what is not is noticed.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::format::{Flaw, Moment, Readable, Segment, Unread, file_name, outline};
use super::*;
use crate::crypto::Digest;
use crate::identity::Identity;

type Any = Entry<Vec<u8>, String, u16>;

/// A folder that is there as long as its test.
pub(in crate::net) struct Scratch(PathBuf);

impl Scratch {
    /// One with this name, not made yet.
    pub(in crate::net) fn new(name: &str) -> Scratch {
        let name = format!("perjury-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::remove_dir_all(&folder).ok();
        Scratch(folder)
    }
}

impl std::ops::Deref for Scratch {
    type Target = PathBuf;

    fn deref(&self) -> &PathBuf {
        &self.0
    }
}

impl AsRef<Path> for Scratch {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Writes the recording of a process anew, with other entries.
pub(in crate::net) fn rewrite<P: Protocol>(
    folder: &Path,
    process: Address,
    change: impl Fn(&mut Readable<P>),
) where
    P::Command: serde::de::DeserializeOwned,
{
    rewrite_all::<P>(folder, process, |_| {}, change);
}

/// Writes it anew as by a program whose calendar was ahead by that much.
pub(in crate::net) fn rewrite_ahead<P: Protocol>(folder: &Path, process: Address, ahead_ns: i64)
where
    P::Command: serde::de::DeserializeOwned,
{
    let head = |header: &mut Header| {
        let origin_ns = header.origin_ns.checked_add_signed(ahead_ns);
        header.origin_ns = origin_ns.expect("it is this side of 1970");
    };
    rewrite_all::<P>(folder, process, head, |_| {});
}

fn rewrite_all<P: Protocol>(
    folder: &Path,
    process: Address,
    head: impl Fn(&mut Header),
    change: impl Fn(&mut Readable<P>),
) where
    P::Command: serde::de::DeserializeOwned,
{
    let path = folder.join(file_name(process, 0));
    let mut segment = Segment::open(&path).expect("it has a header");
    let mut header = segment.header.clone();
    head(&mut header);
    let mut entries = Vec::new();
    while let Some(entry) = segment.next().expect("it is whole") {
        let decoded = crate::wire::decode::<(Moment, Readable<P>)>(entry, entry.len());
        entries.push(decoded.expect("it is what was written"));
    }
    fs::remove_file(&path).expect("it is there");
    let mut segments =
        Segments::begin(folder.to_owned(), process, ROOMY, header).expect("it can be written");
    for (moment, mut entry) in entries {
        change(&mut entry);
        segments.push(moment, &entry).unwrap();
    }
    segments.flush().unwrap();
}

fn scratch(name: &str) -> Scratch {
    let folder = Scratch::new(&format!("record-{name}"));
    fs::create_dir_all(&*folder).unwrap();
    folder
}

const PROCESS: Address = Address::of(Identity::replica(2, 1));

fn header() -> Header {
    Header {
        format: RECORDING_FORMAT,
        protocol: "toy".to_owned(),
        process: PROCESS.to_string(),
        scheme: Scheme::Ideal,
        life: 7,
        segment: 0,
        inputs: 0,
        origin_ns: 5,
        monotonic_ns: 0,
        wall_ns: 0,
    }
}

fn now(monotonic_ns: u64, wall_ns: u64) -> Now {
    Now { monotonic_ns, wall_ns }
}

fn mark() -> Mark {
    let state = Some(vec![("mode".to_owned(), 3)]);
    Mark { events: 4, digest: Digest::from_bytes([6; 32]), is_over: false, state }
}

/// One of each kind, in the order of their kinds.
fn one_of_each() -> Vec<Any> {
    let (from, whom) = (Identity::client(3), Identity::replica(0, 2));
    vec![
        Entry::Born(vec![1, 2, 3]),
        Entry::Start { entropy: [9; 32], sharers: vec![(from, whom)] },
        Entry::Message { from, sent: 300, message: "a message".to_owned() },
        Entry::Command { ticket: 8, command: 500 },
        Entry::Written,
        Entry::Tick,
        Entry::InVain { cause: 3, whom },
        Entry::Did(Vec::new()),
        Entry::Mark(mark()),
        Entry::End(mark()),
    ]
}

/// Writes entries, each at its time; turns at inputs.
fn write(folder: &Path, room: Room, entries: &[(Now, Any)]) {
    let mut segments =
        Segments::begin(folder.to_owned(), PROCESS, room, header()).expect("it can be written");
    let mut timeline = Timeline(now(0, 0));
    for (inputs, (at, entry)) in (0..).zip(entries) {
        segments.turn(inputs, timeline.0).unwrap();
        segments.push(timeline.moment(*at), entry).unwrap();
    }
    segments.flush().unwrap();
}

/// Everything that can be read of the segments that are there, and why no more.
fn read(folder: &Path) -> (Vec<(Now, String)>, Option<Flaw>) {
    let mut paths = segments_in(folder).unwrap();
    paths.sort();
    let mut read = Vec::new();
    for path in paths {
        let mut segment = Segment::open(&path).expect("it has a header");
        let mut timeline = Timeline(segment.header.now());
        loop {
            match segment.next() {
                Ok(None) => break,
                Ok(Some(entry)) => {
                    let decoded = crate::wire::decode::<(Moment, Any)>(entry, entry.len());
                    let (moment, any) = decoded.expect("it is what was written");
                    let (_, told) = outline(entry).expect("it is of some kind");
                    assert_eq!(told.is_input(), any.is_input());
                    read.push((timeline.now(moment), format!("{any:?}")));
                }
                Err(flaw) => return (read, Some(flaw)),
            }
        }
    }
    (read, None)
}

fn shown(entries: &[(Now, Any)]) -> Vec<(Now, String)> {
    entries.iter().map(|(now, entry)| (*now, format!("{entry:?}"))).collect()
}

const ROOMY: Room = Room { segment: 1 << 20, keep: 1 << 30 };

#[test]
fn what_is_written_is_read_again() {
    let folder = scratch("again");
    let entries: Vec<(Now, Any)> = (0..).map(|n| now(n * 10, n * 7)).zip(one_of_each()).collect();
    write(&folder, ROOMY, &entries);
    let (read, flaw) = read(&folder);
    assert_eq!(read, shown(&entries));
    assert!(flaw.is_none());
}

#[test]
fn an_outline_knows_every_kind() {
    let (kinds, moment) = (one_of_each(), Timeline(now(0, 0)).moment(now(1, 1)));
    for entry in kinds {
        let bytes = crate::wire::encode(&(moment, &entry));
        let (_, told) = outline(&bytes).expect("it is known");
        let word = |text: String| text.split(['(', ' ']).next().unwrap_or_default().to_owned();
        assert_eq!(word(format!("{told:?}")), word(format!("{entry:?}")));
    }
    let unknown = crate::wire::encode(&(moment, 10_u32));
    assert!(outline(&unknown).is_none());
}

#[test]
fn a_file_that_is_full_is_followed_by_the_next_and_the_oldest_goes() {
    let folder = scratch("rotated");
    let entry = |n: u64| (now(n, n), Any::Born(vec![n as u8; 500]));
    let entries: Vec<(Now, Any)> = (0..40).map(entry).collect();
    let room = Room { segment: 2_000, keep: 1 << 20 };
    write(&folder, room, &entries);
    assert_eq!(segments_in(&folder).unwrap().len(), 10);
    assert_eq!(read(&folder).0, shown(&entries));
    let fewer = scratch("rotated-fewer");
    let room = Room { keep: 6_500, ..room };
    write(&fewer, room, &entries);
    assert_eq!(segments_in(&fewer).unwrap().len(), 3, "with the one that is written");
    let (read, flaw) = read(&fewer);
    assert_eq!(read, shown(&entries[28..]), "its time counts from the file's beginning");
    assert!(flaw.is_none());
    let first = Segment::open(&fewer.join(file_name(PROCESS, 7))).expect("it is there");
    assert_eq!((first.header.segment, first.header.inputs), (7, 28));
}

#[test]
fn what_was_not_written_to_its_end_is_noticed_wherever_it_breaks_off() {
    let folder = scratch("torn");
    let entries: Vec<(Now, Any)> = (0..).map(|n| now(n * 10, n * 7)).zip(one_of_each()).collect();
    write(&folder, ROOMY, &entries);
    let path = folder.join(file_name(PROCESS, 0));
    let whole = fs::read(&path).unwrap();
    let header = 1 + whole.iter().position(|byte| *byte == b'\n').unwrap();
    let mut ends_well = 0;
    for length in header..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let (read, flaw) = read(&folder);
        assert_eq!(read, shown(&entries[..read.len()]), "of {length} bytes");
        match flaw {
            None => ends_well += 1,
            Some(Flaw::Torn(left)) => assert!(left > 0 && left < whole.len() as u64),
            Some(other) => panic!("{other:?} of {length} bytes"),
        }
    }
    assert_eq!(ends_well, 1 + entries.len(), "between entries alone");
    fs::write(&path, &whole[..header - 1]).unwrap();
    assert!(matches!(Segment::open(&path), Err(Unread::Header)));
}

#[test]
fn another_format_is_refused_by_name() {
    let folder = scratch("format");
    write(&folder, ROOMY, &[]);
    let path = folder.join(file_name(PROCESS, 0));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"format\":1", "\"format\":0")).unwrap();
    assert!(matches!(Segment::open(&path), Err(Unread::Format(found)) if found == "0"));
}

proptest! {
    #[test]
    fn any_times_are_kept(times in proptest::collection::vec(any::<(u64, u64)>(), 0..20)) {
        let [mut written, mut read] = [Timeline(now(3, 4)); 2];
        for (monotonic_ns, wall_ns) in times {
            let at = now(monotonic_ns, wall_ns);
            let moment = written.moment(at);
            prop_assert_eq!(read.now(moment), at);
        }
    }

    #[test]
    fn a_byte_that_is_other_than_it_was_is_noticed(
        place in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let folder = scratch("byte");
        let entries: Vec<(Now, Any)> = (0..).map(|n| now(n, n)).zip(one_of_each()).collect();
        write(&folder, ROOMY, &entries);
        let path = folder.join(file_name(PROCESS, 0));
        let mut bytes = fs::read(&path).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        fs::write(&path, bytes).unwrap();
        if Segment::open(&path).is_ok() {
            let (read, flaw) = read(&folder);
            prop_assert_eq!(&read, &shown(&entries[..read.len()]));
            prop_assert!(flaw.is_some());
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in any::<Vec<u8>>()) {
        let folder = scratch("bytes");
        write(&folder, ROOMY, &[]);
        let path = folder.join(file_name(PROCESS, 0));
        let mut whole = fs::read(&path).unwrap();
        whole.extend(&bytes);
        fs::write(&path, whole).unwrap();
        let (read, flaw) = read(&folder);
        prop_assert!(read.is_empty());
        prop_assert_eq!(flaw.is_none(), bytes.is_empty());
        let _ = outline(&bytes);
    }
}
