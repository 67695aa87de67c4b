//! The caller, or the task, that computes.

use std::sync::Arc;

use super::landing::{Claim, Landing};
use super::offering::{Offer, Offering};
use super::state::{Flight, Phase};
use super::waiter::Waiter;
use super::{Flights, Key};

/// Dropping it abandons the flight: one of those who wait leads the next.
#[derive(Debug)]
pub(crate) struct Leader {
    pub(super) flights: Arc<Flights>,
    pub(super) key: Key,
    pub(super) flight: Arc<Flight>,
}

impl Leader {
    /// Ends the flight: nobody joins it any more, and all who wait are told.
    pub(crate) fn land(&self, landing: Landing) {
        self.end(Phase::Landed(landing));
    }

    /// [Lands](Self::land) while the leader itself goes on, with a flight that nobody waits for.
    pub(crate) fn land_early(&self, landing: Landing) {
        self.offering().keep();
        self.land(landing);
    }

    /// Shows what callers may have until the flight lands.
    pub(crate) fn offer(&self, offer: Offer) {
        self.offering().offer(offer);
    }

    /// The place to say what callers may have until the flight lands.
    pub(crate) fn offering(&self) -> Offering {
        Offering::of(&self.flight)
    }

    /// Whether the deadline has passed: the key belongs to others, and nothing of this flight is
    /// stored any more.
    pub(crate) fn is_overdue(&self) -> bool {
        let now_ms = self.flights.timers.clock().monotonic_ms();
        self.flight.is_overdue(now_ms)
    }

    /// Waits until the deadline has passed.
    pub(crate) async fn overdue(&self) {
        self.flight.overdue(&self.flights.timers).await;
    }

    /// The place of the caller that started a detached flight.
    pub(crate) fn starter(&self) -> Waiter {
        let (flight, timers) = (Arc::clone(&self.flight), self.flights.timers.clone());
        Waiter::new(flight, timers, Claim::Starter)
    }

    fn end(&self, phase: Phase) {
        self.flights.leave(&self.key, &self.flight);
        self.flight.change(|state| state.phase = phase);
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let running = |phase: &Phase| matches!(phase, Phase::Running);
        if self.flight.with(|state| running(&state.phase)) {
            self.end(Phase::Abandoned);
        }
    }
}
