//! What is left to chance: pauses that are to differ from process to process.

use std::cell::Cell;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash, RandomState};

/// Draws numbers that differ from those of every other of these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance(u64);

impl Default for Chance {
    fn default() -> Self {
        Self(seed())
    }
}

impl Chance {
    /// From 0 to 1: always the same for the same `what`.
    pub(crate) fn of(self, what: impl Hash) -> f64 {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        (hasher.hash_one((self.0, what)) % 1_001) as f64 / 1_000.0
    }
}

thread_local! {
    static SEED: Cell<u64> = Cell::new(RandomState::new().hash_one(0));
}

fn seed() -> u64 {
    SEED.replace(SEED.get().wrapping_add(1))
}

/// Makes all chance of this thread a consequence of `seed`.
#[cfg(feature = "testkit")]
pub(crate) fn seed_thread(seed: u64) {
    SEED.set(seed);
}
