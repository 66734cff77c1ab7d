//! Length-prefixed frames: what turns a stream of bytes into messages.
//!
//! A frame is its length in four bytes, little-endian, and then so many bytes. A length over the
//! limit is refused before anything is kept for it, so a reader never holds more than a frame and
//! what came with it.

/// How many bytes the length takes.
const PREFIX: usize = 4;

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It is longer than allowed.
    #[error("a frame of {length} bytes is longer than {limit}; send less at a time")]
    TooLong {
        /// The length that it announces, or that it has.
        length: usize,
        /// The length that is allowed.
        limit: usize,
    },
}

/// Puts a frame behind what is in `to`: whatever `write` puts there.
///
/// # Errors
///
/// If that is longer than the limit; then nothing is put there.
pub(super) fn put(
    to: &mut Vec<u8>,
    limit: usize,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<(), FrameError> {
    let begin = to.len();
    to.extend([0; PREFIX]);
    write(to);
    let length = to.len() - begin - PREFIX;
    match u32::try_from(length).ok().filter(|_| length <= limit) {
        Some(announced) => {
            to[begin..begin + PREFIX].copy_from_slice(&announced.to_le_bytes());
            Ok(())
        }
        None => {
            to.truncate(begin);
            Err(FrameError::TooLong { length, limit })
        }
    }
}

/// Takes bytes as they come and gives frames.
#[derive(Debug)]
pub(super) struct Frames {
    limit: usize,
    bytes: Vec<u8>,
    /// Up to where they have been given out.
    taken: usize,
}

impl Frames {
    /// For frames that are not longer than this.
    pub(super) const fn within(limit: usize) -> Frames {
        Frames { limit, bytes: Vec::new(), taken: 0 }
    }

    /// Longer frames are allowed from now on.
    pub(super) fn widen(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Bytes came.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes have not been given out.
    pub(super) fn rest(&self) -> usize {
        self.bytes.len() - self.taken
    }

    /// The next frame, if it is whole.
    ///
    /// # Errors
    ///
    /// If it is longer than allowed. There is no way to go on then.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let rest = &self.bytes[self.taken..];
        let Some((prefix, body)) = rest.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*prefix) as usize;
        if length > self.limit {
            return Err(FrameError::TooLong { length, limit: self.limit });
        }
        if body.len() < length {
            return Ok(None);
        }
        let begin = self.taken + PREFIX;
        self.taken = begin + length;
        Ok(Some(&self.bytes[begin..self.taken]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All frames in these bytes, fed in pieces of this size.
    fn read(bytes: &[u8], piece: usize, limit: usize) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut frames = Frames::within(limit);
        let mut found = Vec::new();
        for piece in bytes.chunks(piece) {
            frames.feed(piece);
            while let Some(frame) = frames.next()? {
                found.push(frame.to_vec());
            }
        }
        Ok(found)
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_they_are_cut(
            sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10),
            piece in 1..64usize,
        ) {
            let mut bytes = Vec::new();
            for frame in &sent {
                put(&mut bytes, 40, |to| to.extend_from_slice(frame)).unwrap();
            }
            prop_assert_eq!(read(&bytes, piece, 40), Ok(sent));
        }

        #[test]
        fn any_bytes_are_frames_or_refused_and_nothing_is_kept_for_them(
            bytes in any::<Vec<u8>>(),
            piece in 1..64usize,
        ) {
            let mut frames = Frames::within(16);
            for piece in bytes.chunks(piece) {
                frames.feed(piece);
                loop {
                    match frames.next() {
                        Ok(Some(frame)) => prop_assert!(frame.len() <= 16),
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(frames.bytes.capacity() < 512, "{}", frames.bytes.capacity());
            }
        }
    }

    #[test]
    fn a_frame_over_the_limit_is_neither_written_nor_read() {
        let mut bytes = vec![1];
        let refusal = Err(FrameError::TooLong { length: 9, limit: 8 });
        assert_eq!(put(&mut bytes, 8, |to| to.extend([0; 9])), refusal);
        assert_eq!(bytes, [1]);
        let huge = u32::MAX.to_le_bytes();
        let length = u32::MAX as usize;
        assert_eq!(read(&huge, 4, 8), Err(FrameError::TooLong { length, limit: 8 }));
    }
}
