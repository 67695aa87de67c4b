//! Permits for leaders: from the bulkhead, or lent by those who wait for the flight.
//!
//! A computation that waits for a flight holds its permit, and the leader of that flight may be
//! queued for one: with as many of these as there are permits, nobody would go on.

use std::sync::Arc;

use super::leader::Leader;
use super::state::{Flight, Queue};
use crate::policy::bulkhead::{Bulkhead, Permit};
use crate::policy::race::race;

impl Leader {
    /// Waits for a permit.
    ///
    /// Cancel safety: dropping the future leaves the queue, and gives back what was lent.
    pub(crate) async fn permit(&self, bulkhead: &Bulkhead) -> Permit {
        if let Some(permit) = bulkhead.try_enter() {
            return permit;
        }
        let _queued = Queued::new(&self.flight);
        let lent = self
            .flight
            .until(|state| match std::mem::take(&mut state.queue) {
                Queue::Lent(loan) => Some(loan),
                other => {
                    state.queue = other;
                    None
                }
            });
        let borrowed = async { Permit::borrowed(bulkhead, lent.await) };
        race(bulkhead.enter(), borrowed).await
    }
}

/// The leader in the queue.
struct Queued<'a>(&'a Flight);

impl<'a> Queued<'a> {
    fn new(flight: &'a Flight) -> Self {
        flight.change(|state| state.queue = Queue::Waiting);
        Self(flight)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        drop(self.0.with(|state| std::mem::take(&mut state.queue)));
    }
}

/// Lends `permit` to the leader of `flight` when it is queued for one. Never completes.
pub(super) async fn lend<T>(flight: &Flight, permit: &Arc<Permit>) -> T {
    loop {
        let queued = flight.until(|state| matches!(state.queue, Queue::Waiting).then_some(()));
        queued.await;
        let loan = permit.lend().await;
        let refused = flight.change(|state| match state.queue {
            Queue::Waiting => {
                state.queue = Queue::Lent(loan);
                None
            }
            Queue::Outside | Queue::Lent(_) => Some(loan),
        });
        drop(refused);
    }
}
