//! The computation on the thread of the caller.
//!
//! What has to be waited for is waited for in the background; without a backend, and without
//! another caller of the key, nothing is, and no runtime is needed. The computation itself cannot
//! be left when the time of its caller is over.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;

use super::admission::Admission;
use super::outcome::{Landed, joined};
use super::time::within;
use super::turn::Turn;
use super::{Around, Entered, Job};
use crate::background;
use crate::cache::computation::Ended;
use crate::cache::form::Form;
use crate::cache::kind::Kind;
use crate::cache::sought::Begun;
use crate::cache::stats::Event;
use crate::policy::bulkhead::Permit;
use crate::policy::flight::{Arrival, Flights, Leader, Waiter};
use crate::policy::reentry::Chain;

impl<K, F> Job<K, F>
where
    K: Kind,
    K::Error: 'static,
    F: Form<K::Value>,
{
    /// Computes on this thread.
    pub(crate) fn blocking(self, compute: impl FnOnce() -> K::Returned) -> K::Returned {
        self.in_turn_blocking(compute, |job, leader, refreshing, around, compute| {
            let mut leader = Arc::new(leader);
            let (landing, settled) = job.lead_blocking(&mut leader, refreshing, &around, compute);
            leader.land(landing);
            joined::<K>(settled)
        })
    }

    /// Waits until there is something to do, and does it; a leader computes as `led` says.
    pub(super) fn in_turn_blocking<C: FnOnce() -> K::Returned>(
        self,
        compute: C,
        led: impl FnOnce(Self, Leader, bool, Around, C) -> K::Returned,
    ) -> K::Returned {
        let around = match self.enter() {
            Entered::Into(around) => around,
            Entered::Told(returned) => return returned,
            Entered::Through => return Chain::current().aside().run(compute),
        };
        match self.turn_blocking(&around) {
            Turn::Return(returned) => returned,
            Turn::Alone => self.alone_blocking(&around, compute),
            Turn::Lead { leader, refreshing } => led(self, leader, refreshing, around, compute),
        }
    }

    fn turn_blocking(&self, around: &Around) -> Turn<K> {
        let flights = &self.inner.blocking_flights;
        if let Some(turn) = self.look(flights) {
            return turn;
        }
        let mut again = false;
        loop {
            let waiter = match self.join(flights, again, around) {
                Ok(leader) => return Turn::lead(leader),
                Err(waiter) => waiter,
            };
            let turn = self.wait_blocking(waiter, self.left(around), around);
            self.regain_blocking(around);
            match turn {
                Some(turn) => return turn,
                None => again = true,
            }
        }
    }

    /// What is left of the time of the caller.
    pub(super) fn left(&self, around: &Around) -> Option<Duration> {
        let spent = self.inner.since(around.began_ms);
        self.patience().map(|whole| whole.saturating_sub(spent))
    }

    pub(super) fn wait_blocking(
        &self,
        waiter: Waiter,
        left: Option<Duration>,
        around: &Around,
    ) -> Option<Turn<K>> {
        let arrived =
            |waited: Option<Arrival>| waited.map_or(Some(Turn::Alone), |a| self.arrived(a));
        let Some((waiter, arrival)) = self.arrival(waiter, left, around) else {
            return Some(Turn::Alone);
        };
        if arrival.is_some() {
            return arrived(arrival);
        }
        if let Some(returned) = self.instead(around) {
            return Some(Turn::Return(returned));
        }
        arrived(
            self.arrival(waiter, None, around)
                .and_then(|(_, arrival)| arrival),
        )
    }

    /// Waits in the background for as long as is `left`; `None` if there is no background.
    fn arrival(
        &self,
        waiter: Waiter,
        left: Option<Duration>,
        around: &Around,
    ) -> Option<(Waiter, Option<Arrival>)> {
        let (nested, timers) = (around.outer.is_nested(), self.inner.timers.clone());
        let permit = around.outer.permit(self.inner.address());
        let waited = background::block_on(async move {
            let arrival = waiter.wait(nested, permit);
            let arrival = match left {
                Some(left) => within(arrival, timers.after(left)).await,
                None => Some(arrival.await),
            };
            (waiter, arrival)
        });
        waited.ok()
    }

    /// Looks into the backend and, if need be, computes.
    pub(super) fn lead_blocking(
        &self,
        leader: &mut Arc<Leader>,
        refreshing: bool,
        around: &Around,
        compute: impl FnOnce() -> K::Returned,
    ) -> Landed<K> {
        let briefly = around.outer.is_nested() || self.may_block_its_leader();
        let sought = || self.sought(leader, refreshing, briefly);
        let begun = self.wait(sought().begin());
        let computation = match begun.unwrap_or_else(|| Begun::Compute(sought().past_backend())) {
            Begun::Compute(computation) => computation,
            Begun::Found(found) => return self.landed_as(found),
            Begun::Refresh(found, refresh, computation) => {
                leader.land_early(found.landing());
                *leader = Arc::new(refresh);
                computation
            }
        };
        let permit = match self.admission(&around.outer, &computation) {
            Admission::Place(permit) => Some(permit),
            Admission::Instead(landed) => return landed,
            Admission::Queue { may_shed } => {
                match self.queue_blocking(&around.outer, leader, may_shed) {
                    Some(permit) => Some(permit),
                    None => match self.without_place(&computation) {
                        Some(landed) => return landed,
                        None => None,
                    },
                }
            }
        };
        let computing = around.begin(permit, &computation);
        let returned = around.chain.run(|| self.span().in_scope(compute));
        let (settled, ending) = self.settle(computing.end(), returned);
        let ending = match leader.is_overdue() {
            true => ending.late(),
            false => ending,
        };
        let ended = self.wait(computation.end(ending)).unwrap_or(Ended::Plain);
        self.landed(settled, ended)
    }

    /// Whether the lead may be that of a task of the runtime that this thread is of, and keeps from
    /// going on.
    pub(super) fn may_block_its_leader(&self) -> bool {
        let computed = [&self.inner.flights, &self.inner.refreshes];
        let has = |flights: &&Arc<Flights>| flights.has(self.key.bytes());
        Handle::try_current().is_ok() && computed.iter().any(has)
    }

    /// Waits for a place; `None` if it took too long, or there is no background to wait in.
    fn queue_blocking(
        &self,
        outer: &Chain,
        leader: &Arc<Leader>,
        may_shed: bool,
    ) -> Option<Arc<Permit>> {
        let (inner, leader) = (Arc::clone(&self.inner), Arc::clone(leader));
        let outer = outer.clone();
        self.wait_for_place(async move {
            let permit = leader.permit(&inner.bulkhead);
            inner.queue(&outer, permit, may_shed).await
        })
    }

    /// Gets back the place of the computation around this call, if a wait has lent it.
    fn regain_blocking(&self, around: &Around) {
        let permit = around.outer.permit(self.inner.address());
        if let Some(permit) = permit.filter(|permit| permit.is_lent()) {
            self.wait_for_place(async move {
                permit.regain().await;
                Some(permit)
            });
        }
    }

    /// Blocks this thread until there is a place; `None` as above.
    fn wait_for_place(
        &self,
        place: impl Future<Output = Option<Arc<Permit>>> + Send + 'static,
    ) -> Option<Arc<Permit>> {
        background::block_on(self.inner.place_for_blocked(place)).ok()?
    }

    fn alone_blocking(
        &self,
        around: &Around,
        compute: impl FnOnce() -> K::Returned,
    ) -> K::Returned {
        let permit = self.inner.place(&around.outer).or_else(|| {
            let (inner, outer) = (Arc::clone(&self.inner), around.outer.clone());
            self.wait_for_place(async move { inner.place_alone(&outer).await })
        });
        let computing = around.begin_alone(permit);
        self.count(Event::Computed);
        let returned = around.chain.run(|| self.span().in_scope(compute));
        computing.end();
        returned
    }

    /// Runs `future` to its end on this thread. Without a backend nothing in it waits, and no
    /// runtime is needed. `None` if the background runtime is not there.
    fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        if self.inner.backend.is_some() {
            return background::block_on(future).ok();
        }
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }
}
