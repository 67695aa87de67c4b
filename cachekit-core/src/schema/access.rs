//! What is inside a composite, one after the other.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::graph::{Node, NodeId, SlotId};
use super::trace::{Failed, Trace};
use super::tracer::{Position, Tracer, read};

/// The fields of a tuple or a struct, by position.
pub(super) struct Elements<'t> {
    pub(super) trace: &'t mut Trace,
    pub(super) at: Position,
    pub(super) node: NodeId,
    pub(super) next: usize,
    /// Whether one of them failed.
    pub(super) failed: bool,
}

impl<'de> SeqAccess<'de> for &mut Elements<'_> {
    type Error = Failed;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failed> {
        let (slot, at) = match &self.trace.graph.nodes[self.node] {
            Node::Tuple { elements, .. } => (elements.get(self.next), self.at),
            Node::Struct(found) => {
                let name = found.names.get(self.next).copied().unwrap_or_default();
                (
                    found.fields.get(self.next),
                    self.at.member(found.name, name),
                )
            }
            _ => (None, self.at),
        };
        let Some(&slot) = slot else { return Ok(None) };
        let result = read(self.trace, at.inside(slot), seed);
        self.failed |= result.is_err();
        self.next += 1;
        result.map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        let slots = match &self.trace.graph.nodes[self.node] {
            Node::Tuple { elements, .. } => elements.len(),
            Node::Struct(found) => found.fields.len(),
            _ => 0,
        };
        Some(slots.saturating_sub(self.next))
    }
}

/// The fields of a struct, by name.
pub(super) struct Fields<'t> {
    trace: &'t mut Trace,
    at: Position,
    node: NodeId,
    /// What is still to come, last first.
    order: Vec<usize>,
    /// The field whose name was given, and whose value has not been asked for.
    named: Option<usize>,
}

impl<'t> Fields<'t> {
    /// Lets `visitor` read all fields, those that fail last.
    pub(super) fn read_all<'de, V: Visitor<'de>>(
        tracer: Tracer<'t>,
        node: NodeId,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let Tracer { trace, at } = tracer;
        let mut order = trace.field_order(node);
        order.reverse();
        let mut fields = Self {
            trace,
            at,
            node,
            order,
            named: None,
        };
        let result = visitor.visit_map(&mut fields);
        let Self { trace, named, .. } = fields;
        match (&result, named) {
            (Ok(_), _) => {}
            // Another name of a field that had its value.
            (Err(Failed), Some(field)) => trace.skip_field(node, field),
            (Err(Failed), None) => trace.blame(),
        }
        result
    }

    fn slot(&self, field: usize) -> Option<(SlotId, Position)> {
        let Node::Struct(found) = &self.trace.graph.nodes[self.node] else {
            return None;
        };
        Some((
            found.fields[field],
            self.at.member(found.name, found.names[field]),
        ))
    }
}

impl<'de> MapAccess<'de> for &mut Fields<'_> {
    type Error = Failed;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failed> {
        let Some(field) = self.order.pop() else {
            return Ok(None);
        };
        let Some((_, at)) = self.slot(field) else {
            return Ok(None);
        };
        self.named = Some(field);
        let name: StrDeserializer<'_, Failed> = at.place.member.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failed> {
        let field = self.named.take().ok_or(Failed)?;
        let (slot, at) = self.slot(field).ok_or(Failed)?;
        let result = read(self.trace, at.inside(slot), seed);
        if result.is_err() {
            self.trace.postpone_field(self.node, field);
        }
        result
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.order.len())
    }
}

/// The one element of a sequence, or the one entry of a map; or none.
pub(super) struct Entry<'t> {
    trace: &'t mut Trace,
    at: Position,
    node: NodeId,
    left: bool,
    /// Whether a part of it failed.
    failed: bool,
}

impl<'t> Entry<'t> {
    pub(super) fn read_one<T>(
        tracer: Tracer<'t>,
        node: NodeId,
        visit: impl FnOnce(&mut Self) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let Tracer { trace, at } = tracer;
        let offered = trace.offers(node, at);
        let mut entry = Self {
            trace,
            at,
            node,
            left: offered,
            failed: false,
        };
        let result = visit(&mut entry);
        let Self {
            trace,
            left,
            failed,
            ..
        } = entry;
        let consumed = offered && !left;
        match &result {
            Ok(_) if consumed => trace.finished(node, 1),
            Ok(_) if offered => trace.declined(node),
            Ok(_) => {}
            Err(Failed) => {
                if consumed && !failed {
                    trace.rejected(node);
                }
                trace.detour(node);
            }
        }
        result
    }

    fn read<'de, T: DeserializeSeed<'de>>(
        &mut self,
        at: Position,
        seed: T,
    ) -> Result<T::Value, Failed> {
        let result = read(self.trace, at, seed);
        self.failed |= result.is_err();
        result
    }
}

impl<'de> SeqAccess<'de> for &mut Entry<'_> {
    type Error = Failed;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failed> {
        let Node::Sequence { element } = self.trace.graph.nodes[self.node] else {
            return Ok(None);
        };
        if !std::mem::take(&mut self.left) {
            return Ok(None);
        }
        self.read(self.at.inside(element), seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(self.left))
    }
}

impl<'de> MapAccess<'de> for &mut Entry<'_> {
    type Error = Failed;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failed> {
        let Node::Map { key, .. } = self.trace.graph.nodes[self.node] else {
            return Ok(None);
        };
        if !std::mem::take(&mut self.left) {
            return Ok(None);
        }
        let at = Position {
            map_key: true,
            ..self.at.inside(key)
        };
        self.read(at, seed).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failed> {
        let Node::Map { value, .. } = self.trace.graph.nodes[self.node] else {
            return Err(Failed);
        };
        self.read(self.at.inside(value), seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(self.left))
    }
}
