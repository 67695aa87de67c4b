//! The clock of the backends, whose calls are made where the time of the schedule is not known.

use std::time::Duration;

use cachekit_core::clock::Clock;
use cachekit_core::testkit::ManualClock;
use cachekit_core::testkit::schedules::PausedTime;

/// Shows the time of the last call. Clones are the same clock.
#[derive(Clone, Debug)]
pub(crate) struct Hands {
    time: PausedTime,
    began: u64,
    shown: ManualClock,
}

impl Hands {
    pub(crate) fn new(time: PausedTime) -> Self {
        let shown = ManualClock::new();
        Self {
            time,
            began: shown.clock().monotonic_ms(),
            shown,
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.shown.clock()
    }

    /// Since the beginning.
    pub(crate) fn nanos(&self) -> u64 {
        self.time.nanos()
    }

    /// A call is made now.
    pub(crate) fn set(&self) {
        let now = self.began + self.time.nanos() / 1_000_000;
        let passed = now - self.shown.clock().monotonic_ms();
        self.shown.advance(Duration::from_millis(passed));
    }
}
