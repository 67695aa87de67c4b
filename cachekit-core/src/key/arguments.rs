//! Canonical bytes of arguments.
//!
//! Every value begins with a tag that tells its type, names are written, and whatever has no
//! fixed length says its length or its end: two different values of a type never have the same
//! bytes, and the same value always has the same bytes, on every machine and in every release
//! that has not changed the type. Floats go by their bits. Entries of a map are sorted by the
//! bytes of their keys. What a type's `Serialize` leaves out (skipped fields, which variant of an
//! untagged enum it was) is not in the bytes either.
//!
//! A set serialises as a sequence in its own order: a `HashSet` is better turned into a
//! `BTreeSet` before it is an argument, or its results are found only by chance.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::ser::{self, Serialize};

use super::KeyBuffer;

/// Appends the canonical bytes of `argument`.
///
/// # Errors
/// If its `Serialize` fails. The buffer is then of no use.
#[inline]
pub fn write_argument<T: Serialize + ?Sized>(
    buffer: &mut KeyBuffer,
    argument: &T,
) -> Result<(), Unserializable> {
    argument.serialize(Writer(buffer))
}

/// An argument whose `Serialize` failed; it has no key, and the call bypasses the cache.
#[derive(Debug)]
pub struct Unserializable(String);

impl fmt::Display for Unserializable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "argument cannot be serialized: {}", self.0)
    }
}

impl std::error::Error for Unserializable {}

impl ser::Error for Unserializable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Tags: one for each shape of serde's data model, and one that ends what has no length.
mod tag {
    pub(super) const FALSE: u8 = 0;
    pub(super) const TRUE: u8 = 1;
    pub(super) const I8: u8 = 2;
    pub(super) const I16: u8 = 3;
    pub(super) const I32: u8 = 4;
    pub(super) const I64: u8 = 5;
    pub(super) const I128: u8 = 6;
    pub(super) const U8: u8 = 7;
    pub(super) const U16: u8 = 8;
    pub(super) const U32: u8 = 9;
    pub(super) const U64: u8 = 10;
    pub(super) const U128: u8 = 11;
    pub(super) const F32: u8 = 12;
    pub(super) const F64: u8 = 13;
    pub(super) const CHAR: u8 = 14;
    pub(super) const STR: u8 = 15;
    pub(super) const BYTES: u8 = 16;
    pub(super) const NONE: u8 = 17;
    pub(super) const SOME: u8 = 18;
    pub(super) const UNIT: u8 = 19;
    pub(super) const SEQUENCE: u8 = 20;
    pub(super) const MAP: u8 = 21;
    pub(super) const STRUCT: u8 = 22;
    pub(super) const VARIANT: u8 = 23;
    pub(super) const END: u8 = 24;
}

/// Where a length would be: it follows, in eight bytes.
const LONG: u8 = u8::MAX;

struct Writer<'a>(&'a mut KeyBuffer);

impl<'a> Writer<'a> {
    #[inline]
    fn fixed<const N: usize>(self, tag: u8, bytes: [u8; N]) {
        let mut word = [tag, 0, 0, 0, 0, 0, 0, 0];
        if N < word.len() {
            word[1..=N].copy_from_slice(&bytes);
            self.0.push_word(u64::from_le_bytes(word), N + 1);
        } else {
            self.0.push(tag);
            // One word or two: as such, they are written without a loop.
            for word in bytes.as_chunks().0 {
                self.0.push_word(u64::from_le_bytes(*word), word.len());
            }
        }
    }

    /// A byte string with its length in front: one byte, or [`LONG`] and eight.
    #[inline]
    fn prefixed(self, tag: u8, bytes: &[u8]) {
        match u8::try_from(bytes.len()) {
            Ok(len) if len < LONG => {
                self.0
                    .push_word(u64::from_le_bytes([tag, len, 0, 0, 0, 0, 0, 0]), 2);
            }
            _ => {
                self.0.extend(&[tag, LONG]);
                self.0.extend(&(bytes.len() as u64).to_le_bytes());
            }
        }
        self.0.extend(bytes);
    }

    fn name(&mut self, name: &str) {
        Writer(self.0).prefixed(tag::STR, name.as_bytes());
    }

    fn variant(mut self, variant: &str) -> Self {
        self.0.push(tag::VARIANT);
        self.name(variant);
        self
    }

