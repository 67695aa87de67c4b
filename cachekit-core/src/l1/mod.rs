//! The layer in this process: typed values, shared by reference count or copied, never decoded.
//!
//! Over quick_cache, which has no ttl and no way to lend a value: the line of time lies in the
//! entry, and the *key* that is stored carries the value, so that a look-up can clone what it finds
//! while the shard is locked for reading. A hit touches no reference count but those that the
//! value's own `Clone` touches, and each thread that reads has a lock of its own (`sharded-lock` of
//! quick_cache): two readers write to nothing that the other reads. `Clone` runs under that lock:
//! a slow one delays writers of the shard, not readers. `Drop` runs under no lock.
//!
//! A hit compares the time with one moment of the entry. All else (early refresh, grace, tags,
//! marks) is seen by a second look, which is taken only after a hit failed.
//!
//! A **fill** is a value on its way in: a read of the backend, or a computation. It notes the
//! generation of its exact key when it begins and enters only if no invalidation and no write
//! has moved it. Fills, invalidations, writes and whatever changes an entry in its place pass the
//! same lock; hits and looks never do.

mod fill;
mod look;
mod resident;
mod span;
mod stripe;
mod tags;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use quick_cache::OptionsBuilder;
use quick_cache::sync::Cache;

use crate::clock::Clock;
pub(crate) use fill::Fill;
pub(crate) use look::{Look, Mark};
use resident::{ByBytes, Bytes, Evicted, Query, Resident, Visit};
pub(crate) use span::Span;
use stripe::{Locked, Stripe};
pub(crate) use tags::LocalTags;
use tags::{Tagged, Tags};

/// Locks for what is not a hit.
const STRIPES: usize = 256;
/// How many entries past their end one insert removes at most from its own stripe, and as many
/// again from the next: more than it adds, so that they cannot pile up.
const SWEPT_PER_INSERT: usize = 4;
/// A shard of quick_cache below this many entries loses hits to uneven spreading.
const ENTRIES_PER_SHARD: usize = 128;
/// Shards are for writers: readers have locks of their own. More of them than this push each
/// other out of the processor's nearest cache, and every hit pays for it.
const SHARDS_PER_PROCESSOR: usize = 4;
/// An entry larger than its shard is never kept, and the bytes are divided among the shards.
const BYTES_PER_SHARD: usize = 16 << 20;
/// What an entry costs beside its key and its value: slots in tables, its moments, the note of its
/// end.
const ENTRY_OVERHEAD: usize = 192;

type Key = Arc<[u8]>;

/// Bounds of the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

