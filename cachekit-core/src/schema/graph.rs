//! What was seen of a type: a graph, because types recur.

use super::samples::Leaf;

/// Where a value is read: the root, a field, an element, the content of a variant.
pub(super) type SlotId = usize;
/// A composite: something with slots.
pub(super) type NodeId = usize;

/// The root's slot.
pub(super) const ROOT: SlotId = 0;

/// What is read in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// Nothing so far.
    Unknown,
    Leaf(Leaf),
    Node(NodeId),
    /// One thing at one time and another at another.
    Varying,
}

#[derive(Debug)]
pub(super) enum Node {
    Option {
        some: SlotId,
    },
    Sequence {
        element: SlotId,
    },
    Map {
        key: SlotId,
        value: SlotId,
    },
    /// `read`: as in [`Struct`].
    Tuple {
        elements: Vec<SlotId>,
        read: Option<usize>,
    },
    Struct(Struct),
    Enum(Enum),
}

#[derive(Debug)]
pub(super) struct Struct {
    pub(super) name: &'static str,
    /// The names, aliases included: the names of one field stand together.
    pub(super) names: &'static [&'static str],
    /// One for each name. By position only the first `read` are in use.
    pub(super) fields: Vec<SlotId>,
    /// How many fields are read one after the other; less than there are names if some are
    /// aliases. `None`: never seen to the end.
    pub(super) read: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Enum {
    pub(super) name: &'static str,
    /// The names, aliases included.
    pub(super) names: &'static [&'static str],
    /// One for each name. By position the last ones are in use only if none is an alias.
    pub(super) variants: Vec<Variant>,
    /// Whether there are fewer variants than names.
    pub(super) aliased: bool,
}

#[derive(Debug)]
pub(super) struct Variant {
    /// [`Slot::Unknown`] if its content is never read. A unit variant holds a unit.
    pub(super) content: SlotId,
    pub(super) progress: Progress,
}

/// How far a variant has been explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Untried,
    /// Tried, and not yet to the end.
    Begun,
    /// Read to the end, so many levels deep at the least.
    Done(usize),
    /// No sample leads to its end.
    Stuck,
}

#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) slots: Vec<Slot>,
    pub(super) nodes: Vec<Node>,
}

impl Graph {
    pub(super) fn add_slot(&mut self) -> SlotId {
        self.slots.push(Slot::Unknown);
        self.slots.len() - 1
    }

    /// Marks, besides the `marked` nodes, all from which a marked one can be reached through nodes
    /// that lead `through`.
    pub(super) fn spread(
        &self,
        mut marked: Vec<bool>,
        through: impl Fn(NodeId) -> bool,
    ) -> Vec<bool> {
        let mut grown = true;
        while std::mem::take(&mut grown) {
            for node in 0..self.nodes.len() {
                if marked[node] || !through(node) {
                    continue;
                }
                self.for_each_slot(node, |slot| {
                    if let Slot::Node(inside) = self.slots[slot] {
                        marked[node] |= marked[inside];
                    }
                });
                grown |= marked[node];
            }
        }
        marked
    }

    /// Calls `visit` with every slot directly in `node`.
    pub(super) fn for_each_slot(&self, node: NodeId, mut visit: impl FnMut(SlotId)) {
        match &self.nodes[node] {
            Node::Option { some: slot } | Node::Sequence { element: slot } => visit(*slot),
            Node::Map { key, value } => {
                visit(*key);
                visit(*value);
            }
            Node::Tuple {
                elements: slots, ..
            }
            | Node::Struct(Struct { fields: slots, .. }) => {
                slots.iter().copied().for_each(visit);
            }
            Node::Enum(found) => found.variants.iter().map(|v| v.content).for_each(visit),
        }
    }
}
