//! The computation of a sync function on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tracing::Span;

use super::outcome::handed_over;
use super::turn::Turn;
use super::{Around, Job};
use crate::background;
use crate::cache::form::Form;
use crate::cache::kind::Kind;
use crate::policy::flight::{Landing, Leader};

impl<K, F> Job<K, F>
where
    K: Kind,
    K::Returned: Send + 'static,
    K::Error: Send + 'static,
    F: Form<K::Value>,
{
    /// Computes on a thread of ours, which goes on when the time of the caller is over, inside of
    /// the runtime of the caller, where it has one.
    ///
    /// Panics as the computation does, and if no thread can be started.
    pub(crate) fn threaded(self, compute: Box<dyn FnOnce() -> K::Returned + Send>) -> K::Returned {
        self.in_turn_blocking(compute, Self::on_a_thread)
    }

    fn on_a_thread(
        self,
        leader: Leader,
        refreshing: bool,
        around: Around,
        compute: Box<dyn FnOnce() -> K::Returned + Send>,
    ) -> K::Returned {
        around.offering.with(|seen| *seen = Some(leader.offering()));
        let (starter, left) = (leader.starter(), self.left(&around));
        let job = Arc::new(self);
        let flight = {
            let (job, around, span) = (Arc::clone(&job), around.fork(), Span::current());
            move || span.in_scope(|| job.flown(leader, refreshing, &around, compute))
        };
        // If it does not start, it is dropped, and with it the flight.
        let _ = background::spawn_blocking(flight);
        match job.wait_blocking(starter, left, &around) {
            Some(Turn::Return(returned)) => returned,
            _ => panic!("no thread could be started to compute a cached function"),
        }
    }

    fn flown(
        &self,
        leader: Leader,
        refreshing: bool,
        around: &Around,
        compute: Box<dyn FnOnce() -> K::Returned + Send>,
    ) {
        let mut leader = Arc::new(leader);
        // A user's code runs in more than the computation: `unless`, `Clone`, serde.
        let lead = || self.lead_blocking(&mut leader, refreshing, around, compute);
        let landed = catch_unwind(AssertUnwindSafe(lead));
        let landing = landed.map(handed_over::<K>);
        leader.land(landing.unwrap_or_else(|payload| Landing::Panicked(Some(payload))));
    }
}