    fn open(self, tag: u8) -> Elements<'a> {
        self.0.push(tag);
        Elements(self.0)
    }
}

macro_rules! number {
    ($($method:ident $type:ty => $tag:ident,)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<(), Unserializable> {
            self.fixed(tag::$tag, value.to_le_bytes());
            Ok(())
        }
    )*};
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = Unserializable;
    type SerializeSeq = Elements<'a>;
    type SerializeTuple = Elements<'a>;
    type SerializeTupleStruct = Elements<'a>;
    type SerializeTupleVariant = Elements<'a>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Elements<'a>;
    type SerializeStructVariant = Elements<'a>;

    number! {
        serialize_i8 i8 => I8,
        serialize_i16 i16 => I16,
        serialize_i32 i32 => I32,
        serialize_i64 i64 => I64,
        serialize_i128 i128 => I128,
        serialize_u8 u8 => U8,
        serialize_u16 u16 => U16,
        serialize_u32 u32 => U32,
        serialize_u64 u64 => U64,
        serialize_u128 u128 => U128,
        serialize_f32 f32 => F32,
        serialize_f64 f64 => F64,
    }

    fn serialize_bool(self, value: bool) -> Result<(), Unserializable> {
        self.0.push(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Unserializable> {
        self.fixed(tag::CHAR, u32::from(value).to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Unserializable> {
        self.prefixed(tag::STR, value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unserializable> {
        self.prefixed(tag::BYTES, value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unserializable> {
        self.0.push(tag::NONE);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unserializable> {
        self.0.push(tag::SOME);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unserializable> {
        self.0.push(tag::UNIT);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Unserializable> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Unserializable> {
        self.variant(variant).serialize_unit()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Unserializable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unserializable> {
        value.serialize(self.variant(variant))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Elements<'a>, Unserializable> {
        Ok(self.open(tag::SEQUENCE))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Elements<'a>, Unserializable> {
        Ok(self.open(tag::SEQUENCE))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Elements<'a>, Unserializable> {
        Ok(self.open(tag::SEQUENCE))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Elements<'a>, Unserializable> {
        Ok(self.variant(variant).open(tag::SEQUENCE))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Entries<'a>, Unserializable> {
        self.0.push(tag::MAP);
        Ok(Entries {
            target: self.0,
            entries: Vec::new(),
            key: None,
        })
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Elements<'a>, Unserializable> {
        Ok(self.open(tag::STRUCT))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Elements<'a>, Unserializable> {
        Ok(self.variant(variant).open(tag::STRUCT))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// What has elements, each with its own tag, and an end.
struct Elements<'a>(&'a mut KeyBuffer);

impl Elements<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
        value.serialize(Writer(self.0))
    }

    fn close(self) {
        self.0.push(tag::END);
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident,)*) => {$(
        impl ser::$trait for Elements<'_> {
            type Ok = ();
            type Error = Unserializable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
                self.element(value)
            }

            fn end(self) -> Result<(), Unserializable> {
                self.close();
                Ok(())
            }
        }
    )*};
}

elements! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! fields {
    ($($trait:ident,)*) => {$(
        impl ser::$trait for Elements<'_> {
            type Ok = ();
            type Error = Unserializable;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unserializable> {
                Writer(self.0).name(name);
                self.element(value)
            }

            fn end(self) -> Result<(), Unserializable> {
                self.close();
                Ok(())
            }
        }
    )*};
}

fields! { SerializeStruct, SerializeStructVariant, }

/// The entries of a map, held back until they can be sorted.
struct Entries<'a> {
    target: &'a mut KeyBuffer,
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    key: Option<Vec<u8>>,
}

fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Unserializable> {
    let mut buffer = KeyBuffer::new();
    write_argument(&mut buffer, value)?;
    Ok(buffer.bytes().to_vec())
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Unserializable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unserializable> {
        self.key = Some(canonical(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
        let Some(key) = self.key.take() else {
            return Err(ser::Error::custom("a map gave a value before its key"));
        };
        self.entries.push((key, canonical(value)?));
        Ok(())
    }

    fn end(mut self) -> Result<(), Unserializable> {
        self.entries.sort_unstable();
        for (key, value) in &self.entries {
            self.target.extend(key);
            self.target.extend(value);
        }
        self.target.push(tag::END);
        Ok(())
    }
}
