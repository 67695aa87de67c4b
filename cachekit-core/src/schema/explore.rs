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

use std::collections::HashMap;

use serde::de::{self, DeserializeOwned};

use super::graph::{Graph, Node, NodeId, Progress, ROOT, Slot, SlotId};
use super::refusal::{Place, Reason, Refusal};
use super::samples::Leaf;
use super::tracer::{Position, Tracer};

/// Enough for every variant of the largest enum and every sample of some leaves.
const MAX_PASSES: usize = 8192;
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

/// How far the samples of a leaf were tried.
#[derive(Clone, Copy, Default)]
struct Tries {
    sample: usize,
    tried: usize,
    accepted: Option<usize>,
}

/// How a composite is being explored.
#[derive(Default)]
struct Exploration {
    /// The last pass that explored it.
    pass: usize,
    /// Go without what is inside: none, empty; or, for a struct, read it by name.
    detour: bool,
    /// Must not be none or empty, even in a frugal pass.
    needed: bool,
    /// Its visitor took all that there was and was not content.
    rejected: bool,
    finished: bool,
    fields: Vec<FieldOrder>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum FieldOrder {
    #[default]
    InOrder,
    Last,
    /// An alias.
    Skipped,
}

/// What was offered last, and may be what the type refuses.
#[derive(Clone, Copy)]
enum Offer {
    Leaf(SlotId),
    Nothing(NodeId),
    Other,
}

pub(super) struct Trace {
    pub(super) graph: Graph,
    pub(super) positional: bool,
    pub(super) human_readable: bool,
    /// Something new was seen, or is to be tried, since the pass began.
    pub(super) progress: bool,
    /// The deepest level since it was set.
    pub(super) peak: usize,
    named: HashMap<Identity, NodeId>,
    tries: Vec<Tries>,
    explorations: Vec<Exploration>,
    open: Vec<bool>,
    pass: usize,
    steps: usize,
    last: Offer,
    /// The present failure has been blamed on someone.
    blamed: bool,
    /// The one to blame has nothing else to offer.
    exhausted: bool,
    too_deep: bool,
    halted: bool,
    refusal: Option<Refusal>,
}

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
        if T::deserialize(tracer).is_err() {
            trace.blame();
        } else {
            trace.accept(ROOT);
        }
    }
    let refusal = trace.refusal.or_else(|| trace.conclude());
    (trace.graph, refusal)
}

impl Trace {
    fn new(positional: bool, human_readable: bool) -> Self {
        let mut trace = Self {
            graph: Graph::default(),
            positional,
            human_readable,
            progress: true,
            peak: 0,
            named: HashMap::new(),
            tries: Vec::new(),
            explorations: Vec::new(),
            open: Vec::new(),
            pass: 0,
            steps: 0,
            last: Offer::Other,
            blamed: false,
            exhausted: false,
            too_deep: false,
            halted: false,
            refusal: None,
        };
        trace.add_slots(1);
        trace
    }

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
                self.add_node(identity, made)?
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

    fn add_node(&mut self, identity: Identity, node: Node) -> Result<NodeId, Failed> {
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

    /// After a field failed: if nothing else can be tried, it comes last.
    pub(super) fn postpone_field(&mut self, node: NodeId, field: usize) {
        if self.gives_up() && self.explorations[node].fields[field] != FieldOrder::Last {
            self.explorations[node].fields[field] = FieldOrder::Last;
            self.went_around();
        }
    }

    pub(super) fn skip_field(&mut self, node: NodeId, field: usize) {
        self.explorations[node].fields[field] = FieldOrder::Skipped;
        self.blamed = true;
        self.went_around();
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

    /// After `node` failed: if nothing else can be tried, it is gone around.
    pub(super) fn detour(&mut self, node: NodeId) {
        if self.gives_up() && !self.explorations[node].detour {
            self.explorations[node].detour = true;
            self.went_around();
        }
    }
}

/// Who is to blame for a failure, and what to do next.
impl Trace {
    fn offer(&mut self, offer: Offer) {
        self.last = offer;
        self.blamed = false;
        self.exhausted = false;
    }

    pub(super) fn forget_last(&mut self) {
        self.offer(Offer::Other);
    }

    /// The value in `slot` was to the type's liking.
    pub(super) fn accept(&mut self, slot: SlotId) {
        let tries = &mut self.tries[slot];
        tries.accepted = Some(tries.sample);
    }

    /// Something failed: what was offered last is to be something else in the next pass.
    pub(super) fn blame(&mut self) {
        if self.blamed || self.too_deep || self.halted {
            return;
        }
        self.blamed = true;
        let other = match self.last {
            Offer::Leaf(slot) => self.next_sample(slot),
            Offer::Nothing(node) => !std::mem::replace(&mut self.explorations[node].needed, true),
            Offer::Other => false,
        };
        self.exhausted = !other;
        self.progress |= other;
    }

    fn next_sample(&mut self, slot: SlotId) -> bool {
        let Slot::Leaf(leaf) = self.graph.slots[slot] else {
            return false;
        };
        let tries = &mut self.tries[slot];
        let more = tries.tried + 1 < leaf.samples();
        if more {
            tries.tried += 1;
            tries.sample = tries.tried;
        } else {
            tries.sample = tries.accepted.unwrap_or(0);
        }
        more
    }

    /// Whether a failed part is to be gone around: its leaf has nothing else to offer, and the
    /// pass has shown nothing new for which to try it once more.
    pub(super) fn gives_up(&mut self) -> bool {
        self.blame();
        self.exhausted && !self.progress
    }

    pub(super) fn went_around(&mut self) {
        self.exhausted = false;
        self.progress = true;
    }
}

/// What is still open.
impl Trace {
    /// Finds the composites from which something untried can be reached.
    fn find_open(&mut self) {
        let mut open: Vec<bool> = (0..self.graph.nodes.len())
            .map(|node| self.has_untried(node))
            .collect();
        let mut grown = true;
        while grown {
            grown = false;
            for node in 0..open.len() {
                if open[node] {
                    continue;
                }
                self.graph.for_each_slot(node, |slot| {
                    if let Slot::Node(inside) = self.graph.slots[slot] {
                        open[node] |= open[inside];
                    }
                });
                grown |= open[node];
            }
        }
        self.open = open;
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

    /// Whether something untried was within reach of `slot` when the pass began.
    pub(super) fn is_open(&self, slot: SlotId) -> bool {
        matches!(self.graph.slots[slot], Slot::Node(node) if self.open[node])
    }

    /// Whether the finished trace leaves something unknown that bytes could hold.
    fn conclude(&self) -> Option<Refusal> {
        if !self.positional {
            return None;
        }
        let unknown = self.halted || (0..self.graph.nodes.len()).any(|node| self.is_unknown(node));
        unknown.then(|| Refusal::new(Place::default(), Reason::Untraceable))
    }

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
                let skipped = |field: usize| fields[field] == FieldOrder::Skipped;
                let open = |(field, slot): (usize, &SlotId)| unknown(slot) && !skipped(field);
                !finished && found.fields.iter().enumerate().any(open)
            }
            Node::Enum(found) => found
                .variants
                .iter()
                .any(|variant| matches!(variant.progress, Progress::Untried | Progress::Begun)),
        }
    }
}
