//! Who is to blame for a failure, and what to do about it in the next pass.

use super::graph::{NodeId, Slot, SlotId};
use super::trace::{FieldOrder, Trace};

/// How far the samples of a leaf were tried.
#[derive(Clone, Copy, Default)]
pub(super) struct Tries {
    /// The one to offer.
    pub(super) sample: usize,
    tried: usize,
    accepted: Option<usize>,
}

/// What was offered last, and may be what the type refuses.
#[derive(Clone, Copy, Default)]
pub(super) enum Offer {
    Leaf(SlotId),
    /// No option, or no elements.
    Nothing(NodeId),
    #[default]
    Other,
}

/// The present failure.
#[derive(Default)]
pub(super) struct Blame {
    last: Offer,
    /// Whether someone has been blamed.
    placed: bool,
    /// Whether the one to blame has nothing else to offer.
    exhausted: bool,
}

impl Trace {
    pub(super) fn offer(&mut self, offer: Offer) {
        self.blame = Blame {
            last: offer,
            ..Blame::default()
        };
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
        if self.blame.placed || self.too_deep || self.halted {
            return;
        }
        self.blame.placed = true;
        let other = match self.blame.last {
            Offer::Leaf(slot) => self.next_sample(slot),
            Offer::Nothing(node) => !std::mem::replace(&mut self.explorations[node].needed, true),
            Offer::Other => false,
        };
        self.blame.exhausted = !other;
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
        self.blame.exhausted && !self.progress
    }

    pub(super) fn went_around(&mut self) {
        self.blame.exhausted = false;
        self.progress = true;
    }

    /// After `node` failed: if nothing else can be tried, it is gone around.
    pub(super) fn detour(&mut self, node: NodeId) {
        if self.gives_up() && !self.explorations[node].detour {
            self.explorations[node].detour = true;
            self.went_around();
        }
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
        self.blame.placed = true;
        self.went_around();
    }
}
