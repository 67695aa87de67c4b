//! When the result of a flight was true.

use std::sync::Arc;
use std::time::Duration;

use super::state::Flight;

/// A moment in a flight. Those who had come to wait by then began before it.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    flight: Arc<Flight>,
    joined: u64,
    /// On the monotonic clock.
    pub(crate) at_ms: u64,
}

/// Who may have the result of a flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Who came by then.
    joined: u64,
    /// And who came before this, on the monotonic clock.
    until_ms: u64,
}

impl Moment {
    pub(super) fn of(flight: &Arc<Flight>, now_ms: u64) -> Self {
        Self {
            flight: Arc::clone(flight),
            joined: flight.with(|state| state.joined),
            at_ms: now_ms,
        }
    }

    /// A later moment of the same flight.
    pub(crate) fn later(&self, now_ms: u64) -> Self {
        Self::of(&self.flight, now_ms)
    }

    /// Says that the result of the flight was true at this moment, and that nobody knows of later
    /// ones: who comes later by `share` or more begins again.
    pub(crate) fn vouches(&self, share: Duration) {
        let share_ms = u64::try_from(share.as_millis()).unwrap_or(u64::MAX);
        let reach = Reach {
            joined: self.joined,
            until_ms: self.at_ms.saturating_add(share_ms),
        };
        self.flight.with(|state| state.reach = Some(reach));
    }
}

impl Reach {
    /// Whether this includes the caller who was the `joined`th to come, at `joined_ms`.
    pub(super) fn includes(self, joined: u64, joined_ms: u64) -> bool {
        joined <= self.joined || joined_ms < self.until_ms
    }
}
