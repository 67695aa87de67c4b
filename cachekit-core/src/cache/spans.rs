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
