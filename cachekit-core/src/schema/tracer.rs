//! A deserializer without bytes: it notes what a type asks for and answers with samples.

use std::any::type_name;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use super::access::{Elements, Entry, Fields};
use super::enums::Choice;
use super::graph::{Enum, Node, NodeId, Progress, ROOT, Slot, SlotId, Struct, Variant};
use super::refusal::{Place, Reason};
use super::samples::{BOOLS, BYTES, CHARS, FLOATS, INTEGERS, Leaf, STRINGS};
use super::trace::{Failed, Identity, Trace};

/// Where a value is read, and how.
#[derive(Clone, Copy)]
pub(super) struct Position {
    pub(super) slot: SlotId,
    pub(super) depth: usize,
    /// Whether to get through with as little as possible, because this part has been, or is being,
    /// explored elsewhere in the pass: no options, no elements, the shortest variants.
    pub(super) frugal: bool,
    pub(super) map_key: bool,
    pub(super) place: Place,
}

impl Position {
    pub(super) fn root() -> Self {
        Self {
            slot: ROOT,
            depth: 0,
            frugal: false,
            map_key: false,
            place: Place::default(),
        }
    }

    /// The position of something inside.
    pub(super) fn inside(self, slot: SlotId) -> Self {
        Self {
            slot,
            depth: self.depth + 1,
            map_key: false,
            ..self
        }
    }

    pub(super) fn member(self, owner: &'static str, member: &'static str) -> Self {
        Self {
            place: Place { owner, member },
            ..self
        }
    }
}

pub(super) struct Tracer<'t> {
    pub(super) trace: &'t mut Trace,
    pub(super) at: Position,
}

/// Reads one value at `at`.
pub(super) fn read<'de, T: DeserializeSeed<'de>>(
    trace: &mut Trace,
    at: Position,
    seed: T,
) -> Result<T::Value, Failed> {
    trace.forget_last();
    let result = seed.deserialize(Tracer {
        trace: &mut *trace,
        at,
    });
    match &result {
        Ok(_) => trace.accept(at.slot),
        Err(Failed) => trace.blame(),
    }
    result
}

impl Tracer<'_> {
    /// Notes a leaf and says which of its samples to offer.
    fn leaf(&mut self, leaf: Leaf) -> Result<usize, Failed> {
        self.trace.leaf(self.at, leaf)
    }

    /// Notes a leaf that only self-describing codecs have.
    fn described(&mut self, leaf: Leaf, reason: Reason) -> Result<usize, Failed> {
        if self.trace.positional {
            return self.trace.refuse(self.at.place, reason);
        }
        self.leaf(leaf)
    }

    /// Notes a composite. The position's frugality becomes that of what is inside.
    fn enter<V>(
        &mut self,
        mut identity: Identity,
        make: impl FnOnce(&mut Trace) -> Node,
    ) -> Result<NodeId, Failed> {
        identity.visitor = type_name::<V>();
        let (node, generous) = self.trace.enter(self.at, identity, make)?;
        self.at.frugal = !generous;
        Ok(node)
    }

    pub(super) fn tuple<'de, V: Visitor<'de>>(
        mut self,
        identity: Identity,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let len = identity.len;
        let node = self.enter::<V>(identity, |trace| Node::Tuple {
            elements: trace.add_slots(len),
            read: None,
        })?;
        self.elements(node, visitor)
    }

    pub(super) fn structure<'de, V: Visitor<'de>>(
        mut self,
        identity: Identity,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let Identity { name, names, .. } = identity;
        let node = self.enter::<V>(identity, |trace| {
            Node::Struct(Struct {
                name,
                names,
                fields: trace.add_slots(names.len()),
                read: None,
            })
        })?;
        self.at.place = Place {
            owner: name,
            member: "",
        };
        if self.trace.by_name(node) {
            Fields::read_all(self, node, visitor)
        } else {
            self.elements(node, visitor)
        }
    }

    /// Lets `visitor` read the fields of a tuple or a struct by their positions.
    fn elements<'de, V: Visitor<'de>>(self, node: NodeId, visitor: V) -> Result<V::Value, Failed> {
        let place = self.at.place;
        let mut elements = Elements {
            trace: &mut *self.trace,
            at: self.at,
            node,
            next: 0,
            failed: false,
        };
        let result = visitor.visit_seq(&mut elements);
        let Elements {
            next: read, failed, ..
        } = elements;
        match &result {
            Ok(_) => self.trace.finished(node, read),
            Err(Failed) if !self.trace.is_struct(node) => self.trace.blame(),
            Err(Failed) if read == 0 && !failed => {
                return self.trace.refuse(place, Reason::NamesOnly);
            }
            Err(Failed) => self.trace.detour(node),
        }
        result
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $leaf:ident $samples:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
            let sample = self.leaf(Leaf::$leaf)?;
            visitor.$visit($samples[sample].into())
        }
    )*};
}

