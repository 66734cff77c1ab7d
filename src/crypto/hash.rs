//! Content hashes: BLAKE3 over an encoding that keeps unlike statements apart.
//!
//! A [`Hasher`] begins with a domain, so that no statement can pass for one of another kind, and
//! writes every part with a length that is fixed or stated, so that no two lists of parts of the
//! same kinds run together. Most statements fit a short buffer and cost one call of the compression
//! function.

use std::fmt;
use std::sync::OnceLock;

use blake3::hazmat::{self, HasherExt as _};
use serde::{Deserialize, Serialize};

/// A BLAKE3 hash.
///
/// It prints as its first four bytes in hexadecimal, with `{:#}` in full. It has an order so that
/// it may be a key of ordered maps, but a protocol must not let anything depend on that order: it
/// differs with the keys and so with the signature scheme, which a run must not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(#[serde(with = "super::bytes")] [u8; 32]);

impl Digest {
    /// A digest from its bytes, as read or for a test; [`Hasher`] makes those of content.
    pub const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// The bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first half, in words.
    #[inline]
    pub fn half(&self) -> [u64; 2] {
        let (words, _) = self.0.as_chunks::<8>();
        [u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if f.alternate() { &self.0[..] } else { &self.0[..4] };
        shown.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Half of it: enough to tell things apart by what they print.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..16].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A hash over keys or signatures, for instance the name of a block that holds a proof.
///
/// Its bytes differ between signature schemes, so a trace shows it as the ordinal of its first
/// appearance. As with [`Digest`], nothing may depend on its order; it has one to be a key of maps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct HiddenDigest(#[serde(with = "super::bytes")] [u8; 32]);

impl HiddenDigest {
    /// The bytes, to go into other hashes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<Digest> for HiddenDigest {
    fn from(digest: Digest) -> HiddenDigest {
        HiddenDigest(digest.0)
    }
}

/// What keys are derived for, as BLAKE3 has it: a name that is hashed once, not for every key.
pub(super) struct Context {
    name: &'static str,
    key: OnceLock<hazmat::ContextKey>,
}

impl Context {
    pub(super) const fn new(name: &'static str) -> Context {
        Context { name, key: OnceLock::new() }
    }

    /// Derives a key from what it is given.
    pub(super) fn hasher(&self) -> blake3::Hasher {
        let key = self.key.get_or_init(|| hazmat::hash_derive_key_context(self.name));
        blake3::Hasher::new_from_context_key(key)
    }
}

/// Inputs up to this length are hashed in one call from the stack.
const SHORT: usize = 256;

/// Makes the [`Digest`] of a statement from its domain and its parts, in order.
///
/// ```
/// use perjury::crypto::Hasher;
/// let order = Hasher::new("example order").u32(0).u64(7).finish();
/// let wedge = Hasher::new("example wedge").u32(0).u64(7).finish();
/// assert_ne!(order, wedge);
/// ```
pub struct Hasher {
    buffer: [u8; SHORT],
    filled: usize,
    /// What all parts are about, if the hash is keyed by that.
    about: Option<Digest>,
    /// Takes over once the buffer has been full; a short input never allocates it.
    spilled: Option<Box<blake3::Hasher>>,
}

impl Hasher {
    /// A hasher in a domain: a name that no other kind of statement uses.
    #[inline]
    pub fn new(domain: &'static str) -> Hasher {
        let mut hasher = Hasher { buffer: [0; SHORT], filled: 0, about: None, spilled: None };
        hasher.bytes(domain.as_bytes());
        hasher
    }

    /// A hasher in a domain, for a statement about something whose digest is at hand. That digest
    /// is the key of the hash, not a part of its input: of a small statement the compression
    /// function then runs once, where key and parts together would fill two blocks. To find two
    /// pairs of key and input with one hash is to find a collision in that function, as ever.
    #[inline]
    pub fn about(digest: &Digest, domain: &'static str) -> Hasher {
        let mut hasher = Hasher::new(domain);
        hasher.about = Some(*digest);
        hasher
    }

    /// Adds a byte.
    #[inline]
    pub fn u8(&mut self, value: u8) -> &mut Hasher {
        self.raw(&[value])
    }

    /// Adds a number, in four bytes.
    #[inline]
    pub fn u32(&mut self, value: u32) -> &mut Hasher {
        self.raw(&value.to_le_bytes())
    }

    /// Adds a number, in eight bytes.
    #[inline]
    pub fn u64(&mut self, value: u64) -> &mut Hasher {
        self.raw(&value.to_le_bytes())
    }

    /// Adds bytes of any number, their length first.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) -> &mut Hasher {
        self.length(value.len()).raw(value)
    }

    /// Adds the digest of a part.
    #[inline]
    pub fn digest(&mut self, value: &Digest) -> &mut Hasher {
        self.raw(&value.0)
    }

    /// The digest of all that was added.
    #[inline]
    pub fn finish(&self) -> Digest {
        let short = &self.buffer[..self.filled];
        let hash = match (&self.spilled, &self.about) {
            (None, None) => blake3::hash(short),
            (None, Some(key)) => blake3::keyed_hash(&key.0, short),
            (Some(long), _) => long.clone().update(short).finalize(),
        };
        Digest(*hash.as_bytes())
    }

    /// A length as a base-128 number, low digits first: one byte for most.
    #[inline]
    fn length(&mut self, length: usize) -> &mut Hasher {
        let mut rest = length;
        while rest >= 0x80 {
            self.raw(&[(rest & 0x7f) as u8 | 0x80]);
            rest >>= 7;
        }
        self.raw(&[rest as u8])
    }

    #[inline]
    fn raw(&mut self, bytes: &[u8]) -> &mut Hasher {
        let end = self.filled + bytes.len();
        match self.buffer.get_mut(self.filled..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.filled = end;
            }
            None => self.spill(bytes),
        }
        self
    }

