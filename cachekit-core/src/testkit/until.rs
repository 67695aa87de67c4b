//! Waiting for what other tasks and threads do.

use crate::clock::Clock;

/// How long a test waits at most, in milliseconds of the system's clock: longer than a machine is
/// ever busy.
const DEADLINE_MS: u64 = 60_000;

/// Lets the other tasks and threads run until `done`, which is asked again and again.
///
/// # Panics
/// If it is not done after a minute.
pub async fn until(done: impl Fn() -> bool) {
    let clock = Clock::system();
    let deadline_ms = clock.monotonic_ms() + DEADLINE_MS;
    while !done() {
        let in_time = clock.monotonic_ms() < deadline_ms;
        assert!(in_time, "not done after a minute");
        tokio::task::yield_now().await;
    }
}
