//! Time, in one place, so that tests can hold it in their hands.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;

use crate::background::{self, AbortOnDrop};
use crate::error::Result;

/// A source of time.
///
/// The system's clock is the default. A test brings its own [`Time`] (`testkit::ManualClock`) and
/// moves it by hand.
///
/// Readings are in milliseconds. The system's monotonic reading is the coarse one of the kernel
/// (Linux: resolution of one tick, 1 to 10 ms; about 4 ns instead of 23), because every cache hit
/// takes one.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Time>>);

/// What a [`Clock`] other than the system's has to tell.
pub trait Time: Send + Sync + fmt::Debug {
    /// Milliseconds since a fixed point of this source's own; never goes back.
    fn monotonic_ms(&self) -> u64;
    /// Milliseconds since 1970-01-01 00:00 UTC; may go back.
    fn unix_ms(&self) -> u64;
    /// Completes once `monotonic_ms` has advanced by `duration`.
    ///
    /// Cancel safety: dropping the future has no effect.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
    /// Runs `task` to its end beside the callers. Default: on background threads of the cache. A
    /// test that must be the same each time runs it on its own runtime.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable): there is nothing to run it on.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> Result<JoinHandle<()>> {
        background::spawn(task)
    }
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that shows `time`.
    #[must_use]
    pub fn with_time(time: Arc<dyn Time>) -> Self {
        Self(Some(time))
    }

    /// Milliseconds on a clock that never goes back; its zero means nothing.
    #[inline]
    #[must_use]
    pub fn monotonic_ms(&self) -> u64 {
        match &self.0 {
            None => system_monotonic_ms(),
            Some(time) => time.monotonic_ms(),
        }
    }

    /// Milliseconds since 1970-01-01 00:00 UTC, as far as this machine knows.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        match &self.0 {
            None => system_unix_ms(),
            Some(time) => time.unix_ms(),
        }
    }

    /// Completes after `duration`, on any executor: the system's timers are those of the
    /// background runtime.
    ///
    /// Cancel safety: dropping the future has no effect.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Some(time) => time.sleep(duration).await,
            None => {
                // Without background threads there is no timer: the wait is over at once, and
                // whoever waited goes on as if it had lasted.
                if let Ok(task) = background::spawn(tokio::time::sleep(duration)) {
                    let _ = AbortOnDrop(task).join().await;
                }
            }
        }
    }

    /// Runs `task`, which waits for its time or acts for a caller that is gone, to its end.
    pub(crate) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Result<JoinHandle<()>> {
        match &self.0 {
            None => background::spawn(task),
            Some(time) => time.spawn(Box::pin(task)),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Clock(system)"),
            Some(time) => f.debug_tuple("Clock").field(time).finish(),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn system_monotonic_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    // The kernel's monotonic clock starts at boot: neither field is negative.
    now.tv_sec.cast_unsigned() * 1_000 + now.tv_nsec.cast_unsigned() / 1_000_000
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that others must use"
)]
fn system_monotonic_ms() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that others must use"
)]
fn system_unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