    /// Moves what is buffered, and these bytes after it, to the hasher for long inputs.
    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        let about = &self.about;
        let begin = || match about {
            None => blake3::Hasher::new(),
            Some(key) => blake3::Hasher::new_keyed(&key.0),
        };
        let long = self.spilled.get_or_insert_with(|| Box::new(begin()));
        long.update(&self.buffer[..self.filled]).update(bytes);
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a domain and one part, as the documentation has them.
    fn reference(domain: &str, part: &[u8]) -> Digest {
        let mut all = vec![domain.len() as u8];
        all.extend(domain.as_bytes());
        match part.len() {
            short @ 0..0x80 => all.push(short as u8),
            long => all.extend([(long & 0x7f) as u8 | 0x80, (long >> 7) as u8]),
        }
        all.extend(part);
        Digest(*blake3::hash(&all).as_bytes())
    }

    #[test]
    fn short_and_long_inputs_are_hashed_alike() {
        let content: Vec<u8> = (0..2000u32).map(|number| (number % 251) as u8).collect();
        for length in (0..600).chain([1023, 1024, 1025, 2000]) {
            let part = &content[..length];
            let made = Hasher::new("test").bytes(part).finish();
            assert_eq!(made, reference("test", part), "{length}");
        }
    }

    #[test]
    fn the_size_of_the_steps_does_not_matter() {
        for count in [0, 1, 5, 31, 32, 33, 200] {
            let mut hasher = Hasher::new("steps");
            let mut all = Vec::from(*b"\x05steps");
            for number in 0..count {
                hasher.u64(number).u8(7).u32(9).digest(&Digest([8; 32]));
                all.extend(number.to_le_bytes());
                all.extend([7, 9, 0, 0, 0]);
                all.extend([8; 32]);
            }
            assert_eq!(hasher.finish().as_bytes(), blake3::hash(&all).as_bytes(), "{count}");
            assert_eq!(hasher.finish(), hasher.finish());
        }
    }

    #[test]
    fn what_it_is_about_is_the_key_whatever_the_length() {
        let keys = [Digest([1; 32]), Digest([2; 32])];
        for length in [0, 31, 58, 59, 200, 300, 2000] {
            let part = vec![7; length];
            let [one, other] = keys.map(|key| Hasher::about(&key, "test").bytes(&part).finish());
            assert_ne!(one, other, "{length}");
            assert_ne!(one, Hasher::new("test").bytes(&part).finish(), "{length}");
            let mut whole = blake3::Hasher::new_keyed(&keys[0].0);
            let mut prefix = Vec::from(*b"\x04test");
            if length >= 0x80 {
                prefix.extend([(length & 0x7f) as u8 | 0x80, (length >> 7) as u8]);
            } else {
                prefix.push(length as u8);
            }
            assert_eq!(one.as_bytes(), whole.update(&prefix).update(&part).finalize().as_bytes());
        }
    }

    #[test]
    fn parts_and_domains_do_not_run_together() {
        let one = Hasher::new("test").bytes(b"ab").bytes(b"c").finish();
        let other = Hasher::new("test").bytes(b"a").bytes(b"bc").finish();
        assert_ne!(one, other);
        assert_ne!(Hasher::new("ab").finish(), Hasher::new("a").u8(b'b').finish());
        assert_ne!(Hasher::new("a").u64(1).finish(), Hasher::new("b").u64(1).finish());
    }

    #[test]
    fn golden() {
        let digest = Hasher::new("golden").u8(1).u32(2).u64(3).bytes(b"four").finish();
        let again = Hasher::new("golden").digest(&digest).bytes(&[5; 300]).finish();
        insta::assert_snapshot!(format!("{digest:#}\n{again:#}"), @r"
        e5ad8c1c102896ed8f57d8db237f3aca6342f8095a002f97d2b81ee76ce9e3f7
        b0080b7c5ee870f68f2d6a748010590b6716bc2a3a8ce4c3777cc2313626071d
        ");
    }

    #[test]
    fn a_digest_prints_short_and_in_full() {
        let digest = Digest([0xab; 32]);
        assert_eq!(digest.to_string(), "abababab");
        assert_eq!(format!("{digest:?}"), "ab".repeat(16));
        assert_eq!(format!("{digest:#}"), "ab".repeat(32));
    }
}
