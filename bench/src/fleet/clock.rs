//! One clock for all processes of this machine.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`: those of two processes compare.
pub(super) fn now() -> u64 {
    let time = Duration::try_from(clock_gettime(ClockId::Monotonic));
    nanoseconds(time.unwrap_or_default())
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Lets time pass while the fleet runs: nothing is waited for.
pub(super) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Some time up to `most`.
pub(super) fn some(most: Duration) -> Duration {
    most.mul_f64(fastrand::f64())
}
