//! The time of a schedule: that of its runtime, which is paused.

use std::pin::Pin;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::clock::Time;
use crate::error::Result;

/// What the wall clocks of all processes show at the beginning.
const FIRST_MS: u64 = 1_800_000_000_000;

/// Time since the beginning of a schedule: the [`Time`] of its caches.
#[derive(Clone, Copy, Debug)]
pub struct PausedTime(Instant);

impl PausedTime {
    /// It begins now.
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    /// So many have passed.
    #[must_use]
    pub fn nanos(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// When `since_beginning` has passed.
    pub(super) fn at(self, since_beginning: Duration) -> Instant {
        self.0 + since_beginning
    }
}

impl Time for PausedTime {
    fn monotonic_ms(&self) -> u64 {
        self.nanos() / 1_000_000
    }

    fn unix_ms(&self) -> u64 {
        FIRST_MS + self.monotonic_ms()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(sleep(duration))
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> Result<JoinHandle<()>> {
        Ok(tokio::spawn(task))
    }
}
