//! A signature as a value: opaque, cheap to copy, 64 bytes on the wire.
//!
//! What it is inside belongs to the schemes. The 16-byte tag of the ideal scheme stands on the wire
//! four times, so that encoded lengths do not tell the schemes apart and any altered bit makes it
//! invalid. The bytes carry their length there, which leaves room for signatures of other forms,
//! such as one that seals many statements at once.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A signature under one of the schemes, perhaps a bad one.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Form);

/// Always the smallest form that has these bytes, so that equal bytes are equal values.
#[derive(Clone, PartialEq, Eq)]
enum Form {
    /// Sixteen bytes, four times.
    Tag([u64; 2]),
    /// Any other bytes; shared, since messages that carry them are.
    Whole(Arc<[u8; 64]>),
}

/// What serde sees.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Signature")]
struct Raw(#[serde(with = "super::bytes")] [u8; 64]);

impl Signature {
    /// The number of bytes of a signature under either scheme.
    pub const LENGTH: usize = 64;

    /// The signature with these bytes, as read: whether it is good, a notary says.
    pub fn from_bytes(bytes: [u8; 64]) -> Signature {
        let (first, rest) = bytes.split_at(16);
        if rest.chunks_exact(16).all(|chunk| chunk == first) {
            return Signature(Form::Tag([word(&bytes, 0), word(&bytes, 8)]));
        }
        Signature(Form::Whole(Arc::new(bytes)))
    }

    /// The bytes of the signature.
    pub fn to_bytes(&self) -> [u8; 64] {
        match &self.0 {
            Form::Whole(bytes) => **bytes,
            Form::Tag(tag) => {
                let mut bytes = [0; 64];
                for (position, chunk) in bytes.chunks_exact_mut(8).enumerate() {
                    chunk.copy_from_slice(&tag[position % 2].to_le_bytes());
                }
                bytes
            }
        }
    }

    /// The same bytes but for the first, which is one more: what a liar sends who cannot sign.
    #[must_use]
    pub fn corrupted(&self) -> Signature {
        let mut bytes = self.to_bytes();
        bytes[0] = bytes[0].wrapping_add(1);
        Signature::from_bytes(bytes)
    }

    /// The same bytes with one bit turned, counted from the first byte's lowest, modulo 512.
    #[must_use]
    pub fn with_bit_flipped(&self, bit: usize) -> Signature {
        let mut bytes = self.to_bytes();
        bytes[bit / 8 % Signature::LENGTH] ^= 1 << (bit % 8);
        Signature::from_bytes(bytes)
    }

    /// The signature that an ideal tag stands for.
    #[inline]
    pub(super) fn from_tag(tag: [u64; 2]) -> Signature {
        Signature(Form::Tag(tag))
    }

    /// Whether it stands for this ideal tag.
    #[inline]
    pub(super) fn is_tag(&self, tag: [u64; 2]) -> bool {
        matches!(&self.0, Form::Tag(own) if *own == tag)
    }

    /// A number that differs between most signatures, to find one again.
    pub(super) fn fingerprint(&self) -> u64 {
        match &self.0 {
            Form::Tag(tag) => tag[0] ^ tag[1],
            Form::Whole(bytes) => word(bytes, 0) ^ word(bytes, 32),
        }
    }
}

/// The eight bytes at a place, as a number.
fn word(bytes: &[u8; 64], at: usize) -> u64 {
    let eight = bytes[at..at + 8].first_chunk().expect("the slice has eight bytes");
    u64::from_le_bytes(*eight)
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.to_bytes();
        f.write_str("Signature(")?;
        bytes[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Raw(self.to_bytes()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
        Raw::deserialize(deserializer).map(|raw| Signature::from_bytes(raw.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    fn whole() -> Signature {
        Signature::from_bytes(std::array::from_fn(|place| place as u8))
    }

    #[test]
    fn bytes_come_back_whatever_the_form() {
        for signature in [Signature::from_tag([1, 2]), whole()] {
            assert_eq!(Signature::from_bytes(signature.to_bytes()), signature);
            let bytes = wire::encode(&signature);
            assert_eq!(bytes.len(), Signature::LENGTH + 1);
            assert_eq!(wire::decode(&bytes, 65), Ok(signature.clone()));
            let text = serde_json::to_string(&signature).unwrap();
            assert_eq!(serde_json::from_str::<Signature>(&text).unwrap(), signature);
        }
    }

    #[test]
    fn no_flipped_bit_leaves_a_tag_a_tag() {
        let tag = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
        let signature = Signature::from_tag(tag);
        assert!(signature.is_tag(tag));
        for bit in 0..512 {
            let flipped = signature.with_bit_flipped(bit);
            assert!(matches!(flipped.0, Form::Whole(_)), "{bit}");
            assert_eq!(flipped.with_bit_flipped(bit), signature);
        }
        assert_eq!(signature.with_bit_flipped(512 + 9), signature.with_bit_flipped(9));
        assert!(!signature.corrupted().is_tag(tag));
    }

    #[test]
    fn corrupting_adds_one_to_the_first_byte() {
        assert_eq!(whole().corrupted().to_bytes()[..3], [1, 1, 2]);
        assert_eq!(Signature::from_bytes([255; 64]).corrupted().to_bytes()[..2], [0, 255]);
    }

    #[test]
    fn bytes_of_another_number_are_no_signature() {
        for length in [0usize, 16, 63, 65] {
            let mut bytes = vec![length as u8];
            bytes.resize(1 + length, 7);
            assert!(wire::decode::<Signature>(&bytes, 100).is_err(), "{length}");
        }
        assert!(serde_json::from_str::<Signature>("[1,2,3]").is_err());
    }
}
