//! A place to compute.

use std::future::Future;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Job;
use super::outcome::Landed;
use super::time::within;
use crate::cache::Inner;
use crate::cache::computation::Computation;
use crate::cache::form::Form;
use crate::cache::kind::Kind;
use crate::policy::bulkhead::Permit;
use crate::policy::flight::{Leader, WAIT_BUDGET};
use crate::policy::reentry::Chain;

/// How long a caller waits for a place while the cache is away, if its error type can say that
/// there was none.
const ADMISSION: Duration = Duration::from_secs(1);

/// Where a computation is to run.
pub(super) enum Admission<K: Kind> {
    /// In this place: that of the computation around it, or a free one.
    Place(Arc<Permit>),
    /// Nowhere: there is something in grace.
    Instead(Landed<K>),
    /// It has to queue.
    Queue {
        /// Whether the caller can be turned away.
        may_shed: bool,
    },
}

impl<K, F> Job<K, F>
where
    K: Kind,
    K::Error: 'static,
    F: Form<K::Value>,
{
    /// While the cache is away, what is in grace is better than to wait, and to be told is better
    /// than to wait for long.
    pub(super) fn admission(
        &self,
        outer: &Chain,
        computation: &Computation<K::Value, F>,
    ) -> Admission<K> {
        if let Some(permit) = self.inner.place(outer) {
            return Admission::Place(permit);
        }
        let old = match computation.away {
            true => self.in_grace(computation),
            false => None,
        };
        match old {
            Some(landed) => Admission::Instead(landed),
            None => Admission::Queue {
                may_shed: computation.away && self.voice.can_say(),
            },
        }
    }

    /// What everybody gets where no place came free in time; `None`: it is computed without one.
    pub(super) fn without_place(
        &self,
        computation: &Computation<K::Value, F>,
    ) -> Option<Landed<K>> {
        self.in_grace(computation).or_else(|| self.shed())
    }

    /// What everybody gets where there is something in grace, unless a new value was asked for.
    pub(super) fn in_grace(&self, computation: &Computation<K::Value, F>) -> Option<Landed<K>> {
        let old = computation.old.as_ref().filter(|_| !self.anew)?;
        Some(self.instead_of_new(&old.value))
    }

    /// Finds a place, or what everybody gets where there is none.
    pub(super) async fn admit(
        &self,
        outer: &Chain,
        computation: &Computation<K::Value, F>,
        leader: &Leader,
    ) -> Result<Arc<Permit>, Landed<K>> {
        let mut may_shed = match self.admission(outer, computation) {
            Admission::Place(permit) => return Ok(permit),
            Admission::Instead(landed) => return Err(landed),
            Admission::Queue { may_shed } => may_shed,
        };
        loop {
            let permit = leader.permit(&self.inner.bulkhead);
            if let Some(permit) = self.inner.queue(outer, permit, may_shed).await {
                return Ok(permit);
            }
            match self.shed() {
                Some(landed) => return Err(landed),
                None => may_shed = false,
            }
        }
    }
}

impl Inner {
    /// Waits for a place; while that `may_shed`, not for long. What is inside of a computation of
    /// another cache keeps its place there from those who may have all places here: after a while
    /// it goes on without one.
    pub(super) async fn queue(
        &self,
        outer: &Chain,
        permit: impl Future<Output = Permit>,
        may_shed: bool,
    ) -> Option<Arc<Permit>> {
        let permit = match (may_shed, outer.has_place()) {
            (true, _) => within(permit, self.timers.after(ADMISSION)).await,
            (false, true) => {
                let permit = within(permit, self.timers.after(WAIT_BUDGET)).await;
                Some(permit.unwrap_or_else(|| Permit::beyond(&self.bulkhead)))
            }
            (false, false) => Some(permit.await),
        };
        permit.map(Arc::new)
    }

    /// What `place` comes to for a caller who blocks this thread. The computations that have the
    /// places may be those of the runtime that is blocked by this, so that none comes free: on a
    /// thread of a runtime `None` after a while.
    pub(super) fn place_for_blocked<P>(
        &self,
        place: P,
    ) -> impl Future<Output = Option<Arc<Permit>>> + use<P>
    where
        P: Future<Output = Option<Arc<Permit>>>,
    {
        let end = self.timers.after(WAIT_BUDGET);
        let in_runtime = Handle::try_current().is_ok();
        async move {
            match in_runtime {
                true => within(place, end).await.flatten(),
                false => place.await,
            }
        }
    }

    /// A place for a computation past the flight.
    pub(super) async fn place_alone(&self, outer: &Chain) -> Option<Arc<Permit>> {
        match self.place(outer) {
            Some(permit) => Some(permit),
            None => self.queue(outer, self.bulkhead.enter(), false).await,
        }
    }

    /// A place that is there: that of the computation of this cache around this one, or a free one.
    pub(super) fn place(&self, outer: &Chain) -> Option<Arc<Permit>> {
        let free = || self.bulkhead.try_enter().map(Arc::new);
        outer.permit(self.address()).or_else(free)
    }

    /// What tells this cache from the others in a chain of computations.
    pub(super) fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }
}
