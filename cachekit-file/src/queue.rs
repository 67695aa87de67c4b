//! Where the threads of this process wait for one another, and leave the lock of a file to the one who
//! is first: among processes it is one that wants it.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;

use crate::lock::{try_open_locked, wait};

/// How often a lock that was stuck is looked at, and the pauses between.
const PROBES: u32 = 16;
const PROBE_PAUSE: Duration = Duration::from_micros(256);

#[derive(Debug, Default)]
pub(crate) struct Queue {
    first: Mutex<()>,
    /// Whether the first of them gave up, and no other has had the lock since.
    stuck: AtomicBool,
}

impl Queue {
    /// Waits to be the first.
    pub(crate) fn enter(&self) -> MutexGuard<'_, ()> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes of `locked`, which waits for the lock of the file at `path`. To be called by the first.
    /// Where that lock was stuck, nobody waits for it until it is found free: all calls that come
    /// meanwhile would wait one after the other, and keep other calls out of the blocking pool.
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut) where it is stuck.
    pub(crate) fn unless_stuck<R>(
        &self,
        path: &Path,
        permissions: u32,
        locked: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        if self.stuck.load(Ordering::Relaxed) && !is_free(path, permissions)? {
            return Err(Errno::TIMEDOUT.into());
        }
        let result = locked();
        let stuck = matches!(&result, Err(error) if error.kind() == io::ErrorKind::TimedOut);
        self.stuck.store(stuck, Ordering::Relaxed);
        result
    }
}

/// Whether the lock can be had soon: others who have it meanwhile take microseconds.
fn is_free(path: &Path, permissions: u32) -> io::Result<bool> {
    for _ in 0..PROBES {
        match try_open_locked(path, permissions) {
            // There is no folder that anybody could hold.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            probed => {
                if probed?.is_some() {
                    return Ok(true);
                }
            }
        }
        wait(PROBE_PAUSE);
    }
    Ok(false)
}
