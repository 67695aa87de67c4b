//! The blocking pool of the runtime, and what becomes of work whose caller goes away.

use std::sync::{Arc, Weak};

use cachekit_core::error::{Error, ErrorKind, Result};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// How many calls of one backend are in the blocking pool at once. The others wait, each in the
/// future of its caller.
const POOLED: usize = 32;

/// The share that one backend has of the blocking pool.
#[derive(Debug)]
pub(crate) struct Pool(Arc<Semaphore>);

/// Whoever waits for a write. One who went away may have been told nothing, and goes on to write
/// or remove the same key: the write that was left must not come after that.
#[derive(Debug)]
pub(crate) struct Caller(Option<Weak<()>>);

impl Caller {
    /// One who cannot go away, because all is done where the caller is.
    pub(crate) const HERE: Self = Self(None);

    pub(crate) fn is_gone(&self) -> bool {
        let waiting = self.0.as_ref();
        waiting.is_some_and(|waiting| waiting.strong_count() == 0)
    }
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(POOLED)))
    }

    /// Whether the caller is on a thread that must not be held up: one that polls for a runtime.
    pub(crate) fn is_needed() -> bool {
        Handle::try_current().is_ok()
    }

    /// Runs `work` on the blocking pool, or where the caller is if no runtime polls it. If the
    /// caller goes away before it begins, it does not.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Caller) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Ok(runtime) = Handle::try_current() else {
            return work(&Caller::HERE);
        };
        let waiting = Arc::new(());
        let caller = Caller(Some(Arc::downgrade(&waiting)));
        let permit = Arc::clone(&self.0).acquire_owned().await;
        let run = move || {
            let _permit = permit;
            if caller.is_gone() {
                Err(abandoned(operation))
            } else {
                work(&caller)
            }
        };
        let ended = |_| Error::with_detail(ErrorKind::Unavailable, operation, "the runtime ended");
        let result = runtime.spawn_blocking(run).await.map_err(ended).flatten();
        drop(waiting);
        result
    }
}

/// What a caller is told who is not there to hear it.
pub(crate) fn abandoned(operation: &'static str) -> Error {
    Error::with_detail(ErrorKind::Ambiguous, operation, "the caller is gone")
}
