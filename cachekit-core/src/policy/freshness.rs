//! The line of time of an entry, and what a function asks for on it.
//!
//! ```text
//! computed ──── fresh ────┬── early window ──┬── grace ──┬── gone
//! ```

use std::time::Duration;

use crate::backend::Ttl;
use crate::policy::ttl::jittered;

/// Grace where none is named: this many times the ttl, and at most [`MOST_GRACE`].
const GRACES: u32 = 10;
const MOST_GRACE: Duration = Duration::from_secs(3_600);

/// How long ttl and grace are together, at most: what the shortest-lived store keeps.
const MOST: Duration = Duration::from_secs(30 * 86_400);

/// A computation is begun early by this many times what the last one took: the next one may well
/// take a few times as long, and has to be done before the entry ends.
const EARLY: u32 = 4;

/// The least early window of what a store keeps, unless half of the ttl is less: a store that counts
/// in seconds gives the lead over an entry in its early window up to a second late.
const LEAST_IN_STORE: Duration = Duration::from_secs(2);

/// What takes less is not worth beginning early.
const LEAST_COST: Duration = Duration::from_millis(1);

/// How long callers are made to wait where their errors can say that it was too long.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A computation that takes longer keeps its key from nobody: see [`Policy::timeout`].
const DEADLINE: Duration = Duration::from_secs(60);

/// What a function asks for beside its values: how long they live, and what happens then.
///
/// A part of a [`Function`](crate::cache::Function). Everything has a default, and what is not
/// asked for costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    ttl: Option<Duration>,
    grace: Option<Duration>,
    timeout: Option<Duration>,
    negative_ttl: Option<Duration>,
    stale_while_refresh: bool,
    cache_none: bool,
}

impl Policy {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            ttl: None,
            grace: None,
            timeout: None,
            negative_ttl: None,
            stale_while_refresh: false,
            cache_none: false,
        }
    }

    /// How long a value is fresh, less a jitter of up to a tenth. Default:
    /// [`Config::default_ttl`](crate::config::Config::default_ttl). Zero: nothing is stored.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How long a value stays after that, to be served where a new one cannot be had: the
    /// computation fails, takes longer than the timeout, or finds no place. Default: ten times the
    /// ttl, at most an hour. Zero: not at all. Together with the ttl at most 30 days.
    ///
    /// What is [expired](crate::cache::Cache::expire) is in grace from then on: without a backend
    /// for as long as this says. A backend does not tell when an entry was expired: there it may
    /// be served until it would have ended anyway, a ttl and a grace after it was stored.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// How long a caller waits. Then it is given what is in grace, or an error of kind
    /// [`Timeout`](crate::ErrorKind::Timeout); one whose error type cannot say so waits on. What is
    /// computed in a task of its own goes on and is stored.
    ///
    /// Default: 10 s where the error type can say so, else none. Zero: none. After a minute, or
    /// this timeout where it is longer, a computation that has not ended keeps its key from nobody
    /// any more, and is not stored.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// `None` is stored, for this long, and then in grace like any value. Zero: not at all. Default:
    /// it is not, unless [`cache_none`](Self::cache_none) says that it is a value like any other.
    #[must_use]
    pub const fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative_ttl = Some(ttl);
        self
    }

    /// What is in grace is served at once, while one caller has it computed anew. Default: only
    /// where a new value cannot be had.
    #[must_use]
    pub const fn stale_while_refresh(mut self) -> Self {
        self.stale_while_refresh = true;
        self
    }

    /// `None` is a value like any other.
    #[must_use]
    pub const fn cache_none(mut self) -> Self {
        self.cache_none = true;
        self
    }

    pub(crate) const fn serves_while_refreshing(&self) -> bool {
        self.stale_while_refresh
    }

    /// How long a `None` is stored, if not as long as any other value; `Some(ZERO)`: not at all.
    pub(crate) const fn ttl_of_none(&self) -> Option<Duration> {
        match (self.negative_ttl, self.cache_none) {
            (Some(ttl), _) => Some(ttl),
            (None, true) => None,
            (None, false) => Some(Duration::ZERO),
        }
    }

    /// How long it is remembered that the origin has nothing, where that was asked for.
    pub(crate) const fn ttl_of_absent(&self) -> Option<Duration> {
        self.negative_ttl
    }

    /// How long a caller waits; `None`: without an end.
    pub(crate) fn patience(&self, can_say: bool) -> Option<Duration> {
        let default = can_say.then_some(TIMEOUT);
        self.timeout
            .or(default)
            .filter(|timeout| !timeout.is_zero())
    }

    /// How long a computation keeps its key.
    pub(crate) fn deadline(&self) -> Duration {
        self.timeout
            .map_or(DEADLINE, |timeout| timeout.max(DEADLINE))
    }

    /// The ttl before jitter; `None`: nothing is stored.
    pub(crate) fn ttl_or(&self, default: Ttl) -> Option<Ttl> {
        self.ttl.map_or(Some(default), |ttl| Ttl::new(ttl).ok())
    }

    /// The grace of an entry of this ttl.
    pub(crate) fn grace_of(&self, ttl: Ttl) -> Duration {
        let default = || ttl.duration().saturating_mul(GRACES).min(MOST_GRACE);
        let grace = self.grace.unwrap_or_else(default);
        grace.min(MOST.saturating_sub(ttl.duration()))
    }
}

