//! How a reader waits for another process: it looks again and again.

use std::time::Duration;

use crate::cache::Inner;
use crate::error::Result;
use crate::policy::ttl::random;

/// How often a reader asks whether another process has finished: at first, and at most.
const FIRST_POLL: Duration = Duration::from_millis(10);
const LAST_POLL: Duration = Duration::from_millis(250);
/// After how many looks in a row that failed the store counts as away.
const FAILURES: u32 = 4;

/// The pauses of a reader that waits for another process, growing and jittered.
pub(crate) struct Waits {
    budget: Duration,
    /// When the first one began, monotonic.
    began_ms: Option<u64>,
    pause: Duration,
    /// How many looks in a row have failed.
    failures: u32,
}

impl Waits {
    pub(crate) const fn within(budget: Duration) -> Self {
        Self {
            budget,
            began_ms: None,
            pause: Duration::ZERO,
            failures: 0,
        }
    }

    /// Whether to wait on although `look` has failed. The other process may well compute: if all who
    /// wait for it computed as well because the store has hiccuped, that would be the stampede.
    pub(crate) fn bears_with<T>(&mut self, look: &Result<T>) -> bool {
        self.failures = match look {
            Ok(_) => 0,
            Err(_) => self.failures + 1,
        };
        look.is_err() && !self.are_new() && self.failures < FAILURES
    }

    /// Whether there was none yet.
    pub(crate) const fn are_new(&self) -> bool {
        self.began_ms.is_none()
    }

    /// Pauses; false once the budget is spent.
    pub(crate) async fn next(&mut self, inner: &Inner) -> bool {
        let now_ms = inner.clock.monotonic_ms();
        let began_ms = *self.began_ms.get_or_insert(now_ms);
        if inner.since(began_ms) >= self.budget {
            return false;
        }
        self.pause = (self.pause * 2).clamp(FIRST_POLL, LAST_POLL);
        let jittered = self
            .pause
            .mul_f64(0.5 + f64::from(random() % 1_000) / 2_000.0);
        inner.clock.sleep(jittered).await;
        true
    }
}
