//! The layer in this process: typed values, shared by reference count or copied, never decoded.
//!
//! Over quick_cache, which has no ttl and no way to lend a value: the deadline lies in the entry,
//! and the *key* that is stored carries the value, so that a look-up can clone what it finds
//! while the shard is locked for reading. A hit touches no reference count but those that the
//! value's own `Clone` touches, and each thread that reads has a lock of its own (`sharded-lock` of
//! quick_cache): two readers write to nothing that the other reads. `Clone` runs under that lock:
//! a slow one delays writers of the shard, not readers.
//!
//! A **fill** is a value on its way in: a read of the backend, or a computation. It notes the
//! generation of its exact key when it begins and enters only if no invalidation and no write
//! has moved it. Fills, invalidations and writes of a key pass the same lock; hits never do.

mod resident;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use quick_cache::OptionsBuilder;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::clock::Clock;
use resident::{ByBytes, Bytes, Probe, Query, Resident};

/// Locks for what is not a hit.
const STRIPES: usize = 256;
/// How many entries past their deadline one insert removes at most from its own stripe, and as
/// many again from the next: more than it adds, so that they cannot pile up.
const SWEPT_PER_INSERT: usize = 4;
/// A shard of quick_cache below this many entries loses hits to uneven spreading.
const ENTRIES_PER_SHARD: usize = 128;
/// Shards are for writers: readers have locks of their own. More of them than this push each
/// other out of the processor's nearest cache, and every hit pays for it.
const SHARDS_PER_PROCESSOR: usize = 4;
/// An entry larger than its shard is never kept, and the bytes are divided among the shards.
const BYTES_PER_SHARD: usize = 16 << 20;
/// What an entry costs beside its key and its value: slots in tables, the note of its deadline.
const ENTRY_OVERHEAD: usize = 128;

type Key = Arc<[u8]>;

/// Bounds of the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

pub(crate) struct L1 {
    residents: Cache<Resident, (), ByBytes, RandomState>,
    stripes: Box<[Mutex<Stripe>]>,
    hasher: RandomState,
    clock: Clock,
    capacity: Capacity,
}

/// What quick_cache cannot see of a key: the fills on their way, and when its entries end.
#[derive(Default)]
struct Stripe {
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

impl L1 {
    pub(crate) fn new(capacity: Capacity, clock: Clock) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let most_shards = SHARDS_PER_PROCESSOR * processors;
        let full_shards =
            (capacity.entries / ENTRIES_PER_SHARD).min(capacity.bytes / BYTES_PER_SHARD);
        let shards = full_shards.clamp(1, most_shards);
        let options = OptionsBuilder::new()
            .shards(shards)
            .estimated_items_capacity(capacity.entries)
            .weight_capacity(capacity.bytes as u64)
            .build()
            .expect("both capacities are given");
        let hasher = RandomState::new();
        Self {
            residents: Cache::with_options(
                options,
                ByBytes,
                hasher.clone(),
                DefaultLifecycle::default(),
            ),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            hasher,
            clock,
            capacity,
        }
    }

