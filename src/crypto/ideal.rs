//! The ideal scheme: a signature is a keyed tag that only this module can compute.
//!
//! Inside one process nobody needs to be kept from a secret by arithmetic: it suffices that no
//! code but the notary's calls this module. The tag is a pure value of public key and message:
//! there is no registry of what was signed, and a run that is cloned or repeated finds the same
//! tags. It is made by folded multiplication under secret words, as fast keyed hashes are: any
//! difference in key or message makes another tag but for chances near 2⁻⁶⁴. It protects nothing
//! between machines: what serves there uses [`super::ed25519`].

use super::hash::{Context, Digest};
use super::keys::PublicKey;

/// Digits of e behind the point: words without a pattern, known to nobody who has to ask a notary.
const SECRET: [u64; 12] = [
    0xb7e1_5162_8aed_2a6a,
    0xbf71_5880_9cf4_f3c7,
    0x62e7_160f_38b4_da56,
    0xa784_d904_5190_cfef,
    0x324e_7738_926c_fbe5,
    0xf4bf_8d8d_8c31_d763,
    0xda06_c80a_bb11_85eb,
    0x4f7c_7b57_57f5_9584,
    0x90cf_d47d_7c19_bb42,
    0x158d_9554_f7b4_6bce,
    0xd55c_4d79_fd5f_24d6,
    0x613c_31c3_839a_2ddf,
];

/// The tag under which the owner of a key states a message.
#[inline]
pub(super) fn tag(key: &PublicKey, message: &Digest) -> [u64; 2] {
    let [k0, k1, k2, k3] = words(key.as_bytes());
    let [m0, m1, m2, m3] = words(message.as_bytes());
    let s = &SECRET;
    let (a, b) = (fold(k0 ^ s[0], m0 ^ s[1]), fold(k1 ^ s[2], m1 ^ s[3]));
    let (c, d) = (fold(k2 ^ s[4], m2 ^ s[5]), fold(k3 ^ s[6], m3 ^ s[7]));
    let first = fold(a ^ c.rotate_left(23) ^ s[8], b ^ d.rotate_left(41) ^ s[9]);
    let second = fold(d ^ a.rotate_left(11) ^ s[10], c ^ b.rotate_left(7) ^ s[11]);
    [first, second]
}

/// Both halves of the 128-bit product, folded into 64 bits.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The public key that belongs to a secret one.
pub(super) fn public_key(seed: &[u8; 32]) -> [u8; 32] {
    static CONTEXT: Context = Context::new("perjury 1 ideal public key");
    *CONTEXT.hasher().update(seed).finalize().as_bytes()
}

#[inline]
fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|place| u64::from_le_bytes(words[place]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let key = PublicKey::from_bytes(std::array::from_fn(|place| place as u8));
        let [first, second] = tag(&key, &Digest::from_bytes([9; 32]));
        let text = format!("{first:016x} {second:016x}");
        insta::assert_snapshot!(text, @"a70d98bda48cddfb c86293866bb08aa0");
    }

    #[test]
    fn every_bit_of_key_and_message_counts() {
        let tag_of = |bytes: [[u8; 32]; 2]| {
            tag(&PublicKey::from_bytes(bytes[0]), &Digest::from_bytes(bytes[1]))
        };
        let mut tags = vec![tag_of([[3; 32]; 2])];
        for bit in 0..512 {
            let mut bytes = [[3; 32]; 2];
            bytes[bit / 256][bit / 8 % 32] ^= 1 << (bit % 8);
            tags.push(tag_of(bytes));
        }
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), 513);
    }
}
