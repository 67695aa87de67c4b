//! What there was before a computation.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::policy::flight::Offer;

/// What there was before.
#[derive(Clone, Debug)]
pub(crate) struct Old<V> {
    pub(crate) value: Arc<V>,
    /// Until when it is fresh, on the monotonic clock; zero: it is in grace.
    pub(crate) fresh_until_ms: u64,
    /// Until when it may be served at all.
    pub(crate) until_ms: u64,
}

impl<V> Old<V> {
    /// A value that is fresh for `left`, and in grace until then.
    pub(crate) fn new(value: Arc<V>, left: Duration, until_ms: u64, clock: &Clock) -> Self {
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let fresh_until_ms = match left.is_zero() {
            true => 0,
            false => clock.monotonic_ms().saturating_add(left_ms),
        };
        Self {
            value,
            fresh_until_ms,
            until_ms,
        }
    }
}

impl<V: Send + Sync + 'static> Old<V> {
    /// What others are told of it: who may have what is in grace need not wait.
    pub(crate) fn offer(&self, serves_stale: bool) -> Offer {
        Offer {
            value: Arc::clone(&self.value) as _,
            fresh_until_ms: self.fresh_until_ms,
            until_ms: self.until_ms,
            serves_stale,
        }
    }
}
