//! What happened, per function and per cache.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::cache::hits::{Hits, LaneOfThread};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident, $event:ident, $word:literal;)*) => {
        /// What happened since a cache was made, or since the process began for a function: see
        /// [`Cache::stats`](crate::cache::Cache::stats).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            /// Fresh values found in this process. Each thread counts for itself, which costs a hit
            /// next to nothing; from the 65th thread of the process on, two threads may share a
            /// counter, and then one of them may lose what the other counts at that moment: the
            /// figure is then a little low, and may once be lower than before.
            pub hits: u64,
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

        impl Event {
            /// A word for it, as metrics and logs have it.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $word,)*
                }
            }
        }

        const EVENTS: &[Event] = &[$(Event::$event,)*];

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                let count = |event: Event| self.events[event as usize].load(Ordering::Relaxed);
                let time = |micros: &AtomicU64| Duration::from_micros(micros.load(Ordering::Relaxed));
                Stats {
                    hits: self.hits.read(),
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
    backend_hits, BackendHit, "backend_hit";
    /// Values given out in grace: the computation failed, took too long, found no place, or goes on
    /// (`stale_while_refresh`).
    stale, Stale, "stale";
    /// Answers that there is nothing, remembered from a computation that said so.
    absent, Absent, "absent";
    /// Misses because there was nothing.
    cold, Cold, "cold";
    /// Misses because the ttl was over; without a backend also those because somebody had expired
    /// the entry.
    expired, Expired, "expired";
    /// Misses because the entry was expired by someone.
    invalidated, Invalidated, "invalidated";
    /// Misses because a tag was removed, or is not in the entry.
    tag, Tag, "tag";
    /// Misses because the entry is damaged.
    corrupt, Corrupt, "corrupt";
    /// Misses because the entry is that of another key.
    other_key, OtherKey, "other_key";
    /// Misses because the entry is in another form: another codec, or bytes of another type.
    schema, Schema, "schema";
    /// Misses because the entry has a format from the future; it is left alone.
    unknown_version, UnknownVersion, "unknown_version";
    /// Misses because somebody has found out not long ago that results of the key cannot be stored:
    /// they are computed at once.
    uncacheable, Uncacheable, "uncacheable";
    /// Computations that were begun, those of bypassed calls not included.
    computed, Computed, "computed";
    /// Computations that were begun before their entry had ended.
    refreshed, Refreshed, "refreshed";
    /// Computations that gave an error.
    failed, Failed, "failed";
    /// Calls that waited for the computation of another.
    coalesced, Coalesced, "coalesced";
    /// Calls that went past the cache: an argument without a key, or a key asked for inside its
    /// own computation.
    bypassed, Bypassed, "bypassed";
    /// Calls that waited for too long and were told so, or given what was in grace.
    timeouts, Timeout, "timeout";
    /// Calls that were turned away: the cache was away, and too many computed already.
    shed, Shed, "shed";
    /// Operations that the backend failed.
    backend_errors, BackendError, "backend_error";
    /// Results that were not stored because the entry was written or expired meanwhile, or because
    /// somebody else was given the lead.
    superseded_overtaken, SupersededOvertaken, "superseded_overtaken";
    /// Results that were not stored because what the lead was over had been removed or evicted, or
    /// had ended.
    superseded_gone, SupersededGone, "superseded_gone";
    /// Results that were not stored because another node, or another run of it, keeps the entry now.
    superseded_moved, SupersededMoved, "superseded_moved";
    /// Results that were not sent to a store that does not fence, because of something that happened to
    /// the key in this process.
    superseded_here, SupersededHere, "superseded_here";
    /// Results that were superseded while most of the last ones of their function were.
    invalidation_pressure, InvalidationPressure, "invalidation_pressure";
    /// Values over the store's limit.
    too_large, TooLarge, "too_large";
    /// Values that their codec cannot carry.
    refused, Refused, "refused";
    /// Leads over a key in the whole fleet that this process was given, and computed with.
    leads_won, LeadWon, "lead_won";
    /// Looks for which another process had the lead.
    leads_lost, LeadLost, "lead_lost";
    /// Looks that waited for what another process was computing.
    leads_waited, LeadWaited, "lead_waited";
    /// Renewals of leads while the computation ran.
    leads_renewed, LeadRenewed, "lead_renewed";
    /// Leads that were taken from a process that had had them for too long, as far as the store can
    /// tell.
    leads_taken_over, LeadTakenOver, "lead_taken_over";
    /// Looks that waited for another process in vain, and computed.
    lead_timeouts, LeadTimeout, "lead_timeout";
    /// Looks again while another process computed.
    polls, Poll, "poll";
}

impl Stats {
    /// Results that were not stored because something newer had happened to their keys, whatever it
    /// was.
    #[must_use]
    pub const fn superseded(&self) -> u64 {
        self.superseded_overtaken
            + self.superseded_gone
            + self.superseded_moved
            + self.superseded_here
    }
}

impl Event {
    /// Whether whoever looks for trouble wants to see it.
    pub(crate) const fn is_trouble(self) -> bool {
        matches!(
            self,
            Self::Stale
                | Self::Failed
                | Self::Timeout
                | Self::Shed
                | Self::SupersededOvertaken
                | Self::SupersededGone
                | Self::SupersededMoved
                | Self::SupersededHere
                | Self::InvalidationPressure
                | Self::TooLarge
                | Self::LeadTakenOver
                | Self::LeadTimeout
        )
    }
}

/// The counters of one cache, or of one function.
#[derive(Debug)]
pub(crate) struct Counters {
    hits: Hits,
    events: [AtomicU64; EVENTS.len()],
    origin_us: AtomicU64,
    saved_us: AtomicU64,
}

impl Counters {
    pub(crate) const fn new() -> Self {
        Self {
            hits: Hits::new(),
            events: [const { AtomicU64::new(0) }; EVENTS.len()],
            origin_us: AtomicU64::new(0),
            saved_us: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn hit(&self, lane: LaneOfThread) {
        self.hits.add(lane);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_in_the_table_of_metrics() {
        let page = include_str!("../../../docs/observability.md");
        for event in EVENTS {
            let word = format!("`{}`", event.name());
            assert!(page.contains(&word), "{word}");
        }
    }
}
