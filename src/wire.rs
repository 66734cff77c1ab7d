//! The codec between processes: postcard, with everything that a peer could inflate held in bounds.
//!
//! # What is bounded
//!
//! - The length of a message: the caller of [`decode`] says how long it may be, and no byte may
//!   follow the value.
//! - Collections: a collection that announces more elements than there are bytes left is refused
//!   before anything is allocated for it, so the elements of a decoded value are at most as many
//!   as the message has bytes. The price: an element must take at least a byte, so a list of units
//!   is refused too.
//! - Depth: options, enums, sequences and maps may nest [`MAX_DEPTH`] deep. No recursive type can
//!   do without them, so no message can exhaust the stack.
//!
//! # Types that link
//!
//! A type that grows by linking (a chain of shared nodes) would soon reach that depth, and writing
//! a long chain recursively would exhaust the stack of an honest sender. So such a type serialises
//! itself in a loop, as one sequence with a known length, oldest link first, and rebuilds the links
//! when it is read; it refuses there more links than its protocol allows. Freeing a long chain
//! recurses as well, unless its `Drop` unlinks in a loop.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer,
    MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, Serialize};

/// How deep options, enums, sequences and maps may nest in a message.
pub const MAX_DEPTH: usize = 64;

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message is longer than the reader allows.
    #[error("the message has {length} bytes, more than {limit}; send less or raise the limit")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The length that is allowed.
        limit: usize,
    },
    /// Bytes follow the value.
    #[error("{0} bytes follow the message; both sides must speak the same version")]
    Trailing(usize),
    /// The value nests too deep.
    #[error("the message nests deeper than {MAX_DEPTH}; a linked type must be sent as a sequence")]
    TooDeep,
    /// A collection cannot have as many elements as it says.
    #[error("a collection of {count} elements cannot fit in {left} bytes; the message is damaged")]
    TooMany {
        /// The number of elements that it announces.
        count: u64,
        /// The number of bytes that are left.
        left: usize,
    },
    /// The elements of a collection take no bytes, so that nothing would bound their number.
    #[error("an element of a collection takes no bytes; send the number of such elements instead")]
    Weightless,
    /// The bytes have not the form of the value.
    #[error("the message is damaged or of another version: {0}")]
    Malformed(#[from] postcard::Error),
    /// The value has the form but is not one that its type admits.
    #[error("the message holds a value that its type does not admit: {0}")]
    Refused(String),
}

impl Error for WireError {
    fn custom<T: fmt::Display>(reason: T) -> WireError {
        WireError::Refused(reason.to_string())
    }
}

/// A value as bytes.
///
/// # Panics
///
/// If the type states no length for a sequence, or refuses to be serialised: a mistake in the type,
/// which no value read from outside can bring about.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(encoded_len(value));
    encode_to(&mut bytes, value);
    bytes
}

/// Puts a value as bytes behind others. Who does that often keeps the room.
///
/// # Panics
///
/// Where [`encode`] does.
pub fn encode_to<T: Serialize + ?Sized>(to: &mut Vec<u8>, value: &T) {
    postcard::serialize_with_flavor(value, Behind(to))
        .expect("types for the wire know their lengths and serialise");
}

/// Where postcard writes: behind what is there.
struct Behind<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Behind<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// The length of [`encode`]'s answer, without making it.
///
/// # Panics
///
/// Where [`encode`] does.
pub fn encoded_len<T: Serialize + ?Sized>(value: &T) -> usize {
    postcard::experimental::serialized_size(value)
        .expect("types for the wire know their lengths and serialise")
}

/// The value that bytes stand for.
///
/// # Errors
///
/// If there are more bytes than `limit`, or they are not exactly one value of this type within the
/// bounds of this module.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, WireError> {
    if bytes.len() > limit {
        return Err(WireError::TooLong { length: bytes.len(), limit });
    }
    let mut rest = bytes;
    let value = decode_first(&mut rest)?;
    match rest.len() {
        0 => Ok(value),
        extra => Err(WireError::Trailing(extra)),
    }
}

