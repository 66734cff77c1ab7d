//! A signature as a value: opaque, cheap to copy, 64 bytes on the wire or a little more.
//!
//! What it is inside belongs to the schemes. The 16-byte tag of the ideal scheme stands on the wire
//! four times, so that encoded lengths do not tell the schemes apart and any altered bit makes it
//! invalid. A signature that seals many statements at once is longer by the way from the statement
//! to the root of its [`Sheet`].

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::bundle::{self, Page};
use super::hash::Digest;
use super::keys::PublicKey;
use super::sheet::Sheet;
use super::tree::{self, Tree};

/// A signature under one of the schemes, perhaps a bad one.
#[derive(Clone)]
pub struct Signature(Form);

/// Of those that are read, always the smallest form that has these bytes.
#[derive(Clone)]
enum Form {
    /// Sixteen bytes, four times.
    Tag([u64; 2]),
    /// Any other bytes; shared, since messages that carry them are.
    Whole(Arc<[u8; 64]>),
    /// A line of a sheet, as read: the bytes.
    Line(Arc<[u8]>),
    /// A line of a sheet, read together with others.
    Bound(Arc<Page>, u32),
    /// A line of a sheet that was written here, and may still be open.
    Written(Arc<Sheet>, u32),
}

/// What must hold for a signature to be good.
pub(super) enum Claim {
    /// Nothing more, or nothing can make it good.
    Settled(bool),
    /// That these bytes are the key's owner's signature under this.
    Pen(Digest, [u8; 64]),
}

/// What serde sees.
#[derive(Serialize)]
#[serde(rename = "Signature")]
pub(super) struct Shown<'a>(#[serde(serialize_with = "super::bytes::run")] pub(super) &'a [u8]);

impl Signature {
    /// The number of bytes of a signature of one statement under either scheme.
    pub const LENGTH: usize = 64;

    /// The signature with these bytes, as read: whether it is good, a notary says. None if no
    /// signature has so many.
    pub fn from_bytes(bytes: &[u8]) -> Option<Signature> {
        match <&[u8; 64]>::try_from(bytes) {
            Ok(pen) => Some(Signature::from_pen(pen)),
            Err(_) if tree::is_length(bytes.len()) => Some(Signature(Form::Line(bytes.into()))),
            Err(_) => None,
        }
    }

    pub(super) fn from_pen(pen: &[u8; 64]) -> Signature {
        let (first, rest) = pen.split_at(16);
        if rest.chunks_exact(16).all(|chunk| chunk == first) {
            return Signature(Form::Tag([word(pen, 0), word(pen, 8)]));
        }
        Signature(Form::Whole(Arc::new(*pen)))
    }

    /// The signature that an ideal tag stands for.
    #[inline]
    pub(super) fn from_tag(tag: [u64; 2]) -> Signature {
        Signature(Form::Tag(tag))
    }

    /// The signature of this line of a sheet.
    pub(super) fn of_line((sheet, place): (Arc<Sheet>, u32)) -> Signature {
        Signature(Form::Written(sheet, place))
    }

    /// Shows the bytes of the signature. Of a line that was written here, that seals the sheet.
    pub fn with_bytes<T>(&self, see: impl FnOnce(&[u8]) -> T) -> T {
        match &self.0 {
            Form::Tag(tag) => see(&spread(*tag)),
            Form::Whole(pen) => see(&pen[..]),
            Form::Line(bytes) => see(bytes),
            Form::Bound(page, place) => see(page.tree().signature(*place, &mut [0; tree::LONGEST])),
            Form::Written(sheet, place) => see(sheet.signature(*place, &mut [0; tree::LONGEST])),
        }
    }

    /// The same bytes but for the first, which is one more: what a liar sends who cannot sign.
    #[must_use]
    pub fn corrupted(&self) -> Signature {
        self.altered(|bytes| bytes[0] = bytes[0].wrapping_add(1))
    }

    /// The same bytes with one bit turned, counted from the first byte's lowest, modulo their
    /// number.
    #[must_use]
    pub fn with_bit_flipped(&self, bit: usize) -> Signature {
        self.altered(|bytes| bytes[bit / 8 % bytes.len()] ^= 1 << (bit % 8))
    }

    /// The tree in which it is a line, and where, if that is known as such. Of a line that was
    /// written here, that seals the sheet.
    pub(super) fn line(&self) -> Option<(&Tree, u32)> {
        match &self.0 {
            Form::Written(sheet, place) => Some((sheet.tree()?, *place)),
            Form::Bound(page, place) => Some((page.tree(), *place)),
            Form::Tag(_) | Form::Whole(_) | Form::Line(_) => None,
        }
    }

    fn altered(&self, alter: impl FnOnce(&mut [u8])) -> Signature {
        self.with_bytes(|bytes| {
            let mut bytes = bytes.to_vec();
            alter(&mut bytes);
            Signature::from_bytes(&bytes).expect("as many bytes as before are a signature")
        })
    }

    /// Whether it stands for this ideal tag.
    #[inline]
    pub(super) fn is_tag(&self, tag: [u64; 2]) -> bool {
        matches!(&self.0, Form::Tag(own) if *own == tag)
    }

