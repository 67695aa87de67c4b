//! A caller that waits for the flight of another, or for its own in a task.

use std::sync::Arc;

use super::WAIT_BUDGET;
use super::landing::{Arrival, Claim, Landing};
use super::lending::lend;
use super::moment::Reach;
use super::offering::Offering;
use super::state::{Flight, Phase, State};
use crate::policy::bulkhead::Permit;
use crate::policy::race::race;
use crate::timers::Timers;

/// When the last waiter of a detached flight is dropped, its task ends.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(super) flight: Arc<Flight>,
    timers: Timers,
    claim: Claim,
    joined: u64,
    joined_ms: u64,
}

impl Waiter {
    pub(super) fn new(flight: Arc<Flight>, timers: Timers, claim: Claim) -> Self {
        let joined = flight.with(|state| {
            state.waiting += 1;
            state.joined += 1;
            state.joined
        });
        Self {
            joined,
            joined_ms: timers.clock().monotonic_ms(),
            flight,
            timers,
            claim,
        }
    }

    /// Says how to end the task that computes: that is done when all who wait are dropped.
    pub(crate) fn ended_by(&self, abort: impl FnOnce() + Send + 'static) {
        self.flight
            .with(|state| state.abort = Some(Box::new(abort)));
    }

    /// Says whether this caller has waited for another flight of this call before. It began before
    /// this flight did, so it may have what was true when this flight began.
    pub(crate) fn after_another(mut self, another: bool) -> Self {
        if another {
            self.claim = Claim::Again;
        }
        self
    }

    /// Waits for an offer that will do, or for the end of the flight: until its deadline, and as a
    /// part of another computation (`nested`) at most for [`WAIT_BUDGET`]. The starter has nothing
    /// better to do than to wait on.
    ///
    /// `permit` is what the computation around this one holds in the same cache, if it does: it is
    /// lent to the leader while that has none. After the wait, however it ended, the caller is to
    /// [regain](Permit::regain) it before it goes on.
    ///
    /// Cancel safety: dropping the future leaves the flight to the others. The leader keeps what it
    /// was lent.
    pub(crate) async fn wait(&self, nested: bool, permit: Option<Arc<Permit>>) -> Arrival {
        let arrival = self.flight.until(|state| self.arrival(state));
        if self.claim == Claim::Starter {
            return arrival.await;
        }
        let tired = self.tire(nested);
        match permit {
            None => race(arrival, tired).await,
            Some(permit) => race(race(arrival, tired), lend(&self.flight, &permit)).await,
        }
    }

    /// Where to find what there is meanwhile.
    pub(crate) fn offering(&self) -> Offering {
        Offering::of(&self.flight)
    }

    async fn tire(&self, nested: bool) -> Arrival {
        let overdue = async {
            self.flight.overdue(&self.timers).await;
            // One of those who waited tries next: all at once would be the stampede.
            Arrival::Again
        };
        if !nested {
            return overdue.await;
        }
        let tired = async {
            self.timers.after(WAIT_BUDGET).await;
            Arrival::Reentrant
        };
        race(overdue, tired).await
    }

    fn arrival(&self, state: &mut State) -> Option<Arrival> {
        match &mut state.phase {
            Phase::Running => self.offered(state),
            Phase::Abandoned => Some(Arrival::Again),
            Phase::Landed(Landing::Value(_) | Landing::Stale(_) | Landing::Absent)
                if self.is_late(state.reach) =>
            {
                Some(Arrival::Again)
            }
            Phase::Landed(landing) => Some(landing.arrival(self.claim)),
        }
    }

    /// Whether the result may be older than what this caller has to see.
    fn is_late(&self, reach: Option<Reach>) -> bool {
        let includes = |reach: Reach| reach.includes(self.joined, self.joined_ms);
        self.claim == Claim::First && !reach.is_none_or(includes)
    }

    /// An offer that will do. Who takes it leaves the flight to go on.
    fn offered(&self, state: &mut State) -> Option<Arrival> {
        let offer = state.offer.as_ref()?;
        let now_ms = self.timers.clock().monotonic_ms();
        if !offer.will_do(now_ms) {
            return None;
        }
        state.kept = true;
        let value = Arc::clone(&offer.value);
        Some(match offer.is_fresh(now_ms) {
            true => Arrival::Value(value),
            false => Arrival::Stale(value),
        })
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let abort = self.flight.with(|state| {
            state.waiting -= 1;
            let unwanted = state.waiting == 0 && !state.kept;
            state.abort.take_if(|_| unwanted)
        });
        if let Some(abort) = abort {
            abort();
        }
    }
}
