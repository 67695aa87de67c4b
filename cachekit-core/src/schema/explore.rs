//! Passes over a type, until nothing new is seen.
//!
//! A pass drives `Deserialize` once, from the root. The first time that a pass comes to a
//! composite it explores it: options are given, sequences have an element, and an enum takes a
//! variant that has still something to show. From then on the same composite is got through with
//! as little as possible, which ends recursion and keeps a pass as short as the type.
//!
//! A type may refuse a sample. The leaf that was read last is then to blame, and offers its next
//! sample in the next pass. When it has none left, the smallest part around it that can be gone
//! without is: the option is none, the sequence empty, the variant not chosen, the field of a
//! struct comes last (structs can be read by name, in any order). So everything is seen but what
//! follows such a leaf in a tuple.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;

use super::graph::{Graph, Node, NodeId, Progress, ROOT, Slot, SlotId};
use super::refusal::{Place, Reason, Refusal};
use super::trace::Trace;
use super::tracer::{Position, Tracer};

/// Enough for every variant of the largest enum and every sample of some leaves.
const MAX_PASSES: usize = 8192;

/// The graph of `T`, and why it cannot be carried.
pub(super) fn explore<T: DeserializeOwned>(
    positional: bool,
    human_readable: bool,
) -> (Graph, Option<Refusal>) {
    let mut trace = Trace::new(positional, human_readable);
    while trace.begin_pass() {
        let tracer = Tracer {
            trace: &mut trace,
            at: Position::root(),
        };
        // A pass that panics leaves nothing half done: the trace ends with it.
        match catch_unwind(AssertUnwindSafe(|| T::deserialize(tracer).is_ok())) {
            Ok(true) => trace.accept(ROOT),
            Ok(false) => trace.blame(),
            Err(_) => trace.panicked(),
        }
    }
    let refusal = trace.refusal.or_else(|| trace.verdict());
    (trace.graph, refusal)
}

impl Trace {
    /// Whether another pass is worth it.
    fn begin_pass(&mut self) -> bool {
        let worth = self.progress && !self.halted && self.pass < MAX_PASSES;
        self.pass += 1;
        self.progress = false;
        self.peak = 0;
        self.too_deep = false;
        self.find_open();
        self.forget_last();
        worth
    }

    /// The type's own code panicked over a sample.
    fn panicked(&mut self) {
        self.halted = true;
        if self.positional {
            self.refusal = Some(Refusal::new(Place::default(), Reason::Panicked));
        }
    }

    /// Finds the composites from which something untried can be reached.
    fn find_open(&mut self) {
        let nodes = 0..self.graph.nodes.len();
        let untried = nodes.map(|node| self.has_untried(node)).collect();
        self.open = self.graph.spread(untried, |node| self.leads_on(node));
    }

    /// Whether what is inside `node` is still read.
    fn leads_on(&self, node: NodeId) -> bool {
        !self.explorations[node].detour || self.is_struct(node)
    }

    fn has_untried(&self, node: NodeId) -> bool {
        let missing = |slot: SlotId| {
            self.graph.slots[slot] == Slot::Unknown && !self.explorations[node].detour
        };
        match &self.graph.nodes[node] {
            Node::Option { some: slot }
            | Node::Sequence { element: slot }
            | Node::Map { key: slot, .. } => missing(*slot),
            Node::Enum(found) => found
                .variants
                .iter()
                .any(|variant| variant.progress == Progress::Untried),
            Node::Tuple { .. } | Node::Struct(_) => false,
        }
    }

    /// Whether the pass could come to something untried by `slot`: through nothing that it has
    /// been to, for there it does not explore again.
    pub(super) fn is_open(&self, slot: SlotId) -> bool {
        let mut seen = vec![false; self.graph.nodes.len()];
        let mut slots = vec![slot];
        while let Some(slot) = slots.pop() {
            let Slot::Node(node) = self.graph.slots[slot] else {
                continue;
            };
            if !self.open[node] || self.was_explored(node) || seen[node] {
                continue;
            }
            if self.has_untried(node) {
                return true;
            }
            seen[node] = true;
            if self.leads_on(node) {
                self.graph.for_each_slot(node, |slot| slots.push(slot));
            }
        }
        false
    }
}
