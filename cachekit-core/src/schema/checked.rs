//! A value that serializes as its shape says, or not at all.

use std::fmt;

use serde::Serialize;
use serde::ser::{Error, Serializer};

use super::Shape;
use super::graph::{Enum, Graph, Node, ROOT, Slot, SlotId};
use super::parts::{Expected, Part};
use super::refusal::Place;
use super::samples::Leaf;

/// A value together with the shape that it must have: see [`Shape::checked`].
pub struct Checked<'a, T: ?Sized> {
    shape: &'a Shape,
    value: &'a T,
}

impl<'a, T: ?Sized> Checked<'a, T> {
    pub(super) fn new(shape: &'a Shape, value: &'a T) -> Self {
        Self { shape, value }
    }
}

impl<T: Serialize + ?Sized> Serialize for Checked<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(refusal) = &self.shape.refusal {
            return Err(S::Error::custom(refusal));
        }
        if !self.shape.positional {
            return self.value.serialize(serializer);
        }
        let at = At {
            graph: &self.shape.graph,
            slot: ROOT,
            place: Place::default(),
        };
        self.value.serialize(Checker {
            at,
            inner: serializer,
        })
    }
}

impl<T: ?Sized> fmt::Debug for Checked<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked")
            .field("fingerprint", &self.shape.fingerprint)
            .finish()
    }
}

/// Where in the shape a value is.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) graph: &'a Graph,
    pub(super) slot: SlotId,
    pub(super) place: Place,
}

impl<'a> At<'a> {
    fn node(self) -> Option<&'a Node> {
        match self.graph.slots[self.slot] {
            Slot::Node(node) => Some(&self.graph.nodes[node]),
            _ => None,
        }
    }

    fn inside(self, slot: SlotId) -> Self {
        Self { slot, ..self }
    }

    fn leaf<E: Error>(self, leaf: Leaf) -> Result<(), E> {
        if self.graph.slots[self.slot] == Slot::Leaf(leaf) {
            Ok(())
        } else {
            Err(self.mismatch(leaf.name()))
        }
    }

    /// The elements of a tuple of `len`.
    fn tuple<E: Error>(self, len: usize) -> Result<Expected<'a>, E> {
        let Some(Node::Tuple { elements, read }) = self.node() else {
            return Err(self.mismatch("a tuple"));
        };
        let count = read.unwrap_or(elements.len());
        self.same_count(len, count)?;
        Ok(Expected::Each {
            slots: elements,
            count,
            names: &[],
        })
    }

    /// The fields of a struct of `len`.
    fn structure<E: Error>(self, len: usize) -> Result<(Self, Expected<'a>), E> {
        let Some(Node::Struct(found)) = self.node() else {
            return Err(self.mismatch("a struct"));
        };
        let place = Place {
            owner: found.name,
            member: "",
        };
        let at = Self { place, ..self };
        let count = found.read.unwrap_or(found.fields.len());
        at.same_count(len, count)?;
        Ok((
            at,
            Expected::Each {
                slots: &found.fields,
                count,
                names: found.names,
            },
        ))
    }

    fn same_count<E: Error>(self, written: usize, read: usize) -> Result<(), E> {
        if written == read {
            return Ok(());
        }
        Err(self.error(format_args!(
            "Serialize writes {written} fields and Deserialize reads {read}, as with \
             #[serde(skip_serializing_if)] or a skip on one side"
        )))
    }

    /// The content of the variant that is written as `index` and `name`.
    fn variant<E: Error>(self, index: u32, name: &'static str) -> Result<Self, E> {
        let Some(Node::Enum(found)) = self.node() else {
            return Err(self.mismatch("a variant of an enum"));
        };
        let at = Self {
            place: Place {
                owner: found.name,
                member: name,
            },
            ..self
        };
        let content = readable(found, index, name).filter(|&slot| {
            // A variant whose content is never read is one that Deserialize refuses.
            self.graph.slots[slot] != Slot::Unknown
        });
        match content {
            Some(slot) => Ok(at.inside(slot)),
            None => Err(at.error(format_args!(
                "Serialize writes it as variant {index}, which Deserialize reads as another or \
                 not at all, as with a variant that is skipped on one side"
            ))),
        }
    }

    fn mismatch<E: Error>(self, written: &str) -> E {
        let read = match self.graph.slots[self.slot] {
            Slot::Leaf(leaf) => leaf.name(),
            Slot::Unknown | Slot::Varying => "something else",
            Slot::Node(node) => match self.graph.nodes[node] {
                Node::Option { .. } => "an option",
                Node::Sequence { .. } => "a sequence",
                Node::Map { .. } => "a map",
                Node::Tuple { .. } => "a tuple",
                Node::Struct(_) => "a struct",
                Node::Enum(_) => "an enum",
            },
        };
        self.error(format_args!(
            "Serialize writes {written} where Deserialize reads {read}"
        ))
    }

    pub(super) fn error<E: Error>(self, what: fmt::Arguments<'_>) -> E {
        E::custom(format_args!("{}: {what}: use MessagePack", self.place))
    }
}

