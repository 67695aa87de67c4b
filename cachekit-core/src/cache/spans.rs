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

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(5);

    #[test]
    fn l1_keeps_an_entry_of_a_shared_store_for_a_quarter_of_its_ttl_and_five_seconds() {
        let age = |fresh, ttl| {
            let fresh = Duration::from_secs(fresh);
            over_store(fresh, BOUND, Ttl::from_secs(ttl), BOUND)
        };
        assert_eq!(age(600, 600).fresh, BOUND);
        assert_eq!(age(8, 8).fresh, Duration::from_secs(2));
        assert_eq!(age(1, 600).fresh, Duration::from_secs(1));
        assert_eq!(age(600, 600).grace, Duration::from_secs(600));
    }

    #[test]
    fn where_l1_is_off_it_keeps_nothing_for_an_outage_either() {
        let ttl = Ttl::from_secs(600);
        assert_eq!(
            over_store(BOUND, BOUND, ttl, Duration::ZERO),
            Span::default()
        );
    }
}
