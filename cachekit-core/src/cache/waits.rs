//! How a reader waits for another process: it looks again and again.

use std::time::Duration;

use crate::cache::Inner;
use crate::policy::ttl::random;

/// How often a reader asks whether another process has finished: at first, and at most.
const FIRST_POLL: Duration = Duration::from_millis(10);
const LAST_POLL: Duration = Duration::from_millis(250);

/// The pauses of a reader that waits for another process, growing and jittered.
pub(crate) struct Waits {
    budget: Duration,
    /// When the first one began, monotonic.
    began_ms: Option<u64>,
    pause: Duration,
}

impl Waits {
    pub(crate) const fn within(budget: Duration) -> Self {
        Self {
            budget,
            began_ms: None,
            pause: Duration::ZERO,
        }
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
