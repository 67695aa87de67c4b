//! An entry as quick_cache holds it, and the ways to look one up.

use std::any::Any;
use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::{Equivalent, Weighter};

/// An entry. It is the *key* of quick_cache, and equal to every other of the same bytes.
#[derive(Clone)]
pub(super) struct Resident {
    pub(super) key: Arc<[u8]>,
    pub(super) value: Arc<dyn Any + Send + Sync>,
    pub(super) deadline_ms: u64,
    pub(super) weight: u64,
}

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

/// A look-up that clones what it finds.
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
        if resident.deadline_ms > self.now_ms {
            self.found.set(resident.value.downcast_ref::<T>().cloned());
        }
        true
    }
}

/// A look-up that asks whether the entry is still the one that ends at a deadline.
pub(super) struct Probe<'a> {
    pub(super) key: &'a [u8],
    pub(super) deadline_ms: u64,
    pub(super) same: Cell<bool>,
}

impl Hash for Probe<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Bytes(self.key).hash(state);
    }
}

impl Equivalent<Resident> for Probe<'_> {
    fn equivalent(&self, resident: &Resident) -> bool {
        let equivalent = *self.key == *resident.key;
        if equivalent {
            self.same.set(resident.deadline_ms == self.deadline_ms);
        }
        equivalent
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

#[derive(Clone)]
pub(super) struct ByBytes;

impl Weighter<Resident, ()> for ByBytes {
    fn weight(&self, resident: &Resident, (): &()) -> u64 {
        resident.weight
    }
}
