//! How messages, notes and the like tell what is in them: as serde values, with a few names known.
//!
//! A [`Sink`] is told the content piece by piece. What must not be shown as it is, because it
//! differs between signature schemes, is recognised by its type's name: a seal becomes its signer
//! and whether it is valid, a public key or a hash over signatures becomes the ordinal of its first
//! appearance.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant};
use serde::ser::{SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer};

use crate::crypto::{Digest, Notary, Seal};

/// Who is told what is in a value.
pub(super) trait Sink {
    /// Nothing, as in an absent option.
    fn nothing(&mut self);
    /// An option is there, and is told next.
    fn something(&mut self) {}
    /// Yes or no.
    fn truth(&mut self, value: bool);
    /// A number.
    fn number(&mut self, value: u64);
    /// A number that may be negative.
    fn signed_number(&mut self, value: i64);
    /// A text.
    fn text(&mut self, value: &str);
    /// Something that prints.
    fn shown(&mut self, value: &dyn Display);
    /// Bytes.
    fn bytes(&mut self, value: &[u8]);
    /// A hash of content.
    fn digest(&mut self, value: &Digest);
    /// Whether it wants as little as tells two contents apart: of a signed statement the hash, of
    /// an identity the packed form.
    fn is_terse(&self) -> bool {
        false
    }
    /// Who somebody is, packed; for a terse sink alone.
    fn identity(&mut self, packed: u64) {
        self.number(packed);
    }
    /// Whether it wants whole lists of signed statements in one, where they are known to be their
    /// signers' own. Where that is known differs between a message that was handed over and the
    /// same one read from bytes.
    fn takes_gists(&self) -> bool {
        false
    }
    /// A whole list of signed statements, as told by [`crate::crypto::Gist::shown`]; for a sink
    /// alone that takes it.
    fn gist(&mut self, shown: &[u8]) {
        self.bytes(shown);
    }
    /// What signature is under what comes before, and whether it is valid. A terse sink was not
    /// told what that is, and takes the hash for it, unless the statement is over keys.
    fn seal(&mut self, seal: &Seal, valid: bool, stands_for_body: bool);
    /// The ordinal of a thing that is not shown.
    fn ordinal(&mut self, ordinal: u32);
    /// A variant of an enum, by place and name, with or without content to come.
    fn variant(&mut self, index: u32, name: &'static str);
    /// A row of values begins; its length, if known.
    fn list(&mut self, length: usize);
    /// Named values begin.
    fn fields(&mut self);
    /// The next value's name.
    fn field(&mut self, name: &'static str);
    /// The row, or the named values, end.
    fn end(&mut self);
}

/// Numbers for things that are not shown: the ordinal of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Ordinals {
    seen: BTreeMap<Vec<u8>, u32>,
}

impl Ordinals {
    fn of(&mut self, bytes: &[u8]) -> u32 {
        if let Some(ordinal) = self.seen.get(bytes) {
            return *ordinal;
        }
        let ordinal = self.seen.len() as u32;
        self.seen.insert(bytes.to_vec(), ordinal);
        ordinal
    }
}

/// Tells a sink what is in a value.
pub(super) fn tell<S: Sink, T: Serialize + ?Sized>(
    value: &T,
    sink: &mut S,
    notary: &Notary,
    ordinals: &mut Ordinals,
) {
    let mut teller = Teller { sink, notary, ordinals, known: Known::Nothing, left_out: None };
    value.serialize(&mut teller).expect("no sink refuses anything");
}

/// Which type's bytes come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    Identity,
    Digest,
    Hidden,
    Seal,
    Chain,
}

/// Walks a value for a sink.
///
/// What is told most often is inlined by force: all of it together comes down to a few stores.
struct Teller<'a, S> {
    sink: &'a mut S,
    notary: &'a Notary,
    ordinals: &'a mut Ordinals,
    known: Known,
    left_out: Option<LeftOut>,
}

/// How far a signed statement is told whose body is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeftOut {
    /// The body comes next, and is not told.
    Body,
    /// The seal comes next, and is told with the hash.
    Seal,
}

impl<S: Sink> Teller<'_, S> {
    #[inline]
    fn tell_seal(&mut self, bytes: &[u8]) {
        let left_out = self.left_out.take().is_some();
        let Some((seal, signature)) = Seal::from_shown(bytes) else {
            return self.sink.bytes(bytes);
        };
        let valid = signature.is_empty() || seal.is_valid(signature, self.notary);
        self.sink.seal(&seal, valid, left_out);
    }

    fn tell_known(&mut self, known: Known, bytes: &[u8]) {
        match known {
            Known::Seal => self.tell_seal(bytes),
            Known::Hidden => self.sink.ordinal(self.ordinals.of(bytes)),
            Known::Digest => match bytes.try_into() {
                Ok(bytes) => self.sink.digest(&Digest::from_bytes(bytes)),
                Err(_) => self.sink.bytes(bytes),
            },
            Known::Identity => match bytes.try_into() {
                Ok(bytes) => self.sink.identity(u64::from_le_bytes(bytes)),
                Err(_) => self.sink.bytes(bytes),
            },
            Known::Chain => self.sink.gist(bytes),
            Known::Nothing => self.sink.bytes(bytes),
        }
    }
}

