//! One small runtime of ours, for what has no runtime to run on: the backend calls of synchronous
//! functions, timers, and leads that are handed back when a future is dropped.
//!
//! Our own I/O runs here, and what it takes to read and write a value (serde, `Clone`). A computation
//! never does: a synchronous cached function called from one of these threads could wait for itself.
//! Those of sync functions that may outlast their callers run on threads that are there for them.

use std::future::Future;
use std::sync::{LazyLock, mpsc};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};

/// Two threads: one may be busy with a large value while the other keeps small ones moving.
const THREADS: usize = 2;

static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("cachekit")
        .enable_all()
        .build()
});

fn handle() -> Result<&'static Handle> {
    RUNTIME.as_ref().map(Runtime::handle).map_err(|error| {
        let detail = format!("the background threads did not start: {error}");
        Error::with_detail(ErrorKind::Unavailable, "background runtime", detail)
    })
}

/// Runs `future` to its end, whatever becomes of the caller.
pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<JoinHandle<T>> {
    Ok(handle()?.spawn(future))
}

/// Runs `call` to its end on a thread of its own, on which it may block, whatever becomes of the
/// caller. Inside of the caller's runtime, where it has one.
pub(crate) fn spawn_blocking(call: impl FnOnce() + Send + 'static) -> Result<()> {
    let runtime = Handle::try_current();
    drop(handle()?.spawn_blocking(move || {
        let _entered = runtime.as_ref().map(Handle::enter);
        call();
    }));
    Ok(())
}

/// Runs `future` to its end and blocks this thread until then. Works on every thread but our own:
/// inside any runtime and outside of all.
pub(crate) fn block_on<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T> {
    let (send, receive) = mpsc::sync_channel(1);
    spawn(async move {
        // The receiver is only gone if its thread panicked.
        let _ = send.send(future.await);
    })?;
    receive
        .recv()
        .map_err(|_| Error::new(ErrorKind::ComputationLost, "background runtime"))
}

/// Runs `future` here if a tokio runtime is around, else on ours: what needs tokio's drivers can
/// then be awaited from any executor.
pub(crate) async fn with_runtime<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T> {
    if Handle::try_current().is_ok() {
        return Ok(future.await);
    }
    let task = AbortOnDrop(spawn(future)?);
    task.join().await
}

/// A task that ends with its owner.
#[derive(Debug)]
pub(crate) struct AbortOnDrop<T>(pub(crate) JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    pub(crate) async fn join(mut self) -> Result<T> {
        (&mut self.0)
            .await
            .map_err(|_| Error::new(ErrorKind::ComputationLost, "background runtime"))
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_runs_without_any_runtime() {
        assert_eq!(block_on(async { 7 }).unwrap(), 7);
    }

    #[tokio::test]
    async fn a_thread_of_a_single_threaded_runtime_can_block_on_it() {
        let answer = block_on(async {
            tokio::task::yield_now().await;
            7
        });
        assert_eq!(answer.unwrap(), 7);
    }
}
