//! The line of time of an entry, as this process keeps it.

use std::time::Duration;

use crate::backend::Ttl;
use crate::cache::Inner;
use crate::cache::function::Function;
use crate::cache::stats::Event;
use crate::l1::Span;
use crate::policy::freshness::{Lifetime, early_window};
use crate::policy::race::race;

impl Inner {
    /// How long values of `function` are stored that are given, not computed.
    pub(crate) fn ttl_of(&self, function: &Function) -> Ttl {
        let default = self.config.default_ttl;
        function.asks().ttl_or(default).unwrap_or(default)
    }

    /// The line of time of an entry where this process is the whole cache.
    pub(crate) fn span_here(&self, lifetime: Lifetime, cost: Duration) -> Span {
        match self.keeps_nothing {
            true => Span::default(),
            false => lifetime.here(cost),
        }
    }

    /// How long L1 may keep what the backend shares.
    pub(crate) fn l1_bound(&self) -> Duration {
        if self.config.l1.enabled {
            self.config.l1.max_age
        } else {
            Duration::ZERO
        }
    }

    /// Until when L1 may keep what was true at `began_ms`, both monotonic.
    pub(crate) fn l1_until_ms(&self, began_ms: u64) -> u64 {
        let bound_ms = u64::try_from(self.l1_bound().as_millis()).unwrap_or(u64::MAX);
        began_ms.saturating_add(bound_ms)
    }

    /// [`l1_bound`](Self::l1_bound) for what L1 may keep only until a moment.
    pub(crate) fn l1_bound_until(&self, until_ms: u64) -> Duration {
        let left_ms = until_ms.saturating_sub(self.clock.monotonic_ms());
        self.l1_bound().min(Duration::from_millis(left_ms))
    }

    /// For how long this process may take for fresh what the backend has for `ttl`.
    pub(crate) fn l1_share(&self, ttl: Ttl) -> Duration {
        self.l1_bound().min(ttl.duration() / 4)
    }

    /// The same for a store that cannot say what has happened meanwhile: where this process would
    /// share nothing, callers of one flight would only come to the same one after the other.
    pub(crate) fn share_unfenced(&self, ttl: Ttl) -> Duration {
        match self.l1_share(ttl) {
            Duration::ZERO => Duration::MAX,
            share => share,
        }
    }

    /// Waits for the refresh of `key` in this process, if there is one.
    pub(crate) async fn refreshed(
        &self,
        key: &[u8],
        function: &'static Function,
        budget: Duration,
    ) {
        if self.refreshes.has(key) {
            self.count(function, Event::Coalesced);
            race(self.refreshes.ended(key), self.timers.after(budget)).await;
        }
    }

    /// How long ago a moment of the monotonic clock was.
    pub(crate) fn since(&self, moment_ms: u64) -> Duration {
        Duration::from_millis(self.clock.monotonic_ms().saturating_sub(moment_ms))
    }
}

impl Lifetime {
    /// Its line of time where this process is the whole cache.
    pub(crate) fn here(self, cost: Duration) -> Span {
        let fresh = self.ttl.duration();
        Span {
            fresh,
            early: early_window(fresh, cost),
            grace: self.grace,
        }
    }

    /// Its line of time in front of a store that keeps it for as long, where this process may take
    /// it for fresh for `bound`.
    pub(crate) fn over_store(self, bound: Duration) -> Span {
        // It leaves this process before the store has it in its early window.
        let early = Duration::ZERO;
        over_store(self.ttl.duration(), early, self.grace, self.ttl, bound)
    }
}

/// The line of time in this process of what a shared store has as fresh for `fresh` and in grace
/// for `grace`: fresh for at most a quarter of the whole ttl and at most `bound`. A bound of zero:
/// nothing is kept, not even for an outage.
///
/// Once the store has it in the last part, `early`, of its fresh time, one caller asks the store
/// again; what is there already when it is found waits for the next look.
pub(crate) fn over_store(
    fresh: Duration,
    early: Duration,
    grace: Duration,
    ttl: Ttl,
    bound: Duration,
) -> Span {
    if bound.is_zero() {
        return Span::default();
    }
    let here = fresh.min(bound).min(ttl.duration() / 4);
    Span {
        fresh: here,
        early: match fresh.checked_sub(early) {
            None => Duration::ZERO,
            Some(until_early) => here.saturating_sub(until_early),
        },
        grace: (fresh - here).saturating_add(grace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(5);

    #[test]
    fn l1_keeps_an_entry_of_a_shared_store_for_a_quarter_of_its_ttl_and_five_seconds() {
        let age = |fresh, ttl| {
            let fresh = Duration::from_secs(fresh);
            over_store(fresh, Duration::ZERO, BOUND, Ttl::from_secs(ttl), BOUND)
        };
        assert_eq!(age(600, 600).fresh, BOUND);
        assert_eq!(age(8, 8).fresh, Duration::from_secs(2));
        assert_eq!(age(1, 600).fresh, Duration::from_secs(1));
        assert_eq!(age(600, 600).grace, Duration::from_secs(600));
    }

    #[test]
    fn a_copy_is_early_from_when_the_entry_of_the_store_is() {
        let seconds = Duration::from_secs;
        let early = |fresh| {
            let (window, ttl) = (seconds(2), Ttl::from_secs(60));
            over_store(seconds(fresh), window, BOUND, ttl, BOUND).early
        };
        assert_eq!(early(30), Duration::ZERO);
        assert_eq!(early(6), seconds(1));
        assert_eq!(early(3), seconds(2));
        assert_eq!(early(2), seconds(2), "from now on");
        assert_eq!(early(1), Duration::ZERO, "this reader did not get the lead");
    }

    #[test]
    fn where_l1_is_off_it_keeps_nothing_for_an_outage_either() {
        let ttl = Ttl::from_secs(600);
        assert_eq!(
            over_store(BOUND, BOUND, BOUND, ttl, Duration::ZERO),
            Span::default()
        );
    }
}
