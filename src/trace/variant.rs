//! Which variant of an enum a value is, told by its serde form without looking into it.

use std::fmt;

use serde::Serialize;
use serde::ser::{self, Impossible, Serializer};

/// The place of a value's variant among those of its enum, from 0; 0 for what is no enum.
pub(super) fn variant<T: Serialize + ?Sized>(value: &T) -> u32 {
    match value.serialize(Which) {
        Ok(index) | Err(Told(index)) => index,
    }
}

struct Which;

/// The answer, on the short way out.
#[derive(Debug)]
struct Told(u32);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "variant {}", self.0)
    }
}

impl std::error::Error for Told {}

impl ser::Error for Told {
    fn custom<T: fmt::Display>(_: T) -> Told {
        Told(0)
    }
}

type Nothing = Impossible<u32, Told>;

/// Everything that is no variant.
macro_rules! no_variant {
    ($($name:ident($type:ty)),*) => {
        $(fn $name(self, _: $type) -> Result<u32, Told> {
            Ok(0)
        })*
    };
}

impl Serializer for Which {
    type Ok = u32;
    type Error = Told;
    type SerializeSeq = Nothing;
    type SerializeTuple = Nothing;
    type SerializeTupleStruct = Nothing;
    type SerializeTupleVariant = Nothing;
    type SerializeMap = Nothing;
    type SerializeStruct = Nothing;
    type SerializeStructVariant = Nothing;

    no_variant!(
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str)
    );

    fn serialize_none(self) -> Result<u32, Told> {
        Ok(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u32, Told> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<u32, Told> {
        Ok(0)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<u32, Told> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<u32, Told> {
        Ok(index)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: &T,
    ) -> Result<u32, Told> {
        Ok(index)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Nothing, Told> {
        Err(Told(index))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Nothing, Told> {
        Err(Told(index))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Nothing, Told> {
        Err(Told(0))
    }

    fn serialize_tuple(self, _: usize) -> Result<Nothing, Told> {
        Err(Told(0))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Nothing, Told> {
        Err(Told(0))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Nothing, Told> {
        Err(Told(0))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Nothing, Told> {
        Err(Told(0))
    }
}

#[cfg(test)]
mod tests {
    use super::variant;

    #[derive(serde::Serialize)]
    enum Some {
        Unit,
        Tuple(u8, u8),
        Wrapped(String),
        Named { a: u8 },
    }

    #[test]
    fn every_form_of_variant_is_told_by_its_place() {
        let all =
            [Some::Unit, Some::Tuple(9, 9), Some::Wrapped("long".to_owned()), Some::Named { a: 9 }];
        assert_eq!(all.map(|value| variant(&value)), [0, 1, 2, 3]);
        assert_eq!(variant(&Box::new(Some::Named { a: 0 })), 3);
        assert_eq!(variant(&"no enum"), 0);
        assert_eq!(variant(&[1, 2]), 0);
    }
}
