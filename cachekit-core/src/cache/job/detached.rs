//! The computation in a task of its own.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use tokio::runtime::Handle;
use tracing::Instrument;

use super::outcome::handed_over;
use super::turn::Turn;
use super::{Around, Entered, Job};
use crate::cache::form::Form;
use crate::cache::kind::Kind;
use crate::policy::flight::{Landing, Leader, Waiter};
use crate::policy::reentry::Chain;

/// A boxed computation, to run in a task of its own.
pub(crate) type Boxed<R> = Pin<Box<dyn Future<Output = R> + Send>>;

impl<K, F> Job<K, F>
where
    K: Kind,
    K::Returned: Send + 'static,
    K::Error: Send + 'static,
    F: Form<K::Value>,
{
    /// Computes in a task of its own, in the runtime of the caller, which goes on when the time of
    /// the caller is over. Without a runtime it computes inline.
    ///
    /// Panics as the computation does, and if that runtime is shut down while the caller, polled
    /// by another executor, goes on.
    pub(crate) async fn detached(self, compute: Boxed<K::Returned>) -> K::Returned {
        let Ok(runtime) = Handle::try_current() else {
            return self.inline(compute).await;
        };
        let around = match self.enter() {
            Entered::Into(around) => around,
            Entered::Told(returned) => return returned,
            Entered::Through => return Chain::current().aside().run_async(compute).await,
        };
        let job = Arc::new(self);
        let returned = {
            let run = pin!(Arc::clone(&job).spawned(&runtime, &around, compute));
            job.in_time(run, &around).await
        };
        around.outer.regain(job.inner.address()).await;
        returned
    }

    async fn spawned(
        self: Arc<Self>,
        runtime: &Handle,
        around: &Around,
        compute: Boxed<K::Returned>,
    ) -> K::Returned {
        let (leader, refreshing) = match self.turn(around).await {
            Turn::Return(returned) => return returned,
            Turn::Alone => return self.alone(around, compute).await,
            Turn::Lead { leader, refreshing } => (leader, refreshing),
        };
        around.offering.with(|seen| *seen = Some(leader.offering()));
        let starter = leader.starter();
        let flight = Arc::clone(&self).fly(leader, refreshing, around.fork(), compute);
        let task = runtime.spawn(flight.in_current_span());
        let task = task.abort_handle();
        starter.ended_by(move || task.abort());
        self.landed_for(&starter).await
    }

    async fn fly(
        self: Arc<Self>,
        mut leader: Leader,
        refreshing: bool,
        around: Around,
        compute: Boxed<K::Returned>,
    ) {
        // A user's code runs in more than the computation: `unless`, `Clone`, serde.
        let landed = caught(self.lead(&mut leader, refreshing, &around, compute)).await;
        let landing = landed.map(handed_over::<K>);
        leader.land(landing.unwrap_or_else(|payload| Landing::Panicked(Some(payload))));
    }

    async fn landed_for(&self, starter: &Waiter) -> K::Returned {
        match self.arrived(starter.wait(false, None).await) {
            Some(Turn::Return(returned)) => returned,
            // To wait on would be for ever, and what was to be computed is gone with its task.
            _ => panic!("the runtime that computed a cached function was shut down"),
        }
    }
}

/// A panic of `future` as an error, so that the caller who started the task goes on with it.
async fn caught<R>(future: impl Future<Output = R>) -> Result<R, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(returned)) => Poll::Ready(Ok(returned)),
            Err(payload) => Poll::Ready(Err(payload)),
        },
    )
    .await
}
