//! What a trace knows so far, and how it comes to know more.

use std::collections::HashMap;

use serde::de;

use super::blame::{Blame, Offer, Tries};
use super::graph::{Graph, Node, NodeId, Slot, SlotId};
use super::refusal::{Place, Reason, Refusal};
use super::samples::Leaf;
use super::tracer::Position;

/// Values read, over all passes.
const MAX_STEPS: usize = 1 << 22;
/// Fields, elements and variants of a type.
const MAX_SLOTS: usize = 1 << 16;
/// Composites and newtypes inside one another: each takes some frames of the stack.
const MAX_DEPTH: usize = 96;

/// A sample was refused, or a limit reached. What the type says about it is of no use.
#[derive(Debug, thiserror::Error)]
#[error("refused while its shape was traced")]
pub(super) struct Failed;

impl de::Error for Failed {
    fn custom<T: std::fmt::Display>(_message: T) -> Self {
        Self
    }
}

/// What tells one composite from another, within one trace: never part of the shape.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// The visitor's type, with its generics: `Page<A>` and `Page<B>` have the same names.
    pub(super) visitor: &'static str,
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) names: &'static [&'static str],
    pub(super) len: usize,
    /// The visitors of two variants may have the same name.
    pub(super) variant: Option<SlotId>,
}

impl Identity {
    pub(super) fn of(kind: &'static str) -> Self {
        Self {
            visitor: "",
            kind,
            name: "",
            names: &[],
            len: 0,
            variant: None,
        }
    }
}

/// How a composite is being explored.
#[derive(Default)]
pub(super) struct Exploration {
    /// Where it was first seen.
    pub(super) place: Place,
    /// Go without what is inside: none, empty; or, for a struct, read it by name.
    pub(super) detour: bool,
    /// Must not be none or empty, even when there is nothing to explore.
    pub(super) needed: bool,
    /// Its visitor took all that there was and was not content.
    pub(super) rejected: bool,
    /// Its visitor was content, at least once.
    pub(super) finished: bool,
    /// One for each field of a struct.
    pub(super) fields: Vec<FieldOrder>,
    /// The last pass that explored it.
    pass: usize,
}

/// When a field is read by name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldOrder {
    InOrder,
    /// After the others, because it fails.
    Last,
    /// Never: the name is an alias.
    Skipped,
}

#[derive(Default)]
pub(super) struct Trace {
    pub(super) graph: Graph,
    pub(super) positional: bool,
    pub(super) human_readable: bool,
    pub(super) refusal: Option<Refusal>,
    /// Something new was seen, or is to be tried, since the pass began.
    pub(super) progress: bool,
    /// The deepest level since it was set.
    pub(super) peak: usize,
    pub(super) pass: usize,
    /// Whether the pass came to a level where it must not go on.
    pub(super) too_deep: bool,
    /// Whether the trace is at its end, complete or not.
    pub(super) halted: bool,
    pub(super) blame: Blame,
    /// One for each slot.
    pub(super) tries: Vec<Tries>,
    /// One for each node.
    pub(super) explorations: Vec<Exploration>,
    /// For each node, whether something untried was within reach when the pass began.
    pub(super) open: Vec<bool>,
    named: HashMap<Identity, NodeId>,
    steps: usize,
}

impl Trace {
    pub(super) fn new(positional: bool, human_readable: bool) -> Self {
        let mut trace = Self {
            positional,
            human_readable,
            progress: true,
            ..Self::default()
        };
        trace.add_slots(1);
        trace
    }

    pub(super) fn add_slot(&mut self) -> SlotId {
        self.tries.push(Tries::default());
        self.graph.add_slot()
    }

    pub(super) fn add_slots(&mut self, count: usize) -> Vec<SlotId> {
        if self.graph.slots.len().saturating_add(count) > MAX_SLOTS {
            self.halted = true;
            return Vec::new();
        }
        (0..count).map(|_| self.add_slot()).collect()
    }

    /// Ends the trace: no codec of this kind can carry the type.
    pub(super) fn refuse<T>(&mut self, place: Place, reason: Reason) -> Result<T, Failed> {
        self.refusal
            .get_or_insert_with(|| Refusal::new(place, reason));
        self.halted = true;
        Err(Failed)
    }

    /// One more value is read.
    pub(super) fn step(&mut self, at: Position) -> Result<(), Failed> {
        self.steps += 1;
        self.peak = self.peak.max(at.depth);
        self.halted |= self.steps > MAX_STEPS;
        self.too_deep |= at.depth > MAX_DEPTH;
        if self.halted || self.too_deep {
            Err(Failed)
        } else {
            Ok(())
        }
    }

