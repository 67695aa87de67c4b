//! A serde type whose shape is data: what a derive would have generated, for any description.

pub(crate) mod generate;

use std::cell::RefCell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::ser::{SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleVariant};
use serde::{Deserialize, Serialize, Serializer};

/// Composites that a type may have: each needs a visitor type of its own, as derived types have.
pub(crate) const MAX_NODES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Leaf {
    U8,
    I8,
    U32,
    I32,
    U64,
    Bool,
    Char,
    Text,
}

/// A place in a type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Slot {
    Leaf(Leaf),
    Node(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Option(Slot),
    Sequence(Slot),
    Map(Slot, Slot),
    Tuple(Vec<Slot>),
    Struct(&'static [&'static str], Vec<Slot>),
    Enum(&'static [&'static str], Vec<Content>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Content {
    Unit,
    Newtype(Slot),
    /// The content is the tuple or the struct of that number.
    Fields(usize),
}

/// A type: its root and its composites. `names_from` only moves the names of the visitor types.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Type {
    pub(crate) root: Slot,
    pub(crate) nodes: Vec<Node>,
    pub(crate) names_from: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    U8(u8),
    I8(i8),
    U32(u32),
    I32(i32),
    U64(u64),
    Bool(bool),
    Char(char),
    Text(String),
    Option(Option<Box<Self>>),
    Sequence(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Tuple(Vec<Self>),
    Struct(&'static [&'static str], Vec<Self>),
    Variant(u32, &'static str, Box<Variant>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Variant {
    Unit,
    Newtype(Value),
    Tuple(Vec<Value>),
    Struct(&'static [&'static str], Vec<Value>),
}

/// A value of the type that [`with_type`] has set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dynamic(pub(crate) Value);

thread_local! {
    static TYPE: RefCell<Option<Type>> = const { RefCell::new(None) };
}

/// Runs `work` while [`Dynamic`] is of type `of`.
pub(crate) fn with_type<T>(of: &Type, work: impl FnOnce() -> T) -> T {
    TYPE.set(Some(of.clone()));
    work()
}

impl<'de> Deserialize<'de> for Dynamic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let of = TYPE
            .with_borrow(|of| of.clone())
            .ok_or_else(|| D::Error::custom("no type"))?;
        Place {
            of: &of,
            slot: of.root,
        }
        .deserialize(deserializer)
        .map(Self)
    }
}

#[derive(Clone, Copy)]
struct Place<'t> {
    of: &'t Type,
    slot: Slot,
}

/// A visitor whose type has a name of its own for each number.
struct Walk<'t, const NAME: usize> {
    of: &'t Type,
    node: usize,
}

/// Calls a function with the visitor of a node.
macro_rules! walk {
    ($of:expr, $node:expr, |$visitor:ident| $call:expr) => {
        walk!($of, $node, |$visitor| $call, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19)
    };
    ($of:expr, $node:expr, |$visitor:ident| $call:expr, $($name:literal)*) => {
        match $node + $of.names_from {
            $($name => {
                let $visitor = Walk::<$name> { of: $of, node: $node };
                $call
            })*
            other => panic!("node {other} has no visitor"),
        }
    };
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        let of = self.of;
        let node = match self.slot {
            Slot::Leaf(leaf) => return read_leaf(leaf, d),
            Slot::Node(node) => node,
        };
        match &of.nodes[node] {
            Node::Option(_) => walk!(of, node, |visitor| d.deserialize_option(visitor)),
            Node::Sequence(_) => walk!(of, node, |visitor| d.deserialize_seq(visitor)),
            Node::Map(..) => walk!(of, node, |visitor| d.deserialize_map(visitor)),
            Node::Tuple(slots) => {
                walk!(of, node, |visitor| d
                    .deserialize_tuple(slots.len(), visitor))
            }
            Node::Struct(names, _) => {
                walk!(of, node, |visitor| d
                    .deserialize_struct("S", names, visitor))
            }
            Node::Enum(names, _) => {
                walk!(of, node, |visitor| d.deserialize_enum("E", names, visitor))
            }
        }
    }
}

fn read_leaf<'de, D: Deserializer<'de>>(leaf: Leaf, d: D) -> Result<Value, D::Error> {
    Ok(match leaf {
        Leaf::U8 => Value::U8(u8::deserialize(d)?),
        Leaf::I8 => Value::I8(i8::deserialize(d)?),
        Leaf::U32 => Value::U32(u32::deserialize(d)?),
        Leaf::I32 => Value::I32(i32::deserialize(d)?),
        Leaf::U64 => Value::U64(u64::deserialize(d)?),
        Leaf::Bool => Value::Bool(bool::deserialize(d)?),
        Leaf::Char => Value::Char(char::deserialize(d)?),
        Leaf::Text => Value::Text(String::deserialize(d)?),
    })
}

impl<'t, const NAME: usize> Walk<'t, NAME> {
    fn node(&self) -> &'t Node {
        &self.of.nodes[self.node]
    }

    fn at(&self, slot: Slot) -> Place<'t> {
        Place { of: self.of, slot }
    }

    fn fields<'de, A: SeqAccess<'de>>(
        &self,
        slots: &[Slot],
        mut access: A,
    ) -> Result<Vec<Value>, A::Error> {
        let field = |(index, &slot)| {
            let value = access.next_element_seed(self.at(slot))?;
            value.ok_or_else(|| A::Error::invalid_length(index, &"more"))
        };
        slots.iter().enumerate().map(field).collect()
    }
}

