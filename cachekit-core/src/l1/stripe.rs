//! What quick_cache cannot see of a key: the fills on their way, and when its entries end.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, MutexGuard};

use crate::l1::Key;
use crate::l1::resident::Resident;

/// Below this many notes none are thrown away.
const FEW_NOTES: usize = 64;

#[derive(Default)]
pub(super) struct Stripe {
    fills: HashMap<Key, Fills>,
    deadlines: BinaryHeap<Reverse<(u64, Key)>>,
    /// The length of `deadlines` at which notes of entries that are gone are thrown away.
    compact_at: usize,
}

/// The fills of one key.
#[derive(Default)]
struct Fills {
    under_way: usize,
    generation: u64,
}

impl Stripe {
    /// A fill of `key` begins; the generation it belongs to.
    pub(super) fn begin(&mut self, key: &Key) -> u64 {
        let fills = self.fills.entry(Arc::clone(key)).or_default();
        fills.under_way += 1;
        fills.generation
    }

    /// A fill of `key` is over, whether it entered or not.
    pub(super) fn end(&mut self, key: &[u8]) {
        if let Some(fills) = self.fills.get_mut(key) {
            fills.under_way -= 1;
            if fills.under_way == 0 {
                self.fills.remove(key);
            }
        }
    }

    /// Lets no fill of `key` in that has begun before now.
    pub(super) fn supersede(&mut self, key: &[u8]) {
        if let Some(fills) = self.fills.get_mut(key) {
            fills.generation += 1;
        }
    }

    /// [`supersede`](Self::supersede) for all keys that are meant.
    pub(super) fn supersede_where(&mut self, is_meant: impl Fn(&[u8]) -> bool) {
        for (key, fills) in &mut self.fills {
            if is_meant(key) {
                fills.generation += 1;
            }
        }
    }

    pub(super) fn is_current(&self, key: &[u8], generation: u64) -> bool {
        let fills = self.fills.get(key);
        fills.is_some_and(|fills| fills.generation == generation)
    }

    /// Notes when an entry ends.
    pub(super) fn note(&mut self, until_ms: u64, key: &Key) {
        self.deadlines.push(Reverse((until_ms, Arc::clone(key))));
    }

    /// The earliest note, if its time is over.
    pub(super) fn due(&mut self, now_ms: u64) -> Option<(u64, Key)> {
        let Reverse((until_ms, _)) = self.deadlines.peek()?;
        if *until_ms > now_ms {
            return None;
        }
        self.deadlines.pop().map(|Reverse(note)| note)
    }

    /// Throws away the notes that are not `true_still`: of entries that were evicted, replaced or
    /// expired. Each new note pays for a constant number of old ones on average.
    pub(super) fn compact(&mut self, true_still: impl Fn(u64, &[u8]) -> bool) {
        if self.deadlines.len() < self.compact_at.max(FEW_NOTES) {
            return;
        }
        self.deadlines
            .retain(|Reverse((until_ms, key))| true_still(*until_ms, key));
        self.compact_at = self.deadlines.len() * 2;
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.deadlines.len(), self.fills.len())
    }
}

/// A stripe that is locked, and what has to be dropped once it no longer is: the code that drops
/// values is not ours.
pub(super) struct Locked<'a> {
    // Fields are dropped in the order in which they stand: the lock first.
    stripe: MutexGuard<'a, Stripe>,
    pub(super) gone: Vec<Resident>,
}

impl<'a> Locked<'a> {
    pub(super) const fn new(stripe: MutexGuard<'a, Stripe>) -> Self {
        Self {
            stripe,
            gone: Vec::new(),
        }
    }
}

impl Deref for Locked<'_> {
    type Target = Stripe;

    fn deref(&self) -> &Stripe {
        &self.stripe
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Stripe {
        &mut self.stripe
    }
}
