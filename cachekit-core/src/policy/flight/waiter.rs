//! A caller that waits for the flight of another, or for its own in a task.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::WAIT_BUDGET;
use super::landing::{Arrival, Claim, Offer};
use super::state::{Flight, Phase, State};
use crate::clock::Clock;
use crate::policy::race::race;

/// When the last waiter of a detached flight is dropped, its task ends.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(super) flight: Arc<Flight>,
    clock: Clock,
    claim: Claim,
}

impl Waiter {
    pub(super) fn new(flight: Arc<Flight>, clock: Clock, claim: Claim) -> Self {
        flight.with(|state| state.waiting += 1);
        Self {
            flight,
            clock,
            claim,
        }
    }

    /// Says which task computes: it is aborted when all who wait are dropped.
    pub(crate) fn computed_by(&self, task: AbortHandle) {
        self.flight.with(|state| {
            if !state.kept {
                state.task = Some(task);
            }
        });
    }

    /// Waits for the end of the flight: until its deadline, and inside another computation
    /// (`nested`) at most for [`WAIT_BUDGET`]. The starter has nothing better to do than to wait
    /// on.
    ///
    /// Cancel safety: dropping the future leaves the flight to the others.
    pub(crate) async fn wait(&self, nested: bool) -> Arrival {
        let landed = self.flight.until(|state| self.arrival(state));
        if self.claim == Claim::Starter {
            return landed.await;
        }
        race(landed, self.tire(nested)).await
    }

    /// What callers may have meanwhile, if there is something.
    pub(crate) fn offer(&self) -> Option<Offer> {
        self.flight.with(|state| state.offer.clone())
    }

    /// Waits for an offer.
    ///
    /// Cancel safety: dropping the future has no effect.
    pub(crate) async fn offered(&self) -> Offer {
        self.flight.until(|state| state.offer.clone()).await
    }

    /// Leaves without being missed: the flight goes on even if nobody waits any more.
    pub(crate) fn stay(self) {
        let task = self.flight.with(|state| {
            state.kept = true;
            state.task.take()
        });
        drop(task);
    }

    async fn tire(&self, nested: bool) -> Arrival {
        let left_ms = (self.flight.deadline_ms).saturating_sub(self.clock.monotonic_ms());
        let left = Duration::from_millis(left_ms);
        if nested && WAIT_BUDGET < left {
            self.clock.sleep(WAIT_BUDGET).await;
            return Arrival::Reentrant;
        }
        self.clock.sleep(left).await;
        Arrival::Alone
    }

    fn arrival(&self, state: &mut State) -> Option<Arrival> {
        match &mut state.phase {
            Phase::Running => None,
            Phase::Abandoned => Some(Arrival::Again),
            Phase::Landed(landing) => Some(landing.arrival(self.claim)),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let task = self.flight.with(|state| {
            state.waiting -= 1;
            state.task.take_if(|_| state.waiting == 0)
        });
        if let Some(task) = task {
            task.abort();
        }
    }
}