pub(crate) struct L1 {
    residents: Cache<Resident, (), ByBytes, RandomState, Evicted>,
    stripes: Box<[Mutex<Stripe>]>,
    tags: Tags,
    hasher: RandomState,
    clock: Clock,
    capacity: Capacity,
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
            residents: Cache::with_options(options, ByBytes, hasher.clone(), Evicted),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            tags: Tags::default(),
            hasher,
            clock,
            capacity,
        }
    }

    /// The value of `key`, if it is fresh, nobody need refresh it, and it has no tags.
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

    /// What there is under `key`, after [`get`](Self::get) has found nothing.
    pub(crate) fn look<T: Clone + 'static>(&self, key: &[u8]) -> Look<T> {
        let now_ms = self.clock.monotonic_ms();
        let look = |resident: &Resident| resident.look(now_ms, &self.tags);
        self.visit(key, look).unwrap_or(Look::Nothing)
    }

    /// When what there is under `key` is gone, on the monotonic clock; 0 if there is nothing.
    pub(crate) fn until_ms(&self, key: &[u8]) -> u64 {
        self.visit(key, Resident::until_ms).unwrap_or(0)
    }

    /// Whether there is something valid under `key`, fresh or in grace.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        let now_ms = self.clock.monotonic_ms();
        let has = |resident: &Resident| resident.is_valid(now_ms, &self.tags);
        self.visit(key, has).unwrap_or(false)
    }

    /// Whether the caller is the one who is to refresh an entry in its early window. For all others
    /// it is fresh without further ado for a quarter of that window; then another may claim it.
    pub(crate) fn claim(&self, key: &[u8]) -> bool {
        let _stripe = self.stripe(key);
        let now_ms = self.clock.monotonic_ms();
        let claimed = self.visit(key, |resident| resident.claim(now_ms));
        claimed.unwrap_or(false)
    }

    /// For so long nobody is to compute the entry anew: after a refresh that failed it is early
    /// again after that, or, zero, at once; in grace it is throttled until then. False if there is
    /// no entry.
    pub(crate) fn throttle(&self, key: &[u8], duration: Duration) -> bool {
        let _stripe = self.stripe(key);
        let now_ms = self.clock.monotonic_ms();
        let refresh_ms = now_ms.saturating_add(span::millis(duration));
        let throttled = self.visit(key, |resident| {
            resident.refresh_at(refresh_ms);
            now_ms < resident.until_ms()
        });
        throttled.unwrap_or(false)
    }

    /// Notes that a value for `key` is on its way.
    pub(crate) fn begin(self: &Arc<Self>, key: &Key) -> Fill {
        Fill::begin(self, key)
    }

    /// Stores `value`, whatever is there or on its way.
    pub(crate) fn put<T: Send + Sync + 'static>(
        &self,
        key: &Key,
        value: Arc<T>,
        span: Span,
        bytes: usize,
        tags: LocalTags,
    ) {
        let mut stripe = self.stripe(key);
        stripe.supersede(key);
        self.insert(&mut stripe, key, value, span, bytes, tags);
        drop(stripe);
        self.sweep_next(key);
    }

    /// Removes `key`, and lets no fill in that is on its way.
    pub(crate) fn remove(&self, key: &[u8]) {
        let mut stripe = self.stripe(key);
        stripe.supersede(key);
        self.discard(&mut stripe, key);
    }

    /// `key` is no longer fresh: what is there stays for its grace, and no fill enters that is on
    /// its way.
    pub(crate) fn expire(&self, key: &[u8]) {
        let mut stripe = self.stripe(key);
        stripe.supersede(key);
        let now_ms = self.clock.monotonic_ms();
        let expired = self.visit(key, |resident| {
            let was_until_ms = resident.until_ms();
            resident.expire(now_ms);
            (was_until_ms, resident.until_ms(), Arc::clone(&resident.key))
        });
        match expired {
            Some((_, until_ms, _)) if until_ms <= now_ms => self.discard(&mut stripe, key),
            Some((was_until_ms, until_ms, key)) if until_ms != was_until_ms => {
                self.note(&mut stripe, until_ms, &key);
            }
            _ => {}
        }
    }

    /// Removes what is in grace under `key`; what is fresh stays, and fills may enter.
    pub(crate) fn drop_grace(&self, key: &[u8]) {
        let mut stripe = self.stripe(key);
        let now_ms = self.clock.monotonic_ms();
        if self.visit(key, |resident| resident.is_fresh(now_ms)) == Some(false) {
            self.discard(&mut stripe, key);
        }
    }

    /// [`remove`](Self::remove) for all keys that are meant. Goes through all that is there, and
    /// locks a part of it at a time.
    pub(crate) fn invalidate_where(&self, is_meant: impl Fn(&[u8]) -> bool) {
        for stripe in 0..STRIPES {
            self.lock(stripe).supersede_where(&is_meant);
        }
        let meant = RefCell::new(Vec::new());
        self.residents.retain(|resident, ()| {
            if is_meant(&resident.key) {
                meant.borrow_mut().push(Arc::clone(&resident.key));
            }
            true
        });
        for key in meant.into_inner() {
            self.discard(&mut self.stripe(&key), &key);
        }
    }

    /// The tags that were removed in this process.
    pub(crate) const fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Entries held, those past their end included.
    pub(crate) fn len(&self) -> usize {
        self.residents.len()
    }

    /// The estimate of the bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.residents.weight()
    }

    fn insert(
        &self,
        stripe: &mut Locked<'_>,
        key: &Key,
        value: Arc<dyn Any + Send + Sync>,
        span: Span,
        bytes: usize,
        tags: LocalTags,
    ) {
        let now_ms = self.clock.monotonic_ms();
        let moments = span.from(now_ms);
        if moments.until_ms <= now_ms {
            return self.discard(stripe, key);
        }
        // The share of one entry in the byte bound, at least: so one weight keeps both bounds.
        let share = self.capacity.bytes.div_ceil(self.capacity.entries);
        let weight = share.max(bytes + key.len() + ENTRY_OVERHEAD) as u64;
        let resident = Resident::new(Arc::clone(key), value, moments, Tagged::new(tags), weight);
        self.sweep(stripe, now_ms);
        self.residents
            .insert_with_lifecycle(resident, (), &mut stripe.gone);
        self.note(stripe, moments.until_ms, key);
    }

    fn discard(&self, stripe: &mut Locked<'_>, key: &[u8]) {
        let removed = self.residents.remove(&Bytes(key));
        stripe.gone.extend(removed.map(|(resident, ())| resident));
    }

    fn note(&self, stripe: &mut Stripe, until_ms: u64, key: &Key) {
        stripe.note(until_ms, key);
        stripe.compact(|until_ms, key| self.ends_at(key, until_ms));
    }

    /// Removes a few entries whose time is over, without anybody asking for them.
    fn sweep(&self, stripe: &mut Locked<'_>, now_ms: u64) {
        for _ in 0..SWEPT_PER_INSERT {
            match stripe.due(now_ms) {
                Some((until_ms, key)) if self.ends_at(&key, until_ms) => self.discard(stripe, &key),
                Some(_) => {}
                None => return,
            }
        }
    }

    /// A stripe whose keys are not written any more is swept by the writes of its neighbour.
    fn sweep_next(&self, key: &[u8]) {
        let next = (self.index(key) + 1) % STRIPES;
        if let Ok(stripe) = self.stripes[next].try_lock() {
            self.sweep(&mut Locked::new(stripe), self.clock.monotonic_ms());
        }
    }

    fn ends_at(&self, key: &[u8], until_ms: u64) -> bool {
        self.visit(key, Resident::until_ms) == Some(until_ms)
    }

    /// What `see` makes of the entry of `key`. Its stripe must be locked if it is changed.
    fn visit<R>(&self, key: &[u8], see: impl Fn(&Resident) -> R) -> Option<R> {
        let seen = Cell::new(None);
        self.residents.contains_key(&Visit {
            key,
            see: |resident: &Resident| seen.set(Some(see(resident))),
        });
        seen.into_inner()
    }

    fn index(&self, key: &[u8]) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any bits of the hash will do"
        )]
        let hash = self.hasher.hash_one(Bytes(key)) as usize;
        hash % STRIPES
    }

    fn stripe(&self, key: &[u8]) -> Locked<'_> {
        self.lock(self.index(key))
    }

    fn lock(&self, stripe: usize) -> Locked<'_> {
        let stripe = self.stripes[stripe].lock();
        Locked::new(stripe.unwrap_or_else(PoisonError::into_inner))
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
