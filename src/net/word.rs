//! What nodes say to each other over a connection, a frame each.

use super::frame::{self, FrameError};

/// What nodes say to each other over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// The caller is in this session, and was given this charter.
    Hello { session: u64, charter: u64 },
    /// The called is in this session, and has got all bundles of the caller's up to this one.
    Welcome { session: u64, received: u64 },
    /// A bundle.
    Bundle { number: u64, bytes: &'a [u8] },
    /// All bundles up to this one have come.
    Received { number: u64 },
    /// The caller wants to hear which bundle came last: whether the called is still there.
    Beat { number: u64 },
}

impl<'a> Word<'a> {
    pub(super) fn put(&self, to: &mut Vec<u8>, limit: usize) -> Result<(), FrameError> {
        frame::put(to, limit, |to| match *self {
            Word::Hello { session, charter } => put_numbers(to, 1, &[session, charter]),
            Word::Welcome { session, received } => put_numbers(to, 2, &[session, received]),
            Word::Bundle { number, bytes } => {
                put_numbers(to, 3, &[number]);
                to.extend_from_slice(bytes);
            }
            Word::Received { number } => put_numbers(to, 4, &[number]),
            Word::Beat { number } => put_numbers(to, 5, &[number]),
        })
    }

    /// The word in a frame, if there is one.
    pub(super) fn read(frame: &'a [u8]) -> Option<Word<'a>> {
        let (kind, rest) = frame.split_first()?;
        let (first, rest) =
            rest.split_first_chunk().map(|(n, rest)| (u64::from_le_bytes(*n), rest))?;
        match (kind, rest) {
            (1 | 2, rest) => {
                let second = u64::from_le_bytes(rest.try_into().ok()?);
                Some(match kind {
                    1 => Word::Hello { session: first, charter: second },
                    _ => Word::Welcome { session: first, received: second },
                })
            }
            (3, bytes) => Some(Word::Bundle { number: first, bytes }),
            (4, []) => Some(Word::Received { number: first }),
            (5, []) => Some(Word::Beat { number: first }),
            _ => None,
        }
    }
}

fn put_numbers(to: &mut Vec<u8>, kind: u8, numbers: &[u64]) {
    to.push(kind);
    to.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}