impl<'de, const NAME: usize> Visitor<'de> for Walk<'_, NAME> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.node)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Option(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Node::Option(some) = self.node() else {
            return Err(D::Error::custom("an option"));
        };
        let value = self.at(*some).deserialize(deserializer)?;
        Ok(Value::Option(Some(Box::new(value))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        match self.node() {
            Node::Sequence(element) => {
                let mut elements = Vec::new();
                while let Some(value) = access.next_element_seed(self.at(*element))? {
                    elements.push(value);
                }
                Ok(Value::Sequence(elements))
            }
            Node::Tuple(slots) => self.fields(slots, access).map(Value::Tuple),
            Node::Struct(names, slots) => self
                .fields(slots, access)
                .map(|fields| Value::Struct(names, fields)),
            _ => Err(A::Error::custom("a sequence")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        match self.node() {
            Node::Map(key, value) => {
                let mut entries = Vec::new();
                while let Some(key) = access.next_key_seed(self.at(*key))? {
                    entries.push((key, access.next_value_seed(self.at(*value))?));
                }
                Ok(Value::Map(entries))
            }
            Node::Struct(names, slots) => {
                let mut fields = vec![None; slots.len()];
                while let Some(index) = access.next_key_seed(Name(names))? {
                    fields[index] = Some(access.next_value_seed(self.at(slots[index]))?);
                }
                let fields: Option<Vec<_>> = fields.into_iter().collect();
                fields
                    .map(|fields| Value::Struct(names, fields))
                    .ok_or_else(|| A::Error::custom("a missing field"))
            }
            _ => Err(A::Error::custom("a map")),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        let Node::Enum(names, contents) = self.node() else {
            return Err(A::Error::custom("an enum"));
        };
        let (index, access) = access.variant_seed(Name(names))?;
        let variant = match contents[index] {
            Content::Unit => access.unit_variant().map(|()| Variant::Unit)?,
            Content::Newtype(slot) => Variant::Newtype(access.newtype_variant_seed(self.at(slot))?),
            Content::Fields(node) => read_fields(self.of, node, access)?,
        };
        let number = u32::try_from(index).map_err(A::Error::custom)?;
        Ok(Value::Variant(number, names[index], Box::new(variant)))
    }
}

fn read_fields<'de, A: VariantAccess<'de>>(
    of: &Type,
    node: usize,
    access: A,
) -> Result<Variant, A::Error> {
    let value = match &of.nodes[node] {
        Node::Struct(names, _) => walk!(of, node, |visitor| access.struct_variant(names, visitor)),
        Node::Tuple(slots) => {
            walk!(of, node, |visitor| access
                .tuple_variant(slots.len(), visitor))
        }
        _ => Err(A::Error::custom("fields")),
    }?;
    match value {
        Value::Tuple(values) => Ok(Variant::Tuple(values)),
        Value::Struct(names, values) => Ok(Variant::Struct(names, values)),
        _ => Err(A::Error::custom("fields")),
    }
}

/// The number of a field or a variant, from its number or its name.
struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_u64<E: serde::de::Error>(self, index: u64) -> Result<usize, E> {
        let index = usize::try_from(index).map_err(E::custom)?;
        (index < self.0.len())
            .then_some(index)
            .ok_or_else(|| E::custom("an unknown index"))
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        self.0
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| E::custom("an unknown name"))
    }
}

impl Serialize for Dynamic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::U8(value) => value.serialize(s),
            Self::I8(value) => value.serialize(s),
            Self::U32(value) => value.serialize(s),
            Self::I32(value) => value.serialize(s),
            Self::U64(value) => value.serialize(s),
            Self::Bool(value) => value.serialize(s),
            Self::Char(value) => value.serialize(s),
            Self::Text(value) => value.serialize(s),
            Self::Option(value) => value.serialize(s),
            Self::Sequence(values) => s.collect_seq(values),
            Self::Map(entries) => s.collect_map(entries.iter().map(|(key, value)| (key, value))),
            Self::Tuple(values) => {
                let mut tuple = s.serialize_tuple(values.len())?;
                values
                    .iter()
                    .try_for_each(|value| tuple.serialize_element(value))?;
                tuple.end()
            }
            Self::Struct(names, values) => {
                let mut fields = s.serialize_struct("S", values.len())?;
                let mut pairs = names.iter().zip(values);
                pairs.try_for_each(|(name, value)| fields.serialize_field(name, value))?;
                fields.end()
            }
            Self::Variant(index, name, variant) => variant.write(*index, name, s),
        }
    }
}

impl Variant {
    fn write<S: Serializer>(
        &self,
        index: u32,
        name: &'static str,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unit => s.serialize_unit_variant("E", index, name),
            Self::Newtype(value) => s.serialize_newtype_variant("E", index, name, value),
            Self::Tuple(values) => {
                let mut tuple = s.serialize_tuple_variant("E", index, name, values.len())?;
                values
                    .iter()
                    .try_for_each(|value| tuple.serialize_field(value))?;
                tuple.end()
            }
            Self::Struct(names, values) => {
                let mut fields = s.serialize_struct_variant("E", index, name, values.len())?;
                let mut pairs = names.iter().zip(values);
                pairs.try_for_each(|(name, value)| fields.serialize_field(name, value))?;
                fields.end()
            }
        }
    }
}