macro_rules! unsigned {
    ($($method:ident $visit:ident $leaf:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
            let sample = self.leaf(Leaf::$leaf)?;
            visitor.$visit(INTEGERS[sample].unsigned_abs().into())
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Failed;

    numbers! {
        deserialize_bool visit_bool Bool BOOLS,
        deserialize_i8 visit_i8 I8 INTEGERS,
        deserialize_i16 visit_i16 I16 INTEGERS,
        deserialize_i32 visit_i32 I32 INTEGERS,
        deserialize_i64 visit_i64 I64 INTEGERS,
        deserialize_i128 visit_i128 I128 INTEGERS,
        deserialize_f32 visit_f32 F32 FLOATS,
        deserialize_f64 visit_f64 F64 FLOATS,
        deserialize_char visit_char Char CHARS,
    }

    unsigned! {
        deserialize_u8 visit_u8 U8,
        deserialize_u16 visit_u16 U16,
        deserialize_u32 visit_u32 U32,
        deserialize_u64 visit_u64 U64,
        deserialize_u128 visit_u128 U128,
    }

    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        let sample = self.leaf(Leaf::Str)?;
        visitor.visit_string(STRINGS[sample].to_owned())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        let sample = self.leaf(Leaf::Bytes)?;
        visitor.visit_byte_buf(BYTES[sample].to_vec())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        self.leaf(Leaf::Unit)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.deserialize_unit(visitor)
    }

    /// A newtype has no bytes of its own: what is in it takes its place.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.at.depth += 1;
        self.trace.step(self.at)?;
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        match self.described(Leaf::Any, Reason::Any)? {
            0 => visitor.visit_unit(),
            1 => visitor.visit_string("a".to_owned()),
            2 => visitor.visit_u64(1),
            _ => visitor.visit_bool(true),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        let reason = if self.at.map_key {
            Reason::Flatten
        } else {
            Reason::Identifier
        };
        let sample = self.described(Leaf::Identifier, reason)?;
        visitor.visit_string(STRINGS[sample].to_owned())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        self.described(Leaf::Ignored, Reason::Ignored)?;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        let node = self.enter::<V>(Identity::of("option"), |trace| Node::Option {
            some: trace.add_slot(),
        })?;
        let Node::Option { some } = self.trace.graph.nodes[node] else {
            return Err(Failed);
        };
        if !self.trace.offers(node, self.at) {
            return visitor.visit_none();
        }
        let at = self.at.inside(some);
        let result = visitor.visit_some(Tracer {
            trace: &mut *self.trace,
            at,
        });
        match &result {
            Ok(_) if self.trace.graph.slots[some] == Slot::Unknown => self.trace.declined(node),
            Ok(_) => {}
            Err(Failed) => self.trace.detour(node),
        }
        result
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        let node = self.enter::<V>(Identity::of("sequence"), |trace| Node::Sequence {
            element: trace.add_slot(),
        })?;
        Entry::read_one(self, node, |entry| visitor.visit_seq(entry))
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failed> {
        let node = self.enter::<V>(Identity::of("map"), |trace| Node::Map {
            key: trace.add_slot(),
            value: trace.add_slot(),
        })?;
        Entry::read_one(self, node, |entry| visitor.visit_map(entry))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.tuple(
            Identity {
                len,
                ..Identity::of("tuple")
            },
            visitor,
        )
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.tuple(
            Identity {
                name,
                len,
                ..Identity::of("tuple")
            },
            visitor,
        )
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.structure(
            Identity {
                name,
                names,
                ..Identity::of("struct")
            },
            visitor,
        )
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let identity = Identity {
            name,
            names,
            ..Identity::of("enum")
        };
        let node = self.enter::<V>(identity, |trace| {
            let variant = |content| Variant {
                content,
                progress: Progress::Untried,
            };
            let variants = trace
                .add_slots(names.len())
                .into_iter()
                .map(variant)
                .collect();
            Node::Enum(Enum {
                name,
                names,
                variants,
                aliased: false,
            })
        })?;
        Choice::read(self, node, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.trace.human_readable
    }
}
