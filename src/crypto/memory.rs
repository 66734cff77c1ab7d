//! What a notary remembers of good signatures, so as not to check them twice.
//!
//! Everybody in a simulation asks the same notary, and a statement passes through many hands: with
//! real signatures, remembering those made or checked before saves nearly all curve arithmetic.
//! An answer from memory requires key, message and signature to agree in full, so memory changes
//! the cost of an answer and never the answer.

use super::hash::Digest;
use super::keys::PublicKey;
use super::signature::word;

/// Whether a notary remembers good signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Every signature is checked.
    None,
    /// The last good ones, about this many, are remembered.
    Remember {
        /// The number of signatures; rounded up to a power of two, and at most [`Memory::LIMIT`].
        capacity: usize,
    },
}

impl Memory {
    /// A memory that holds what is in flight in most runs, in about 1.5 MB.
    pub const USUAL: Memory = Memory::Remember { capacity: 16_384 };

    /// The largest capacity.
    pub const LIMIT: usize = 1 << 20;
}

/// A statement that was found to be signed well.
#[derive(Clone)]
struct Entry {
    key: PublicKey,
    message: Digest,
    signature: [u8; 64],
}

/// The entries that share a place: a newer one pushes out the oldest of its set alone.
const WAYS: usize = 4;

/// A set-associative table; which entries it holds depends on nothing but what was put in.
#[derive(Clone)]
pub(super) struct Table {
    /// Empty until the first entry, then of the length below.
    sets: Vec<[Option<Entry>; WAYS]>,
    length: usize,
}

impl Table {
    pub(super) fn new(capacity: usize) -> Table {
        let sets = capacity.clamp(1, Memory::LIMIT).div_ceil(WAYS);
        Table { sets: Vec::new(), length: sets.next_power_of_two() }
    }

    /// Whether exactly this was put in, and is still there.
    pub(super) fn holds(&self, key: &PublicKey, message: &Digest, signature: &[u8; 64]) -> bool {
        let set = self.sets.get(self.place(signature));
        set.into_iter().flatten().flatten().any(|entry| {
            entry.signature == *signature && entry.message == *message && entry.key == *key
        })
    }

    pub(super) fn put(&mut self, key: &PublicKey, message: &Digest, signature: &[u8; 64]) {
        if self.sets.is_empty() {
            self.sets.resize(self.length, [const { None }; WAYS]);
        }
        let place = self.place(signature);
        let set = &mut self.sets[place];
        set.rotate_right(1);
        set[0] = Some(Entry { key: *key, message: *message, signature: *signature });
    }

    fn place(&self, signature: &[u8; 64]) -> usize {
        let fingerprint = word(signature, 0) ^ word(signature, 32);
        (fingerprint & (self.length as u64 - 1)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> (PublicKey, Digest, [u8; 64]) {
        let key = PublicKey::from_bytes([number as u8; 32]);
        let mut signature = [0; 64];
        signature[..8].copy_from_slice(&number.to_le_bytes());
        (key, Digest::from_bytes([number as u8; 32]), signature)
    }

    #[test]
    fn only_the_whole_statement_is_found() {
        let mut table = Table::new(64);
        let (key, message, signature) = entry(1);
        assert!(!table.holds(&key, &message, &signature));
        table.put(&key, &message, &signature);
        assert!(table.holds(&key, &message, &signature));
        let (other_key, other_message, other_signature) = entry(2);
        assert!(!table.holds(&other_key, &message, &signature));
        assert!(!table.holds(&key, &other_message, &signature));
        assert!(!table.holds(&key, &message, &other_signature));
    }

    #[test]
    fn a_set_forgets_its_oldest() {
        let mut table = Table::new(1);
        for number in 0..6 {
            let (key, message, signature) = entry(number);
            table.put(&key, &message, &signature);
        }
        let held = (0..6).filter(|number| {
            let (key, message, signature) = entry(*number);
            table.holds(&key, &message, &signature)
        });
        assert_eq!(held.collect::<Vec<_>>(), [2, 3, 4, 5]);
    }

    #[test]
    fn the_table_keeps_to_its_capacity() {
        let lengths = [0, 1, 4, 5, 16_384, usize::MAX].map(|capacity| Table::new(capacity).length);
        assert_eq!(lengths, [1, 1, 1, 2, 4096, Memory::LIMIT / WAYS]);
        let mut table = Table::new(8);
        for number in 0..1000 {
            let (key, message, signature) = entry(number);
            table.put(&key, &message, &signature);
        }
        assert_eq!(table.sets.len(), 2);
    }
}
