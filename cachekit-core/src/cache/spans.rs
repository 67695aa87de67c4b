//! The line of time of an entry, as this process keeps it.

use std::time::Duration;

use crate::backend::Ttl;
use crate::l1::Span;
use crate::policy::freshness::{Lifetime, early_window};

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
        over_store(self.ttl.duration(), self.grace, self.ttl, bound)
    }
}

/// The line of time in this process of what a shared store has as fresh for `fresh` and in grace
/// for `grace`: fresh for at most a quarter of the whole ttl and at most `bound`. A bound of zero:
/// nothing is kept, not even for an outage.
pub(crate) fn over_store(fresh: Duration, grace: Duration, ttl: Ttl, bound: Duration) -> Span {
    if bound.is_zero() {
        return Span::default();
    }
    let here = fresh.min(bound).min(ttl.duration() / 4);
    Span {
        fresh: here,
        early: Duration::ZERO,
        grace: (fresh - here).saturating_add(grace),
    }
}
