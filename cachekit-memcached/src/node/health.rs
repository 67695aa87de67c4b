//! Whether a node is up: counted failures, and the claim to probe it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long after its due time a probe counts as lost.
const SLACK: Duration = Duration::from_secs(1);

/// The state of one node.
///
/// A stall fails every call that is in flight, perhaps hundreds at once. They count as one
/// failure: a call counts only if no other failure was counted since it began.
#[derive(Debug)]
pub(super) struct Health {
    /// Failures in a row after which the node is down.
    limit: u32,
    /// All failures ever counted.
    failures: AtomicU64,
    in_a_row: AtomicU32,
    down: AtomicBool,
    /// Until when the prober at work is expected to be heard of, in milliseconds since `start`.
    probe_until: AtomicU64,
    start: Instant,
}

impl Health {
    /// `attempts` of zero count as one.
    pub(super) fn new(attempts: u32) -> Self {
        Self {
            limit: attempts.max(1),
            failures: AtomicU64::new(0),
            in_a_row: AtomicU32::new(0),
            down: AtomicBool::new(false),
            probe_until: AtomicU64::new(0),
            start: Instant::now(),
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Acquire)
    }

    /// How many failures were counted so far: to be remembered when a call begins.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }

    /// Counts a failure of a call that began when `seen` were counted. Whether the node went down
    /// by it.
    pub(super) fn failed(&self, seen: u64) -> bool {
        let counted =
            self.failures
                .compare_exchange(seen, seen + 1, Ordering::AcqRel, Ordering::Acquire);
        if counted.is_err() {
            return false;
        }
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::AcqRel) + 1;
        in_a_row >= self.limit && self.refused()
    }

    /// Nobody listens: down at once. Whether it was up before.
    pub(super) fn refused(&self) -> bool {
        !self.down.swap(true, Ordering::AcqRel)
    }

    /// The node answered. Whether it was down before.
    pub(super) fn answered(&self) -> bool {
        // Read before written: an answer is the common case, and all callers share these lines.
        if self.in_a_row.load(Ordering::Relaxed) != 0 {
            self.in_a_row.store(0, Ordering::Release);
        }
        self.reached()
    }

    /// A connection came about. Whether the node was down before. Failures in a row are over only
    /// with the answer to a call: one that greets and then fails is soon down again.
    pub(super) fn reached(&self) -> bool {
        self.is_down() && self.down.swap(false, Ordering::AcqRel)
    }

    /// Whether the caller is to start a prober: none is at work, or it has not been heard of.
    pub(super) fn claim_probe(&self, patience: Duration) -> bool {
        let now = self.now();
        let until = self.probe_until.load(Ordering::Acquire);
        if until > now {
            return false;
        }
        let claimed = now + millis(patience + SLACK);
        self.probe_until
            .compare_exchange(until, claimed, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The prober is at work and will be heard of within `patience`.
    pub(super) fn probing(&self, patience: Duration) {
        self.probe_until
            .store(self.now() + millis(patience + SLACK), Ordering::Release);
    }

    /// The prober is done.
    pub(super) fn probed(&self) {
        self.probe_until.store(0, Ordering::Release);
    }

    fn now(&self) -> u64 {
        // Never zero, which stands for "no prober".
        millis(self.start.elapsed()) + 1
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_down_after_so_many_failures_in_a_row() {
        let health = Health::new(2);
        assert!(!health.failed(health.failures()));
        assert!(!health.answered());
        assert!(!health.failed(health.failures()));
        assert!(health.failed(health.failures()));
        assert!(health.is_down());
    }

    #[test]
    fn zero_attempts_and_one_both_mean_the_first_failure() {
        for attempts in [0, 1] {
            let health = Health::new(attempts);
            assert!(health.failed(health.failures()));
        }
    }

    #[test]
    fn calls_that_fail_together_count_as_one_failure() {
        let health = Health::new(2);
        let seen = health.failures();
        for _ in 0..100 {
            assert!(!health.failed(seen));
        }
        assert!(!health.is_down());
    }

    #[test]
    fn a_refused_node_is_down_at_once_and_up_at_its_first_answer() {
        let health = Health::new(10);
        assert!(health.refused());
        assert!(!health.refused());
        assert!(health.answered());
        assert!(!health.is_down());
    }

    #[test]
    fn a_node_that_is_reached_and_fails_again_is_down_again_at_once() {
        let health = Health::new(2);
        assert!(!health.failed(health.failures()));
        assert!(health.failed(health.failures()));
        assert!(health.reached());
        assert!(health.failed(health.failures()));
    }

    #[tokio::test(start_paused = true)]
    async fn one_prober_is_at_work_and_one_that_is_not_heard_of_is_replaced() {
        let health = Health::new(0);
        assert!(health.claim_probe(Duration::from_secs(2)));
        assert!(!health.claim_probe(Duration::from_secs(2)));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(health.claim_probe(Duration::from_secs(2)));
        health.probed();
        assert!(health.claim_probe(Duration::from_secs(2)));
    }
}
