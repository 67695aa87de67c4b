//! What there is already, while the flight goes on.

use std::sync::Arc;

use super::landing::Shared;
use super::moment::Moment;
use super::state::Flight;

/// What callers may have while the flight goes on.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) value: Shared,
    /// Until when it is fresh, by the monotonic clock; zero: it is in grace.
    pub(crate) fresh_until_ms: u64,
    /// Until when it may be given to anybody.
    pub(crate) until_ms: u64,
    /// Whether nobody needs to wait for a newer one while it is in grace. Else it is for those whose
    /// time is over.
    pub(crate) serves_stale: bool,
}

impl Offer {
    pub(crate) fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms < self.fresh_until_ms
    }

    /// Whether nobody needs to wait for a newer one.
    pub(crate) fn will_do(&self, now_ms: u64) -> bool {
        self.is_fresh(now_ms) || self.serves_stale && now_ms < self.until_ms
    }
}

/// Where the offer of a flight is made and found, as long as anybody wants it.
#[derive(Clone, Debug)]
pub(crate) struct Offering(Arc<Flight>);

impl Offering {
    pub(super) fn of(flight: &Arc<Flight>) -> Self {
        Self(Arc::clone(flight))
    }

    /// Shows `offer`, in the place of any other one, and wakes those for whom it will do.
    pub(crate) fn offer(&self, offer: Offer) {
        drop(self.0.change(|state| state.offer.replace(offer)));
    }

    /// What was shown is no longer there.
    pub(crate) fn withdraw(&self) {
        drop(self.0.with(|state| state.offer.take()));
    }

    /// The flight goes on, even if nobody waits for it any more.
    pub(crate) fn keep(&self) {
        self.0.with(|state| state.kept = true);
    }

    /// The flight has its key for the whole time from now on, unless that belongs to others already:
    /// its leader only waits, and nobody else is to begin.
    pub(crate) fn prolong(&self, now_ms: u64) {
        self.0.prolong(now_ms);
    }

    /// This moment of the flight: what is asked for after it was true after it.
    pub(crate) fn moment(&self, now_ms: u64) -> Moment {
        Moment::of(&self.0, now_ms)
    }

    /// What there is.
    pub(crate) fn offered(&self) -> Option<Offer> {
        self.0.with(|state| state.offer.clone())
    }
}