    fn note(&mut self, at: Position, seen: Slot) -> Result<(), Failed> {
        let slot = self.graph.slots[at.slot];
        if slot == seen || slot == Slot::Varying {
            return Ok(());
        }
        self.progress = true;
        if slot == Slot::Unknown {
            self.graph.slots[at.slot] = seen;
            return Ok(());
        }
        self.graph.slots[at.slot] = Slot::Varying;
        if self.positional {
            self.refuse(at.place, Reason::Varying)
        } else {
            Ok(())
        }
    }

    /// Notes a leaf and says which of its samples to offer.
    pub(super) fn leaf(&mut self, at: Position, leaf: Leaf) -> Result<usize, Failed> {
        self.step(at)?;
        self.note(at, Slot::Leaf(leaf))?;
        self.offer(Offer::Leaf(at.slot));
        Ok(self.tries[at.slot].sample % leaf.samples())
    }

    /// Notes a composite and says whether to explore it.
    pub(super) fn enter(
        &mut self,
        at: Position,
        identity: Identity,
        make: impl FnOnce(&mut Self) -> Node,
    ) -> Result<(NodeId, bool), Failed> {
        self.step(at)?;
        let node = match self.named.get(&identity) {
            Some(&node) => node,
            None => {
                let made = make(self);
                self.add_node(at.place, identity, made)?
            }
        };
        self.note(at, Slot::Node(node))?;
        let exploration = &mut self.explorations[node];
        let generous = !at.frugal && exploration.pass != self.pass;
        if generous {
            exploration.pass = self.pass;
        }
        Ok((node, generous))
    }

    fn add_node(&mut self, place: Place, identity: Identity, node: Node) -> Result<NodeId, Failed> {
        if self.halted {
            return Err(Failed);
        }
        let fields = match &node {
            Node::Struct(found) => vec![FieldOrder::InOrder; found.fields.len()],
            _ => Vec::new(),
        };
        let id = self.graph.nodes.len();
        self.graph.nodes.push(node);
        self.explorations.push(Exploration {
            place,
            fields,
            ..Exploration::default()
        });
        self.open.push(true);
        self.named.insert(identity, id);
        Ok(id)
    }

    /// Whether an option or a sequence at `at` is to have what it is for.
    pub(super) fn offers(&mut self, node: NodeId, at: Position) -> bool {
        let Exploration { detour, needed, .. } = self.explorations[node];
        let offers = !detour && (needed || !at.frugal);
        if !offers {
            self.offer(Offer::Nothing(node));
        }
        offers
    }

    pub(super) fn is_struct(&self, node: NodeId) -> bool {
        matches!(self.graph.nodes[node], Node::Struct(_))
    }

    /// Whether the pass has explored `node`, or is about to.
    pub(super) fn was_explored(&self, node: NodeId) -> bool {
        self.explorations[node].pass == self.pass
    }

    /// Whether a struct is to be read by the names of its fields.
    pub(super) fn by_name(&self, node: NodeId) -> bool {
        !self.positional || self.explorations[node].detour
    }

    /// The fields of a struct in the order in which to read them by name.
    pub(super) fn field_order(&self, node: NodeId) -> Vec<usize> {
        let Node::Struct(found) = &self.graph.nodes[node] else {
            return Vec::new();
        };
        let fields = &self.explorations[node].fields;
        let of = |order| (0..fields.len()).filter(move |&field| fields[field] == order);
        let (open, settled): (Vec<_>, Vec<_>) =
            of(FieldOrder::Last).partition(|&field| self.is_open(found.fields[field]));
        of(FieldOrder::InOrder).chain(open).chain(settled).collect()
    }

    /// All that `node` wanted was read: so many elements.
    pub(super) fn finished(&mut self, node: NodeId, count: usize) {
        self.explorations[node].finished = true;
        if let Node::Tuple { read, .. } = &mut self.graph.nodes[node] {
            *read = Some(count);
        } else if let Node::Struct(found) = &mut self.graph.nodes[node] {
            found.read = Some(count);
        }
    }

    /// The visitor was offered something and did not take it: there is nothing to see inside.
    pub(super) fn declined(&mut self, node: NodeId) {
        self.explorations[node].detour = true;
    }

    pub(super) fn rejected(&mut self, node: NodeId) {
        self.explorations[node].rejected = true;
    }
}
