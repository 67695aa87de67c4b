//! What a finished trace says against a type.

use super::graph::{Node, NodeId, Progress, Slot, SlotId};
use super::refusal::{Reason, Refusal};
use super::samples::Leaf;
use super::trace::{Exploration, FieldOrder, Trace};

impl Trace {
    /// Why codecs of this kind cannot carry the type, if they cannot.
    pub(super) fn verdict(&self) -> Option<Refusal> {
        let bytes = self.nodes_with_bytes();
        let found = (0..self.graph.nodes.len()).find_map(|node| {
            let reason = self.objection(node, &bytes)?;
            Some(Refusal::new(self.explorations[node].place, reason))
        });
        let halted = self.positional && self.halted;
        let place = self
            .explorations
            .first()
            .map(|root| root.place)
            .unwrap_or_default();
        found.or_else(|| halted.then(|| Refusal::new(place, Reason::Untraceable)))
    }

    fn objection(&self, node: NodeId, bytes: &[bool]) -> Option<Reason> {
        if !self.positional {
            return self.is_nested_option(node).then_some(Reason::NestedOption);
        }
        if self.is_unknown(node) {
            return Some(Reason::Untraceable);
        }
        let has_bytes = |slot: SlotId| match self.graph.slots[slot] {
            Slot::Leaf(leaf) => leaf != Leaf::Unit,
            Slot::Node(inside) => bytes[inside],
            Slot::Unknown | Slot::Varying => true,
        };
        match self.graph.nodes[node] {
            Node::Enum(ref found) if found.aliased => Some(Reason::Alias),
            Node::Sequence { element } if !has_bytes(element) => Some(Reason::NoBytes),
            Node::Map { key, value } if !has_bytes(key) && !has_bytes(value) => {
                Some(Reason::NoBytes)
            }
            _ => None,
        }
    }

    /// Whether something in `node` stays unknown that bytes could hold.
    fn is_unknown(&self, node: NodeId) -> bool {
        let unknown = |slot: &SlotId| self.graph.slots[*slot] == Slot::Unknown;
        let Exploration {
            finished,
            rejected,
            detour,
            fields,
            ..
        } = &self.explorations[node];
        match &self.graph.nodes[node] {
            Node::Option { some } => unknown(some) && !detour,
            Node::Sequence { element } => (unknown(element) && !detour) || (*rejected && !finished),
            Node::Map { key, value } => {
                (unknown(key) && !detour) || (!finished && (*rejected || unknown(value)))
            }
            Node::Tuple { elements, .. } => !finished && elements.iter().any(unknown),
            Node::Struct(found) => {
                let used = |field: usize| fields[field] != FieldOrder::Skipped;
                let open = |(field, slot): (usize, &SlotId)| unknown(slot) && used(field);
                !finished && found.fields.iter().enumerate().any(open)
            }
            Node::Enum(found) => found
                .variants
                .iter()
                .any(|variant| matches!(variant.progress, Progress::Untried | Progress::Begun)),
        }
    }

    /// Whether `node` is an option around something that is written as none is.
    fn is_nested_option(&self, node: NodeId) -> bool {
        let Node::Option { some } = self.graph.nodes[node] else {
            return false;
        };
        match self.graph.slots[some] {
            Slot::Leaf(leaf) => leaf == Leaf::Unit,
            Slot::Node(inside) => matches!(self.graph.nodes[inside], Node::Option { .. }),
            Slot::Unknown | Slot::Varying => false,
        }
    }

    /// For each node, whether a positional codec writes at least one byte for any value of it.
    fn nodes_with_bytes(&self) -> Vec<bool> {
        let own = |node: NodeId| match &self.graph.nodes[node] {
            Node::Tuple { .. } | Node::Struct(_) => {
                let mut leaf = false;
                self.graph.for_each_slot(node, |slot| {
                    leaf |= matches!(self.graph.slots[slot], Slot::Leaf(leaf) if leaf != Leaf::Unit);
                });
                leaf
            }
            _ => true,
        };
        // What is in a sequence, an option or an enum does not matter: they are marked already.
        self.graph
            .spread((0..self.graph.nodes.len()).map(own).collect(), |_| true)
    }
}