fn readable(found: &Enum, index: u32, name: &str) -> Option<SlotId> {
    let index = usize::try_from(index).ok()?;
    (found.names.get(index) == Some(&name)).then(|| found.variants[index].content)
}

/// A part of a value, at its place in the shape.
pub(super) struct Placed<'a, T: ?Sized> {
    pub(super) at: At<'a>,
    pub(super) value: &'a T,
}

impl<T: Serialize + ?Sized> Serialize for Placed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Checker {
            at: self.at,
            inner: serializer,
        })
    }
}

/// Compares what is written with the shape, and passes it on.
struct Checker<'a, S> {
    at: At<'a>,
    inner: S,
}

macro_rules! leaves {
    ($($method:ident $type:ty => $leaf:ident,)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.at.leaf(Leaf::$leaf)?;
            self.inner.$method(value)
        }
    )*};
}

impl<'a, S: Serializer> Serializer for Checker<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Part<'a, S::SerializeSeq>;
    type SerializeTuple = Part<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Part<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Part<'a, S::SerializeTupleVariant>;
    type SerializeMap = Part<'a, S::SerializeMap>;
    type SerializeStruct = Part<'a, S::SerializeStruct>;
    type SerializeStructVariant = Part<'a, S::SerializeStructVariant>;

    leaves! {
        serialize_bool bool => Bool,
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
        serialize_char char => Char,
        serialize_str &str => Str,
        serialize_bytes &[u8] => Bytes,
        serialize_unit_struct &'static str => Unit,
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.at.leaf(Leaf::Unit)?;
        self.inner.serialize_unit()
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        match self.at.node() {
            Some(Node::Option { .. }) => self.inner.serialize_none(),
            _ => Err(self.at.mismatch("an option")),
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let Some(&Node::Option { some }) = self.at.node() else {
            return Err(self.at.mismatch("an option"));
        };
        self.inner.serialize_some(&Placed {
            at: self.at.inside(some),
            value,
        })
    }

    /// A newtype has no bytes of its own.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner
            .serialize_newtype_struct(name, &Placed { at: self.at, value })
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.at.variant(index, variant)?.leaf(Leaf::Unit)?;
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let at = self.at.variant(index, variant)?;
        self.inner
            .serialize_newtype_variant(name, index, variant, &Placed { at, value })
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let Some(&Node::Sequence { element }) = self.at.node() else {
            return Err(self.at.mismatch("a sequence"));
        };
        let expected = Expected::Sequence { element };
        Ok(Part::new(self.at, expected, self.inner.serialize_seq(len)?))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let Some(&Node::Map { key, value }) = self.at.node() else {
            return Err(self.at.mismatch("a map"));
        };
        let expected = Expected::Map { key, value };
        Ok(Part::new(self.at, expected, self.inner.serialize_map(len)?))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let expected = self.at.tuple(len)?;
        Ok(Part::new(
            self.at,
            expected,
            self.inner.serialize_tuple(len)?,
        ))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let expected = self.at.tuple(len)?;
        Ok(Part::new(
            self.at,
            expected,
            self.inner.serialize_tuple_struct(name, len)?,
        ))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let at = self.at.variant(index, variant)?;
        let expected = at.tuple(len)?;
        let inner = self
            .inner
            .serialize_tuple_variant(name, index, variant, len)?;
        Ok(Part::new(at, expected, inner))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let (at, expected) = self.at.structure(len)?;
        Ok(Part::new(
            at,
            expected,
            self.inner.serialize_struct(name, len)?,
        ))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let (at, expected) = self.at.variant(index, variant)?.structure(len)?;
        let inner = self
            .inner
            .serialize_struct_variant(name, index, variant, len)?;
        Ok(Part::new(at, expected, inner))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.at.leaf(Leaf::Str)?;
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}
