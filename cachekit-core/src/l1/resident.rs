//! An entry as quick_cache holds it, and the ways to look one up.

use std::any::Any;
use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::{Equivalent, Lifecycle, Weighter};

use crate::l1::Key;
use crate::l1::look::{Look, Mark};
use crate::l1::span::Moments;
use crate::l1::tags::{Tagged, Tags};

/// An entry. It is the *key* of quick_cache, and equal to every other of the same bytes.
///
/// Its moments change under the lock of its stripe only, and are read without it.
pub(super) struct Resident {
    pub(super) key: Key,
    value: Arc<dyn Any + Send + Sync>,
    /// Before this moment there is nothing to think about: it is fresh, nobody need refresh it,
    /// and it has no tags.
    soon_ms: AtomicU64,
    rest: Box<Rest>,
}

/// What a hit does not read, kept apart: what it does read stays close together.
struct Rest {
    /// The end of the fresh part; 0 once it was expired.
    fresh_ms: AtomicU64,
    /// Before this moment nobody is to compute: the end of the claim or of the throttle, if any.
    refresh_ms: AtomicU64,
    /// The end of grace.
    until_ms: AtomicU64,
    /// How long a claim lasts.
    claim_ms: u64,
    tags: Option<Tagged>,
    weight: u64,
}

impl Resident {
    pub(super) fn new(
        key: Key,
        value: Arc<dyn Any + Send + Sync>,
        moments: Moments,
        tags: Option<Tagged>,
        weight: u64,
    ) -> Self {
        let resident = Self {
            key,
            value,
            soon_ms: AtomicU64::new(0),
            rest: Box::new(Rest {
                fresh_ms: AtomicU64::new(moments.fresh_ms),
                refresh_ms: AtomicU64::new(moments.refresh_ms),
                until_ms: AtomicU64::new(moments.until_ms),
                claim_ms: moments.claim_ms(),
                tags,
                weight,
            }),
        };
        resident.refresh_at(moments.refresh_ms);
        resident
    }

    /// The value, whatever the time and if it is a `T`.
    #[inline]
    fn value<T: Clone + 'static>(&self) -> Option<T> {
        self.value.downcast_ref::<T>().cloned()
    }

    pub(super) fn look<T: Clone + 'static>(&self, now_ms: u64, removed: &Tags) -> Look<T> {
        // First, and so that whoever sees that it was expired sees all of it.
        let fresh_ms = self.rest.fresh_ms.load(Ordering::Acquire);
        let nobody_computes = now_ms < self.rest.refresh_ms.load(Ordering::Relaxed);
        if !self.is_valid(now_ms, removed) {
            return Look::Nothing;
        }
        let left = Duration::from_millis(fresh_ms.saturating_sub(now_ms));
        if let Some(mark) = self.value.downcast_ref::<Mark>() {
            return Look::Marked(*mark);
        }
        match self.value() {
            None => Look::Nothing,
            Some(value) if left.is_zero() => Look::Grace {
                value,
                throttled: nobody_computes,
            },
            Some(value) if nobody_computes => Look::Fresh { value, left },
            Some(value) => Look::Early { value, left },
        }
    }

    /// Whether its time is not over, and none of its tags was removed.
    pub(super) fn is_valid(&self, now_ms: u64, removed: &Tags) -> bool {
        let valid = |tags: &Tagged| removed.are_valid(tags);
        now_ms < self.until_ms() && self.rest.tags.as_ref().is_none_or(valid)
    }

    /// Whether this call is the first in the early window, or since the last claim has ended. For
    /// the others the entry is fresh until this one ends.
    pub(super) fn claim(&self, now_ms: u64) -> bool {
        let fresh_ms = self.rest.fresh_ms.load(Ordering::Relaxed);
        let refresh_ms = self.rest.refresh_ms.load(Ordering::Relaxed);
        let early = refresh_ms <= now_ms && now_ms < fresh_ms;
        if early {
            let claimed_ms = now_ms.saturating_add(self.rest.claim_ms);
            self.refresh_at(claimed_ms.min(fresh_ms));
        }
        early
    }

    /// Nobody is to compute before `refresh_ms`.
    pub(super) fn refresh_at(&self, refresh_ms: u64) {
        self.rest.refresh_ms.store(refresh_ms, Ordering::Relaxed);
        if self.rest.tags.is_none() {
            let fresh_ms = self.rest.fresh_ms.load(Ordering::Relaxed);
            self.soon_ms
                .store(refresh_ms.min(fresh_ms), Ordering::Relaxed);
        }
    }

    /// Ends the fresh part now. Grace, as long as it was to be, begins now, and ends no later than
    /// it would have.
    pub(super) fn expire(&self, now_ms: u64) {
        let (fresh_ms, until_ms) = (self.rest.fresh_ms.load(Ordering::Relaxed), self.until_ms());
        let grace_ms = until_ms - fresh_ms;
        let until_ms = now_ms.saturating_add(grace_ms).min(until_ms);
        self.soon_ms.store(0, Ordering::Relaxed);
        self.rest.refresh_ms.store(0, Ordering::Relaxed);
        self.rest.until_ms.store(until_ms, Ordering::Relaxed);
        self.rest.fresh_ms.store(0, Ordering::Release);
    }

    pub(super) fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms < self.rest.fresh_ms.load(Ordering::Relaxed)
    }

    pub(super) fn until_ms(&self) -> u64 {
        self.rest.until_ms.load(Ordering::Relaxed)
    }
}

