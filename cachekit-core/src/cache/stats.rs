//! What happened beside hits.
//!
//! Hits in L1 are not counted: a counter that every hit writes to would cost more than the hit
//! when two processors share it.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// Counters of one cache since it was made; see [`Cache::stats`](crate::cache::Cache::stats).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[doc = $doc])+ pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                Stats { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Values found in the backend.
    backend_hits,
    /// Computations that were begun, those of bypassed calls not included.
    computed,
    /// Calls that waited for the computation of another.
    coalesced,
    /// Calls that went past the cache: an argument without a key, or a key asked for inside its
    /// own computation.
    bypassed,
    /// Operations that the backend failed.
    backend_errors,
    /// Writes that something newer had overtaken.
    superseded,
    /// Values over the store's limit.
    too_large,
    /// Values that their codec cannot carry.
    refused,
    /// Entries that could not be used: damaged, of another key, or undecodable.
    defective,
    /// Entries of a format from the future, left alone.
    unknown_version,
    /// Computations that waited for a lead in another process in vain.
    lead_timeouts,
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
