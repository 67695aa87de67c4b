//! The parts of a composite value, each compared with its place in the shape.

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::checked::{At, Placed};
use super::graph::SlotId;

/// What a composite is to hold.
pub(super) enum Expected<'a> {
    Sequence {
        element: SlotId,
    },
    Map {
        key: SlotId,
        value: SlotId,
    },
    /// Exactly `count` of `slots`. `names` holds aliases too, those of one field together; tuples
    /// have none.
    Each {
        slots: &'a [SlotId],
        count: usize,
        names: &'static [&'static str],
    },
}

/// A composite that is being written.
pub(super) struct Part<'a, C> {
    at: At<'a>,
    expected: Expected<'a>,
    written: usize,
    /// Names before this one are behind.
    next_name: usize,
    inner: C,
}

impl<'a, C> Part<'a, C> {
    pub(super) fn new(at: At<'a>, expected: Expected<'a>, inner: C) -> Self {
        Self {
            at,
            expected,
            written: 0,
            next_name: 0,
            inner,
        }
    }

    /// The place of the next element.
    fn next<E: Error>(&mut self) -> Result<At<'a>, E> {
        let slot = match &self.expected {
            Expected::Sequence { element: slot } | Expected::Map { value: slot, .. } => Some(*slot),
            Expected::Each { slots, count, .. } => slots[..*count].get(self.written).copied(),
        };
        self.written += 1;
        match slot {
            Some(slot) => Ok(At { slot, ..self.at }),
            None => Err(self
                .at
                .error(format_args!("Serialize writes more than Deserialize reads"))),
        }
    }

    /// The place of the next key.
    fn key<E: Error>(&self) -> Result<At<'a>, E> {
        match self.expected {
            Expected::Map { key: slot, .. } => Ok(At { slot, ..self.at }),
            _ => Err(self
                .at
                .error(format_args!("Serialize writes a key where there is none"))),
        }
    }

    /// The place of the field `name`, which must be the next one.
    fn field<E: Error>(&mut self, name: &'static str) -> Result<At<'a>, E> {
        let mut at = self.next()?;
        at.place.member = name;
        let Expected::Each { names, .. } = &self.expected else {
            return Ok(at);
        };
        let found = names
            .iter()
            .skip(self.next_name)
            .position(|known| *known == name);
        let Some(skipped) = found else {
            return Err(at.error(format_args!(
                "Serialize writes it in a place where Deserialize reads another field"
            )));
        };
        self.next_name += skipped + 1;
        Ok(at)
    }

    fn skipped<E: Error>(&self, name: &'static str) -> E {
        let mut at = self.at;
        at.place.member = name;
        at.error(format_args!(
            "Serialize leaves it out, as with #[serde(skip_serializing_if)]"
        ))
    }

    fn complete<E: Error>(&self) -> Result<(), E> {
        match &self.expected {
            Expected::Each { count, .. } if self.written != *count => {
                Err(self.at.error(format_args!(
                    "Serialize writes {} fields, Deserialize reads {count}",
                    self.written
                )))
            }
            _ => Ok(()),
        }
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident,)*) => {$(
        impl<C: $trait> $trait for Part<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let at = self.next()?;
                self.inner.$method(&Placed { at, value })
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.complete()?;
                self.inner.end()
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
        impl<C: $trait> $trait for Part<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                let at = self.field(name)?;
                self.inner.serialize_field(name, &Placed { at, value })
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                Err(self.skipped(name))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.complete()?;
                self.inner.end()
            }
        }
    )*};
}

fields! { SerializeStruct, SerializeStructVariant, }

impl<C: SerializeMap> SerializeMap for Part<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        let at = self.key()?;
        self.inner.serialize_key(&Placed { at, value: key })
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let at = self.next()?;
        self.inner.serialize_value(&Placed { at, value })
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.complete()?;
        self.inner.end()
    }
}