/// The value that the first of these bytes stand for; leaves the others.
///
/// # Errors
///
/// If they are no value of this type within the bounds of this module.
pub fn decode_first<T: DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, WireError> {
    let mut reader = Reader { rest: bytes, depth: 0 };
    let value = T::deserialize(&mut reader)?;
    *bytes = reader.rest;
    Ok(value)
}

/// postcard's format with counts and depth in bounds: postcard reads the simple values, whatever
/// holds other values is read here.
struct Reader<'de> {
    rest: &'de [u8],
    depth: usize,
}

impl<'de> Reader<'de> {
    /// Reads a simple value.
    #[inline]
    fn take<T: Deserialize<'de>>(&mut self) -> Result<T, WireError> {
        let (value, rest) = postcard::take_from_bytes(self.rest)?;
        self.rest = rest;
        Ok(value)
    }

    /// Reads the number of elements of a collection.
    fn count(&mut self) -> Result<usize, WireError> {
        let count = self.take::<u64>()?;
        let left = self.rest.len();
        match usize::try_from(count) {
            Ok(possible) if possible <= left => Ok(possible),
            _ => Err(WireError::TooMany { count, left }),
        }
    }

    /// Does something one level deeper.
    fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Reader<'de>) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        if self.depth == MAX_DEPTH {
            return Err(WireError::TooDeep);
        }
        self.depth += 1;
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }
}

