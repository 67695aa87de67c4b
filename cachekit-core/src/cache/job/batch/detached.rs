//! A batch in a task of its own.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::{Arc, OnceLock, Weak};

use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};
use tracing::Instrument;

use super::{Batch, Mode, Outcome};
use crate::cache::form::Form;
use crate::policy::flight::{Leader, Waiter};
use crate::policy::lock::Lock;
use crate::policy::race::race;

/// Who still wants what a task computes: its caller, and those who wait for one of its flights.
pub(super) struct Wanted {
    /// Ends the task when nobody has it any more.
    task: Weak<Task>,
    /// The caller's places in the flights; `None` once the caller is gone.
    starters: Lock<Option<Vec<Waiter>>>,
}

#[derive(Default)]
struct Task(OnceLock<AbortHandle>);

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}

impl Wanted {
    fn new(task: &Arc<Task>) -> Self {
        Self {
            task: Arc::downgrade(task),
            starters: Lock::new(Some(Vec::new())),
        }
    }

    /// The caller has started this flight.
    pub(super) fn starts(&self, leader: &Leader) {
        let (starter, task) = (leader.starter(), self.task.upgrade());
        starter.ended_by(move || drop(task));
        let refused = self.starters.with(|starters| match starters {
            Some(starters) => {
                starters.push(starter);
                None
            }
            None => Some(starter),
        });
        drop(refused);
    }

    /// Whether the caller is still there.
    pub(super) fn is_wanted(&self) -> bool {
        self.starters.with(|starters| starters.is_some())
    }

    fn leave(&self) {
        drop(self.starters.with(Option::take));
    }
}

/// The caller of a task.
struct Caller<V, E, F>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    batch: Arc<Batch<V, E, F>>,
    _task: Arc<Task>,
}

impl<V, E, F> Drop for Caller<V, E, F>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    fn drop(&mut self) {
        if let Mode::Detached(wanted) = &self.batch.mode {
            wanted.leave();
        }
    }
}

impl<V, E, F> Batch<V, E, F>
where
    V: Clone + Send + Sync + 'static,
    E: Send + 'static,
    F: Form<V>,
{
    /// Computes in a task of its own, in the runtime of the caller, which goes on when the time of
    /// the caller is over, and ends when nobody waits for any of its ids. Without a runtime it
    /// computes inline.
    ///
    /// Panics as the origin does, and if that runtime is shut down while the caller, polled by
    /// another executor, goes on.
    pub(crate) async fn detached<O, Fut>(mut self, origin: O) -> Vec<Outcome<V, E>>
    where
        O: FnMut(Vec<usize>) -> Fut + Send + 'static,
        Fut: Future<Output = Vec<Outcome<V, E>>> + Send,
    {
        let Ok(runtime) = Handle::try_current() else {
            return self.inline(origin).await;
        };
        let task = Arc::new(Task::default());
        self.mode = Mode::Detached(Wanted::new(&task));
        let batch = Arc::new(self);
        let running = {
            let batch = Arc::clone(&batch);
            runtime.spawn(async move { batch.run(origin).await }.in_current_span())
        };
        let _ = task.0.set(running.abort_handle());
        let caller = Caller { batch, _task: task };
        let batch = &caller.batch;
        let run = race(ended(running), batch.done.notified());
        batch.in_time(run).await;
        batch.regain().await;
        batch.outcomes()
    }
}

async fn ended(task: JoinHandle<()>) {
    if let Err(error) = task.await {
        match error.try_into_panic() {
            Ok(payload) => resume_unwind(payload),
            // To wait on would be for ever, and what was to be computed is gone with its task.
            Err(_) => panic!("the runtime that computed a cached function was shut down"),
        }
    }
}