/// Serialisation to a sink does not fail.
#[derive(Debug)]
struct Never(String);

impl Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: Display>(message: T) -> Never {
        Never(message.to_string())
    }
}

type Told = Result<(), Never>;

macro_rules! numbers {
    ($($method:ident: $kind:ty => $tell:ident),*) => {
        $(#[inline(always)]
        fn $method(self, value: $kind) -> Told {
            self.sink.$tell(value.into());
            Ok(())
        })*
    };
}

impl<S: Sink> Serializer for &mut Teller<'_, S> {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    /// Names are for people, and so are the items of a list that can be told in one.
    #[inline]
    fn is_human_readable(&self) -> bool {
        match self.known {
            Known::Identity => !self.sink.is_terse(),
            Known::Chain => !self.sink.takes_gists(),
            _ => true,
        }
    }

    numbers! {
        serialize_bool: bool => truth,
        serialize_i8: i8 => signed_number,
        serialize_i16: i16 => signed_number,
        serialize_i32: i32 => signed_number,
        serialize_i64: i64 => signed_number,
        serialize_u8: u8 => number,
        serialize_u16: u16 => number,
        serialize_u32: u32 => number,
        serialize_u64: u64 => number
    }

    fn serialize_u128(self, value: u128) -> Told {
        self.sink.shown(&value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Told {
        self.sink.shown(&value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Told {
        self.sink.shown(&value);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Told {
        self.sink.shown(&value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Told {
        self.sink.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Told {
        self.sink.text(value);
        Ok(())
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Told {
        self.sink.shown(&format_args!("{value}"));
        Ok(())
    }

    #[inline(always)]
    fn serialize_bytes(self, value: &[u8]) -> Told {
        match std::mem::replace(&mut self.known, Known::Nothing) {
            Known::Seal => self.tell_seal(value),
            Known::Chain => self.sink.gist(value),
            known => self.tell_known(known, value),
        }
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Told {
        self.sink.nothing();
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Told {
        self.sink.something();
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Told {
        self.sink.nothing();
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Told {
        self.sink.nothing();
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, index: u32, name: &'static str) -> Told {
        self.sink.variant(index, name);
        self.sink.nothing();
        Ok(())
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Told {
        self.known = match name {
            "Digest" => Known::Digest,
            "PublicKey" | "Signature" | "HiddenDigest" => Known::Hidden,
            "Seal" => Known::Seal,
            "Identity" => Known::Identity,
            "Chain" => Known::Chain,
            _ => Known::Nothing,
        };
        let told = value.serialize(&mut *self);
        self.known = Known::Nothing;
        told
    }

    #[inline(always)]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        value: &T,
    ) -> Told {
        self.sink.variant(index, name);
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Never> {
        self.known = Known::Nothing;
        self.sink.list(length.unwrap_or(0));
        Ok(self)
    }

    #[inline]
    fn serialize_tuple(self, length: usize) -> Result<Self, Never> {
        self.serialize_seq(Some(length))
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Self, Never> {
        self.serialize_seq(Some(length))
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Self, Never> {
        self.sink.variant(index, name);
        self.serialize_seq(Some(length))
    }

    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<Self, Never> {
        self.serialize_seq(length)
    }

    #[inline(always)]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self, Never> {
        if name == "Signed" && self.sink.is_terse() {
            self.left_out = Some(LeftOut::Body);
        }
        self.sink.fields();
        Ok(self)
    }

    #[inline(always)]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Self, Never> {
        self.sink.variant(index, name);
        self.sink.fields();
        Ok(self)
    }
}

macro_rules! rows {
    ($($kind:ident::$method:ident),*) => {
        $(impl<S: Sink> $kind for &mut Teller<'_, S> {
            type Ok = ();
            type Error = Never;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Told {
                value.serialize(&mut **self)
            }

            #[inline]
            fn end(self) -> Told {
                self.sink.end();
                Ok(())
            }
        })*
    };
}

rows! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
}

impl<S: Sink> SerializeStruct for &mut Teller<'_, S> {
    type Ok = ();
    type Error = Never;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Told {
        if self.left_out == Some(LeftOut::Body) {
            self.left_out = Some(LeftOut::Seal);
            return Ok(());
        }
        self.sink.field(name);
        value.serialize(&mut **self)
    }

    #[inline(always)]
    fn end(self) -> Told {
        self.sink.end();
        Ok(())
    }
}

impl<S: Sink> SerializeStructVariant for &mut Teller<'_, S> {
    type Ok = ();
    type Error = Never;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Told {
        self.sink.field(name);
        value.serialize(&mut **self)
    }

    #[inline(always)]
    fn end(self) -> Told {
        self.sink.end();
        Ok(())
    }
}

/// A map is told as a row of pairs: key, value, key, value.
impl<S: Sink> SerializeMap for &mut Teller<'_, S> {
    type Ok = ();
    type Error = Never;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Told {
        key.serialize(&mut **self)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Told {
        value.serialize(&mut **self)
    }

    fn end(self) -> Told {
        self.sink.end();
        Ok(())
    }
}