/// Leaves a simple value to postcard.
macro_rules! simple {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
            let mut inner = postcard::Deserializer::from_bytes(self.rest);
            let value = Deserializer::$method(&mut inner, visitor)?;
            self.rest = inner.finalize()?;
            Ok(value)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = WireError;

    simple! {
        deserialize_bool deserialize_char
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_any deserialize_identifier deserialize_ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        if self.take::<bool>()? {
            return self.nested(|reader| visitor.visit_some(reader));
        }
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        let left = self.count()?;
        self.nested(|reader| visitor.visit_seq(Elements { reader, left, counted: true }))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        visitor.visit_seq(Elements { reader: self, left: length, counted: false })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        let left = self.count()?;
        self.nested(|reader| visitor.visit_map(Elements { reader, left, counted: true }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        self.nested(|reader| visitor.visit_enum(reader))
    }
}

/// The elements of something that holds several.
struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: usize,
    /// Whether the sender says how many there are, and not the type.
    counted: bool,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = WireError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, WireError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let before = self.reader.rest.len();
        let element = seed.deserialize(&mut *self.reader)?;
        if self.counted && self.reader.rest.len() == before {
            return Err(WireError::Weightless);
        }
        Ok(Some(element))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = WireError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, WireError> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, WireError> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> EnumAccess<'de> for &mut Reader<'de> {
    type Error = WireError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), WireError> {
        let variant = self.take::<u32>()?;
        let value = seed.deserialize(IntoDeserializer::<WireError>::into_deserializer(variant))?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Reader<'de> {
    type Error = WireError;

    fn unit_variant(self) -> Result<(), WireError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, WireError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        self.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        self.deserialize_tuple(fields.len(), visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::identity::{Class, Identity};

    /// A bit of everything that messages are made of.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Sample {
        Empty,
        Numbers(u8, u32, u64, i64),
        Text { text: String, letter: Option<char> },
        Many(Vec<Sample>),
        Map(BTreeMap<u32, Option<Vec<u8>>>),
        Party(Identity, bool),
        Unit((), [u16; 3]),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Link(Option<Box<Link>>);

    fn sample() -> impl Strategy<Value = Sample> {
        let bytes = proptest::option::of(any::<Vec<u8>>());
        let leaf = prop_oneof![
            Just(Sample::Empty),
            any::<(u8, u32, u64, i64)>().prop_map(|(a, b, c, d)| Sample::Numbers(a, b, c, d)),
            (".*", any::<Option<char>>()).prop_map(|(text, letter)| Sample::Text { text, letter }),
            proptest::collection::btree_map(any::<u32>(), bytes, 0..5).prop_map(Sample::Map),
            (0..=Identity::MAX_NUMBER, any::<bool>())
                .prop_map(|(n, b)| Sample::Party(Identity::new(Class::Replica, n, n / 2), b)),
            any::<[u16; 3]>().prop_map(|array| Sample::Unit((), array)),
        ];
        leaf.prop_recursive(4, 32, 8, |inner| {
            proptest::collection::vec(inner, 0..8).prop_map(Sample::Many)
        })
    }

    fn chain(links: usize) -> Vec<u8> {
        let mut bytes = vec![1; links];
        bytes.push(0);
        bytes
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(value in sample()) {
            let bytes = encode(&value);
            prop_assert_eq!(bytes.len(), encoded_len(&value));
            prop_assert_eq!(&bytes, &postcard::to_stdvec(&value).unwrap());
            prop_assert_eq!(decode::<Sample>(&bytes, bytes.len()), Ok(value));
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes in any::<Vec<u8>>()) {
            let _ = decode::<Sample>(&bytes, bytes.len());
            let _ = decode::<Vec<Sample>>(&bytes, bytes.len());
            let _ = decode::<BTreeMap<String, Link>>(&bytes, bytes.len());
        }

        #[test]
        fn a_damaged_message_is_a_value_or_an_error(
            value in sample(),
            bit in any::<prop::sample::Index>(),
        ) {
            let mut bytes = encode(&value);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = decode::<Sample>(&bytes, bytes.len());
        }

        #[test]
        fn a_message_cut_short_is_refused(value in sample(), cut in any::<prop::sample::Index>()) {
            let bytes = encode(&value);
            let kept = cut.index(bytes.len());
            prop_assert!(decode::<Sample>(&bytes[..kept], bytes.len()).is_err());
        }
    }

    #[test]
    fn a_message_over_the_limit_is_refused_unread() {
        let bytes = encode("hello");
        assert_eq!(decode::<String>(&bytes, 6).as_deref(), Ok("hello"));
        assert_eq!(decode::<String>(&bytes, 5), Err(WireError::TooLong { length: 6, limit: 5 }));
    }

    #[test]
    fn bytes_after_the_value_are_refused() {
        assert_eq!(decode::<u8>(&[1, 2, 3], 10), Err(WireError::Trailing(2)));
    }

    #[test]
    fn a_collection_larger_than_the_message_is_refused() {
        let huge = encode(&u64::MAX);
        let refusal = WireError::TooMany { count: u64::MAX, left: 0 };
        assert_eq!(decode::<Vec<u64>>(&huge, 10), Err(refusal.clone()));
        assert_eq!(decode::<Vec<()>>(&huge, 10), Err(refusal.clone()));
        assert_eq!(decode::<BTreeMap<u8, u8>>(&huge, 10), Err(refusal));
        let malformed = WireError::Malformed(postcard::Error::DeserializeUnexpectedEnd);
        assert_eq!(decode::<String>(&huge, 10), Err(malformed));
    }

    #[test]
    fn elements_without_bytes_are_refused() {
        let units = encode(&(vec![(); 3], 1u32 << 30));
        assert_eq!(decode::<(Vec<()>, u32)>(&units, 10), Err(WireError::Weightless));
        let none: Vec<()> = Vec::new();
        assert_eq!(decode(&encode(&none), 10), Ok(none));
    }

    #[test]
    fn nesting_ends_at_the_bound_and_not_with_the_stack() {
        assert!(decode::<Link>(&chain(MAX_DEPTH), 100).is_ok());
        assert_eq!(decode::<Link>(&chain(MAX_DEPTH + 1), 100), Err(WireError::TooDeep));
        assert_eq!(decode::<Link>(&chain(1 << 20), 1 << 21), Err(WireError::TooDeep));
    }

    #[test]
    fn depth_counts_what_is_inside_and_not_what_came_before() {
        let side_by_side = vec![Some(Some(1u8)); 1000];
        assert_eq!(decode(&encode(&side_by_side), 10_000), Ok(side_by_side));
    }

    #[test]
    fn a_value_that_its_type_refuses_is_an_error_with_the_reason() {
        let bytes = encode(&(Class::Client, 0u32, Identity::MAX_NUMBER + 1));
        let refusal = "the number of a party is out of bounds".to_owned();
        assert_eq!(decode::<Identity>(&bytes, 10), Err(WireError::Refused(refusal)));
    }
}