    /// The value of `key`, unless its time is over or it is not a `T`.
    #[inline]
    pub(crate) fn get<T: Clone + 'static>(&self, key: &[u8]) -> Option<T> {
        let query = Query {
            key,
            now_ms: self.clock.monotonic_ms(),
            found: Cell::new(None),
        };
        self.residents.get(&query)?;
        query.found.into_inner()
    }

    /// Notes that a value for `key` is on its way.
    pub(crate) fn begin(self: &Arc<Self>, key: &Key) -> Fill {
        let mut stripe = self.stripe(key);
        let fills = stripe.fills.entry(Arc::clone(key)).or_default();
        fills.under_way += 1;
        let generation = fills.generation;
        drop(stripe);
        Fill {
            l1: Arc::clone(self),
            key: Arc::clone(key),
            generation,
        }
    }

    /// Stores `value`, whatever is there or on its way.
    pub(crate) fn put<T: Send + Sync + 'static>(
        &self,
        key: &Key,
        value: Arc<T>,
        age: Duration,
        bytes: usize,
    ) {
        let mut stripe = self.stripe(key);
        stripe.supersede(key);
        self.insert(&mut stripe, key, value, age, bytes);
        drop(stripe);
        self.sweep_next(key);
    }

    /// Removes `key`, and lets no fill in that is on its way.
    pub(crate) fn invalidate(&self, key: &[u8]) {
        let mut stripe = self.stripe(key);
        stripe.supersede(key);
        self.residents.remove(&Bytes(key));
    }

    /// Entries held, those past their deadline included.
    pub(crate) fn len(&self) -> usize {
        self.residents.len()
    }

    /// The estimate of the bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.residents.weight()
    }

    fn insert(
        &self,
        stripe: &mut Stripe,
        key: &Key,
        value: Arc<dyn Any + Send + Sync>,
        age: Duration,
        bytes: usize,
    ) {
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let now_ms = self.clock.monotonic_ms();
        let deadline_ms = now_ms.saturating_add(age_ms);
        // The share of one entry in the byte bound, at least: so one weight keeps both bounds.
        let share = self.capacity.bytes.div_ceil(self.capacity.entries);
        let weight = share.max(bytes + key.len() + ENTRY_OVERHEAD) as u64;
        self.sweep(stripe, now_ms);
        self.residents.insert(
            Resident {
                key: Arc::clone(key),
                value,
                deadline_ms,
                weight,
            },
            (),
        );
        stripe
            .deadlines
            .push(Reverse((deadline_ms, Arc::clone(key))));
        self.compact(stripe);
    }

    /// Removes a few entries whose time is over, without anybody asking for them.
    fn sweep(&self, stripe: &mut Stripe, now_ms: u64) {
        for _ in 0..SWEPT_PER_INSERT {
            match stripe.deadlines.peek() {
                Some(Reverse((deadline_ms, _))) if *deadline_ms <= now_ms => {}
                _ => return,
            }
            if let Some(Reverse((deadline_ms, key))) = stripe.deadlines.pop()
                && self.ends_at(&key, deadline_ms)
            {
                self.residents.remove(&Bytes(&key));
            }
        }
    }

    /// A stripe whose keys are not written any more is swept by the writes of its neighbour.
    fn sweep_next(&self, key: &[u8]) {
        let next = (self.index(key) + 1) % STRIPES;
        if let Ok(mut stripe) = self.stripes[next].try_lock() {
            self.sweep(&mut stripe, self.clock.monotonic_ms());
        }
    }

    /// Throws away the notes of entries that were evicted or replaced. Each insert pays for a
    /// constant number of notes on average.
    fn compact(&self, stripe: &mut Stripe) {
        if stripe.deadlines.len() < stripe.compact_at.max(64) {
            return;
        }
        stripe
            .deadlines
            .retain(|Reverse((deadline_ms, key))| self.ends_at(key, *deadline_ms));
        stripe.compact_at = stripe.deadlines.len() * 2;
    }

    fn ends_at(&self, key: &[u8], deadline_ms: u64) -> bool {
        let probe = Probe {
            key,
            deadline_ms,
            same: Cell::new(false),
        };
        self.residents.contains_key(&probe) && probe.same.get()
    }

    fn index(&self, key: &[u8]) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any bits of the hash will do"
        )]
        let hash = self.hasher.hash_one(Bytes(key)) as usize;
        hash % STRIPES
    }

    fn stripe(&self, key: &[u8]) -> MutexGuard<'_, Stripe> {
        self.stripes[self.index(key)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stripe {
    fn supersede(&mut self, key: &[u8]) {
        if let Some(fills) = self.fills.get_mut(key) {
            fills.generation += 1;
        }
    }
}

/// A value on its way in.
pub(crate) struct Fill {
    l1: Arc<L1>,
    key: Key,
    generation: u64,
}

impl Fill {
    /// Lets `value` in for `age`, unless an invalidation or a write came in between.
    pub(crate) fn complete<T: Send + Sync + 'static>(
        self,
        value: Arc<T>,
        age: Duration,
        bytes: usize,
    ) {
        let l1 = &self.l1;
        let mut stripe = l1.stripe(&self.key);
        if self.is_current(&stripe) && !age.is_zero() {
            l1.insert(&mut stripe, &self.key, value, age, bytes);
        }
        drop(stripe);
        l1.sweep_next(&self.key);
    }

    /// The same for a value that was written, not read: other fills that are under way may hold
    /// what it replaced, and do not enter any more.
    pub(crate) fn complete_written<T: Send + Sync + 'static>(
        mut self,
        value: Arc<T>,
        age: Duration,
        bytes: usize,
    ) {
        let l1 = Arc::clone(&self.l1);
        let mut stripe = l1.stripe(&self.key);
        if self.is_current(&stripe) {
            stripe.supersede(&self.key);
            self.generation += 1;
        }
        drop(stripe);
        self.complete(value, age, bytes);
    }

    fn is_current(&self, stripe: &Stripe) -> bool {
        let fills = stripe.fills.get(&self.key);
        fills.is_some_and(|fills| fills.generation == self.generation)
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        let mut stripe = self.l1.stripe(&self.key);
        if let Some(fills) = stripe.fills.get_mut(&self.key) {
            fills.under_way -= 1;
            if fills.under_way == 0 {
                stripe.fills.remove(&self.key);
            }
        }
    }
}

impl fmt::Debug for L1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("L1")
            .field("entries", &self.len())
            .field("bytes", &self.bytes())
            .field("capacity", &self.capacity)
            .finish()
    }
}

impl fmt::Debug for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fill(generation {})", self.generation)
    }
}
