//! What happened, per function and per cache.
//!
//! Hits in L1 are not counted here: a counter that every hit writes to would cost more than the hit
//! when two processors share it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident, $event:ident;)*) => {
        /// What happened since a cache was made, or since the process began for a function: see
        /// [`Cache::stats`](crate::cache::Cache::stats).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[doc = $doc])+ pub $name: u64,)*
            /// Time that computations took.
            pub origin: Duration,
            /// Time that hits of the backend have saved: what the computation of each had taken.
            pub saved: Duration,
        }

        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Event {
            $($event,)*
        }

        const EVENTS: usize = [$(Event::$event,)*].len();

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                let count = |event: Event| self.events[event as usize].load(Ordering::Relaxed);
                let time = |micros: &AtomicU64| Duration::from_micros(micros.load(Ordering::Relaxed));
                Stats {
                    $($name: count(Event::$event),)*
                    origin: time(&self.origin_us),
                    saved: time(&self.saved_us),
                }
            }
        }
    };
}

counters! {
    /// Fresh values found in the backend.
    backend_hits, BackendHit;
    /// Values given out in grace: the computation failed, took too long, found no place, or goes on
    /// (`stale_while_refresh`).
    stale, Stale;
    /// Answers that there is nothing, remembered from a computation that said so.
    absent, Absent;
    /// Misses because there was nothing.
    cold, Cold;
    /// Misses because the ttl was over.
    expired, Expired;
    /// Misses because the entry was expired by someone.
    invalidated, Invalidated;
    /// Misses because a tag was removed, or is not in the entry.
    tag, Tag;
    /// Misses because the entry is damaged.
    corrupt, Corrupt;
    /// Misses because the entry is that of another key.
    other_key, OtherKey;
    /// Misses because the entry is in another form: another codec, or bytes of another type.
    schema, Schema;
    /// Misses because the entry has a format from the future; it is left alone.
    unknown_version, UnknownVersion;
    /// Computations that were begun, those of bypassed calls not included.
    computed, Computed;
    /// Computations that were begun before their entry had ended.
    refreshed, Refreshed;
    /// Computations that gave an error.
    failed, Failed;
    /// Calls that waited for the computation of another.
    coalesced, Coalesced;
    /// Calls that went past the cache: an argument without a key, or a key asked for inside its
    /// own computation.
    bypassed, Bypassed;
    /// Calls that waited for too long and were told so, or given what was in grace.
    timeouts, Timeout;
    /// Calls that were turned away: the cache was away, and too many computed already.
    shed, Shed;
    /// Operations that the backend failed.
    backend_errors, BackendError;
    /// Writes that something newer had overtaken.
    superseded, Superseded;
    /// Values over the store's limit.
    too_large, TooLarge;
    /// Values that their codec cannot carry.
    refused, Refused;
    /// Computations that waited for a lead in another process in vain.
    lead_timeouts, LeadTimeout;
}

/// The counters of one cache, or of one function.
#[derive(Debug)]
pub(crate) struct Counters {
    events: [AtomicU64; EVENTS],
    origin_us: AtomicU64,
    saved_us: AtomicU64,
}

impl Counters {
    pub(crate) const fn new() -> Self {
        Self {
            events: [const { AtomicU64::new(0) }; EVENTS],
            origin_us: AtomicU64::new(0),
            saved_us: AtomicU64::new(0),
        }
    }

    pub(crate) fn add(&self, event: Event) {
        self.events[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_origin(&self, took: Duration) {
        self.origin_us.fetch_add(micros(took), Ordering::Relaxed);
    }

    pub(crate) fn add_saved(&self, cost: Duration) {
        self.saved_us.fetch_add(micros(cost), Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