    /// What must hold for it to be this key's owner's real signature of a message.
    pub(super) fn claim(&self, key: &PublicKey, message: &Digest) -> Claim {
        match &self.0 {
            Form::Tag(tag) => Claim::Pen(*message, spread(*tag)),
            Form::Whole(pen) => Claim::Pen(*message, **pen),
            Form::Line(bytes) => match tree::text(message, bytes) {
                Some((root, pen)) => Claim::Pen(root, pen),
                None => Claim::Settled(false),
            },
            Form::Bound(page, place) => match page.tree() {
                tree if tree.holds(message, *place) => Claim::Pen(*tree.text(), *tree.pen()),
                _ => Claim::Settled(false),
            },
            // Only the key itself writes on its sheets.
            Form::Written(sheet, place) => Claim::Settled(sheet.holds(key, message, *place)),
        }
    }
}

/// The bytes that a tag stands for.
pub(super) fn spread(tag: [u64; 2]) -> [u8; 64] {
    let mut bytes = [0; 64];
    for (position, chunk) in bytes.chunks_exact_mut(8).enumerate() {
        chunk.copy_from_slice(&tag[position % 2].to_le_bytes());
    }
    bytes
}

/// The eight bytes at a place, as a number.
pub(super) fn word(bytes: &[u8; 64], at: usize) -> u64 {
    let eight = bytes[at..at + 8].first_chunk().expect("the slice has eight bytes");
    u64::from_le_bytes(*eight)
}

impl PartialEq for Signature {
    fn eq(&self, other: &Signature) -> bool {
        match (&self.0, &other.0) {
            (Form::Tag(one), Form::Tag(two)) => one == two,
            (Form::Whole(one), Form::Whole(two)) => one == two,
            (Form::Written(one, place), Form::Written(two, other)) if Arc::ptr_eq(one, two) => {
                place == other
            }
            _ => match (self.line(), other.line()) {
                (Some((one, place)), Some((two, other))) => {
                    place == other && one.is_like(two, place)
                }
                _ => self.with_bytes(|one| other.with_bytes(|two| one == two)),
            },
        }
    }
}

impl Eq for Signature {}

/// Does not seal the sheet of a line that was written here: to look at something is not to send it.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Form::Written(_, place) = &self.0 {
            return write!(f, "Signature(line {place})");
        }
        self.with_bytes(|bytes| {
            f.write_str("Signature(")?;
            bytes[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            f.write_str(")")
        })
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_bytes(|bytes| Shown(bytes).serialize(serializer))
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
        deserializer.deserialize_bytes(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Signature;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a signature")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Signature, E> {
        let bound = || bundle::read(bytes).map(|(page, place)| Signature(Form::Bound(page, place)));
        let signature = Signature::from_bytes(bytes).or_else(bound);
        signature.ok_or_else(|| E::invalid_length(bytes.len(), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Signature, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = sequence.next_element()? {
            bytes.push(byte);
            if bytes.len() > tree::LONGEST {
                break;
            }
        }
        self.visit_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Memory, Notary, Office, Scheme};
    use crate::identity::Identity;
    use crate::wire;

    fn whole() -> Signature {
        Signature::from_pen(&std::array::from_fn(|place| place as u8))
    }

    fn bytes(signature: &Signature) -> Vec<u8> {
        signature.with_bytes(<[u8]>::to_vec)
    }

    /// The signatures of so many statements, written on one sheet.
    fn lines(count: u8) -> Vec<Signature> {
        let mut notary = Notary::of(&Office::new(Memory::None), Scheme::Ed25519);
        let (key, _) = notary.keys(&[1; 32], Identity::client(0));
        (0..count).map(|line| notary.sign(&key, &Digest::from_bytes([line; 32]))).collect()
    }

    #[test]
    fn bytes_come_back_whatever_the_form() {
        let mut all = vec![Signature::from_tag([1, 2]), whole()];
        all.extend(lines(1));
        all.extend(lines(5));
        for signature in all {
            let content = bytes(&signature);
            assert_eq!(Signature::from_bytes(&content), Some(signature.clone()));
            let sent = wire::encode(&signature);
            assert_eq!(wire::decode(&sent, 500), Ok(signature.clone()));
            let text = serde_json::to_string(&signature).unwrap();
            assert_eq!(serde_json::from_str::<Signature>(&text).unwrap(), signature);
        }
        let lengths = lines(5).iter().map(|line| bytes(line).len()).collect::<Vec<_>>();
        assert_eq!(lengths, [164, 164, 164, 164, 100], "the last of five has a short way");
        assert_eq!(bytes(&lines(1)[0]).len(), Signature::LENGTH, "one line is no sheet");
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
        assert_eq!(bytes(&whole().corrupted())[..3], [1, 1, 2]);
        assert_eq!(bytes(&Signature::from_pen(&[255; 64]).corrupted())[..2], [0, 255]);
    }

    #[test]
    fn bytes_of_another_number_are_no_signature() {
        for length in [0usize, 16, 63, 65, 68, 99, 101, 388 + 32] {
            let bytes = vec![7; length];
            assert_eq!(Signature::from_bytes(&bytes), None, "{length}");
            let sent = wire::encode(&serde_bytes(&bytes));
            assert!(wire::decode::<Signature>(&sent, 500).is_err(), "{length}");
        }
        assert!(serde_json::from_str::<Signature>("[1,2,3]").is_err());
    }

    /// Bytes as the wire has them.
    fn serde_bytes(bytes: &[u8]) -> impl Serialize {
        bytes.to_vec()
    }
}