impl Hash for Resident {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Bytes(&self.key).hash(state);
    }
}

impl PartialEq for Resident {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Resident {}

/// Hashed as a whole, without a length in front: all keys are one byte string each.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Hash for Bytes<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0);
    }
}

impl Equivalent<Resident> for Bytes<'_> {
    fn equivalent(&self, resident: &Resident) -> bool {
        *self.0 == *resident.key
    }
}

/// A look-up that clones what it finds, if there is nothing to think about.
pub(super) struct Query<'a, T> {
    pub(super) key: &'a [u8],
    pub(super) now_ms: u64,
    pub(super) found: Cell<Option<T>>,
}

impl<T> Hash for Query<'_, T> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        Bytes(self.key).hash(state);
    }
}

impl<T: Clone + 'static> Equivalent<Resident> for Query<'_, T> {
    #[inline]
    fn equivalent(&self, resident: &Resident) -> bool {
        if *self.key != *resident.key {
            return false;
        }
        if resident.soon_ms.load(Ordering::Relaxed) > self.now_ms {
            self.found.set(resident.value());
        }
        true
    }
}

/// A look-up that shows what it finds to `see`.
pub(super) struct Visit<'a, See> {
    pub(super) key: &'a [u8],
    pub(super) see: See,
}

impl<See> Hash for Visit<'_, See> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Bytes(self.key).hash(state);
    }
}

impl<See: Fn(&Resident)> Equivalent<Resident> for Visit<'_, See> {
    fn equivalent(&self, resident: &Resident) -> bool {
        let equivalent = *self.key == *resident.key;
        if equivalent {
            (self.see)(resident);
        }
        equivalent
    }
}

#[derive(Clone)]
pub(super) struct ByBytes;

impl Weighter<Resident, ()> for ByBytes {
    fn weight(&self, resident: &Resident, (): &()) -> u64 {
        resident.rest.weight
    }
}

/// Hands residents that had to go to whoever made them go, who drops them when no lock is held.
#[derive(Clone)]
pub(super) struct Evicted;

impl Lifecycle<Resident, ()> for Evicted {
    type RequestState = Vec<Resident>;

    fn on_evict(&self, gone: &mut Vec<Resident>, resident: Resident, (): ()) {
        gone.push(resident);
    }
}
