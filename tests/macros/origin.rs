//! What a cached function asks when it computes.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts how often it was asked.
pub(crate) struct Origin(AtomicUsize);

impl Origin {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    pub(crate) fn ask(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn asked(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
