//! How many computations run at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bound of one cache.
#[derive(Debug)]
pub(crate) struct Bulkhead(Arc<Semaphore>);

/// The place of one computation.
#[derive(Debug)]
pub(crate) struct Permit(
    #[expect(dead_code, reason = "gives the place back when it is dropped")] OwnedSemaphorePermit,
);

impl Bulkhead {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))))
    }

    pub(crate) fn try_enter(&self) -> Option<Permit> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(Permit)
    }
}