impl Policy {
    /// With less than this left in a store, an entry of this ttl is led: the grace, and the early
    /// window. The same for all readers of a key, whatever is in the entry.
    pub(crate) fn led_within(&self, ttl: Ttl, cost: Duration) -> Duration {
        self.grace_of(ttl) + early_window_in_store(ttl.duration(), cost)
    }

    /// How long a store keeps an entry that has no grace after its own `fresh` time, where readers
    /// go by `ttl`: so long that they lead it in its own early window, and not before.
    pub(crate) fn kept_after(&self, fresh: Duration, ttl: Ttl, cost: Duration) -> Duration {
        let led = self.led_within(ttl, cost);
        let kept = led.saturating_sub(early_window_in_store(fresh, cost));
        kept.min(MOST.saturating_sub(fresh))
    }
}

/// How long one entry is what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) ttl: Ttl,
    pub(crate) grace: Duration,
}

impl Lifetime {
    /// The lifetime of an entry that is stored for `ttl`, less some jitter.
    pub(crate) fn new(ttl: Ttl, grace: Duration) -> Self {
        Self {
            ttl: jittered(ttl),
            grace: grace.min(MOST.saturating_sub(ttl.duration())),
        }
    }
}

/// The last part of a ttl, in which one caller has the value computed anew while the others are
/// still given it: sized by what the computation took.
pub(crate) fn early_window(ttl: Duration, cost: Duration) -> Duration {
    if cost < LEAST_COST {
        return Duration::ZERO;
    }
    cost.saturating_mul(EARLY).min(ttl / 2)
}

/// [`early_window`] of an entry that a store keeps.
pub(crate) fn early_window_in_store(ttl: Duration, cost: Duration) -> Duration {
    match early_window(ttl, cost) {
        Duration::ZERO => Duration::ZERO,
        window => window.max(LEAST_IN_STORE).min(ttl / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn grace_is_ten_times_the_ttl_and_at_most_an_hour() {
        let grace = |ttl| Policy::new().grace_of(Ttl::from_secs(ttl));
        assert_eq!(grace(60), 10 * MINUTE);
        assert_eq!(grace(3_600), 60 * MINUTE);
        assert_eq!(
            Policy::new().grace(MINUTE).grace_of(Ttl::from_secs(1)),
            MINUTE
        );
    }

    #[test]
    fn ttl_and_grace_are_thirty_days_together_and_the_fresh_part_comes_first() {
        let month = Ttl::from_secs(30 * 86_400);
        assert_eq!(Policy::new().grace_of(month), Duration::ZERO);
        let day = Duration::from_secs(86_400);
        let almost = Ttl::new(29 * day + 12 * 60 * MINUTE).unwrap();
        let policy = Policy::new().grace(7 * day);
        assert_eq!(policy.grace_of(almost), 12 * 60 * MINUTE);
        assert_eq!(policy.grace_of(Ttl::NEVER), Duration::ZERO);
    }

    #[test]
    fn the_early_window_is_sized_by_the_cost_and_at_most_half_of_the_ttl() {
        let window = |cost| early_window(MINUTE, Duration::from_millis(cost));
        assert_eq!(window(500), Duration::from_secs(2));
        assert_eq!(window(20_000), Duration::from_secs(30));
        assert_eq!(window(0), Duration::ZERO);
    }

    #[test]
    fn what_has_no_grace_is_led_in_its_own_early_window() {
        let (policy, ttl, cost) = (Policy::new(), Ttl::from_secs(300), Duration::from_secs(5));
        let (led, fresh) = (policy.led_within(ttl, cost), 10 * cost);
        assert_eq!(led, 50 * MINUTE + 4 * cost);
        // Four times the cost before its end.
        assert_eq!(policy.kept_after(fresh, ttl, cost), led - 4 * cost);
        // Half of it at most.
        assert_eq!(policy.kept_after(cost, ttl, cost), led - cost / 2);
        let none = policy.grace(Duration::ZERO);
        assert_eq!(none.kept_after(ttl.duration(), ttl, cost), Duration::ZERO);
    }

    #[test]
    fn in_a_store_the_early_window_is_two_seconds_or_half_of_the_ttl_at_least() {
        let window = |ttl, cost| {
            let [ttl, cost] = [ttl, cost].map(Duration::from_millis);
            early_window_in_store(ttl, cost)
        };
        assert_eq!(window(60_000, 10), Duration::from_secs(2));
        assert_eq!(window(60_000, 1_000), Duration::from_secs(4));
        assert_eq!(window(3_000, 10), Duration::from_millis(1_500));
        assert_eq!(window(60_000, 0), Duration::ZERO);
    }

    #[test]
    fn a_caller_whose_error_can_say_so_waits_ten_seconds_and_no_other_has_an_end() {
        assert_eq!(Policy::new().patience(true), Some(TIMEOUT));
        assert_eq!(Policy::new().patience(false), None);
        assert_eq!(Policy::new().timeout(MINUTE).patience(false), Some(MINUTE));
        assert_eq!(Policy::new().timeout(Duration::ZERO).patience(true), None);
    }

    #[test]
    fn none_is_stored_for_the_negative_ttl_or_like_any_other_value_or_not() {
        assert_eq!(Policy::new().ttl_of_none(), Some(Duration::ZERO));
        assert_eq!(Policy::new().cache_none().ttl_of_none(), None);
        assert_eq!(
            Policy::new().negative_ttl(MINUTE).ttl_of_none(),
            Some(MINUTE)
        );
    }
}
