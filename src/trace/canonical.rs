//! The canonical form: the bytes that a digest is taken of, the same on every machine.
//!
//! It is compact: neither names of fields nor those of variants stand in it, since the type says
//! them, and what differs between signature schemes has been taken out by `describe`. Every piece
//! states where it ends, so that no two contents have the same bytes.

use std::fmt::Display;
use std::io::Write as _;

use crate::crypto::{Digest, Seal};

use super::describe::Sink;

/// How many bytes are hashed at a time. BLAKE3 works through so many, if they begin at a multiple
/// of as many, side by side from end to end.
const PIECE: usize = 1 << 16;

/// Numbers from here on are written in eight bytes, with this before them.
const LONG: u64 = 0xff;

/// A packed signer leaves the highest bit for whether the signature is valid.
const VALID_SHIFT: u32 = 63;

/// Gathers the canonical form and hashes it.
#[derive(Clone, Debug)]
pub(super) struct Canonical {
    hasher: blake3::Hasher,
    /// What is not hashed yet.
    bytes: Vec<u8>,
    /// Whether lists of signed statements are told in one where they can be.
    in_one: bool,
}

impl Canonical {
    /// Nothing yet, in a domain of its own.
    pub(super) fn new(domain: &str) -> Canonical {
        Canonical {
            hasher: blake3::Hasher::new_derive_key(domain),
            bytes: Vec::with_capacity(PIECE + PIECE / 8),
            in_one: true,
        }
    }

    /// The same, with every statement of a list told by itself.
    #[cfg(feature = "net")]
    pub(super) fn one_by_one(domain: &str) -> Canonical {
        Canonical { in_one: false, ..Canonical::new(domain) }
    }

    /// The hash of everything so far.
    pub(super) fn digest(&self) -> Digest {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.bytes);
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// What is gathered and not hashed yet.
    #[inline]
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes
    }

    /// Hashes what is gathered, if it is enough to be worth it.
    #[inline]
    pub(super) fn hash_full_pieces(&mut self) {
        if self.bytes.len() >= PIECE {
            self.hash_pieces();
        }
    }

    #[cold]
    fn hash_pieces(&mut self) {
        let mut hashed = 0;
        for piece in self.bytes.chunks_exact(PIECE) {
            self.hasher.update(piece);
            hashed += PIECE;
        }
        self.bytes.drain(..hashed);
    }

    /// Words of eight bytes.
    #[inline]
    pub(super) fn words<const N: usize>(&mut self, words: [u64; N]) {
        self.bytes.extend_from_slice(words.map(u64::to_le_bytes).as_flattened());
    }

    /// A number, most of which are small.
    #[inline]
    pub(super) fn u64(&mut self, value: u64) {
        if value < LONG {
            self.u8(value as u8);
        } else {
            self.u8(LONG as u8);
            self.words([value]);
        }
    }

    #[inline]
    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Bytes with their length before them.
    #[inline]
    pub(super) fn run(&mut self, bytes: &[u8]) {
        self.u64(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }
}

impl Sink for Canonical {
    #[inline]
    fn nothing(&mut self) {
        self.u8(0);
    }

    #[inline]
    fn something(&mut self) {
        self.u8(1);
    }

    #[inline]
    fn truth(&mut self, value: bool) {
        self.u8(1 + u8::from(value));
    }

    #[inline]
    fn number(&mut self, value: u64) {
        self.u64(value);
    }

    fn signed_number(&mut self, value: i64) {
        self.words([value as u64]);
    }

    #[inline]
    fn text(&mut self, value: &str) {
        self.run(value.as_bytes());
    }

    fn shown(&mut self, value: &dyn Display) {
        let length_at = self.bytes.len();
        self.words([0]);
        write!(self.bytes, "{value}").expect("a vector takes all that is written");
        let length = (self.bytes.len() - length_at - 8) as u64;
        self.bytes[length_at..length_at + 8].copy_from_slice(&length.to_le_bytes());
    }

    fn bytes(&mut self, value: &[u8]) {
        self.run(value);
    }

    #[inline]
    fn digest(&mut self, value: &Digest) {
        // As much as is needed to tell contents apart that nobody made to be alike.
        self.words(value.half());
    }

    #[inline]
    fn identity(&mut self, packed: u64) {
        self.words([packed]);
    }

    #[inline]
    fn is_terse(&self) -> bool {
        true
    }

    #[inline]
    fn takes_gists(&self) -> bool {
        self.in_one
    }

    #[inline]
    fn seal(&mut self, seal: &Seal, valid: bool, stands_for_body: bool) {
        let who = seal.signer | u64::from(valid) << VALID_SHIFT;
        if !stands_for_body {
            return self.words([who]);
        }
        // Both in the room of one: who else signed this or something else makes other words.
        let [first, second] = seal.hash.half();
        self.words([first ^ who, second]);
    }

    #[inline]
    fn gist(&mut self, shown: &[u8]) {
        self.bytes.extend_from_slice(shown);
    }

    fn ordinal(&mut self, ordinal: u32) {
        self.u64(u64::from(ordinal));
    }

    #[inline]
    fn variant(&mut self, index: u32, _: &'static str) {
        self.u64(u64::from(index));
    }

    #[inline]
    fn list(&mut self, length: usize) {
        self.u64(length as u64);
    }

    #[inline]
    fn fields(&mut self) {}

    #[inline]
    fn field(&mut self, _: &'static str) {}

    #[inline]
    fn end(&mut self) {}
}
