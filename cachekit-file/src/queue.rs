//! Where the threads of this process wait for one another, and leave the lock of a file to the one who
//! is first: among processes it is one that wants it.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

#[derive(Debug, Default)]
pub(crate) struct Queue<T> {
    first: Mutex<T>,
    /// How often the first of them has given up.
    given_up: AtomicU64,
}

impl<T> Queue<T> {
    /// Waits to be the first, unless another gave up meanwhile: this one need not try as long.
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut), as the one who gave up.
    pub(crate) fn wait(&self) -> io::Result<MutexGuard<'_, T>> {
        let before = self.given_up.load(Ordering::Relaxed);
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if self.given_up.load(Ordering::Relaxed) == before {
            Ok(first)
        } else {
            Err(Errno::TIMEDOUT.into())
        }
    }

    /// Tells those who wait if the first one gave up. To be called while it is the first.
    pub(crate) fn leave(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::TimedOut {
            self.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}
