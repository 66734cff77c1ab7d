//! Contents in two words: what digests of runs are made of.
//!
//! Runs that should be the same are compared by them, and nobody looks for two contents that share
//! one: half a content hash is enough, and lists can be summed by multiplication.

use super::hash::Digest;

/// Odd, with its bits well spread: a multiplication by it loses nothing.
const SPREAD: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f];

/// What a statement says and who says it, or a list of such, in two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gist([u64; 2]);

impl Gist {
    /// How many bytes [`Gist::shown`] takes.
    pub const SHOWN: usize = 17;

    /// Of a content, by its hash, and somebody, by his number.
    #[inline]
    pub fn new(hash: &Digest, who: u64) -> Gist {
        let [first, second] = hash.half();
        Gist([first ^ who, second])
    }

    /// Of a list with one item more, which has the gist `next`.
    #[inline]
    #[must_use]
    pub fn then(self, next: Gist) -> Gist {
        let spread = |place: usize| self.0[place].wrapping_mul(SPREAD[place]).rotate_left(29);
        Gist([spread(0) ^ next.0[0], spread(1) ^ next.0[1]])
    }

    /// Of a list of so many items, fewer than 128, in bytes. The first one is 128 at least, which
    /// the length of a list told item by item is not.
    #[inline]
    pub fn shown(self, length: u8) -> [u8; Gist::SHOWN] {
        let mut bytes = [0x80 | length; Gist::SHOWN];
        bytes[1..].copy_from_slice(self.0.map(u64::to_le_bytes).as_flattened());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_number_and_author_count() {
        let [one, other] = [[1; 32], [2; 32]].map(Digest::from_bytes);
        let (a, b) = (Gist::new(&one, 1), Gist::new(&other, 1));
        let lists = [a, b, Gist::new(&one, 2), a.then(b), b.then(a), a.then(a), a.then(a).then(a)];
        for (place, list) in lists.iter().enumerate() {
            assert!(!lists[..place].contains(list), "{place}");
        }
        assert_ne!(a.shown(1), a.shown(2));
    }
}
