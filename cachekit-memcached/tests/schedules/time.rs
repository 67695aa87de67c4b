//! The time of a schedule: that of its runtime, which is paused.

use std::pin::Pin;
use std::time::Duration;

use cachekit_core::clock::Time;
use cachekit_core::error::Result;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// What the wall clocks of all processes show at the beginning.
const FIRST_MS: u64 = 1_800_000_000_000;

/// Time since the beginning of a schedule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuntimeTime(Instant);

impl RuntimeTime {
    /// It begins now.
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn nanos(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).expect("a short schedule")
    }

    /// When `since_beginning` has passed.
    pub(crate) fn at(self, since_beginning: Duration) -> Instant {
        self.0 + since_beginning
    }
}

impl Time for RuntimeTime {
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
