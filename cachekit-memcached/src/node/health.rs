//! How a node is, as far as this process knows.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ejections::Ejections;
use super::trust::Trust;

/// How long after its due time a probe counts as lost.
const SLACK: Duration = Duration::from_secs(1);

/// Whether a server is called, as far as this process knows: Up → Suspect → Down → Probing → Up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It answers.
    Up,
    /// Its last calls failed, but too few in a row. Calls go on.
    Suspect,
    /// It is not called; a prober tries it after pauses.
    Down,
    /// The prober is trying it. Nothing else reaches it until that has led to an answer.
    Probing,
}

/// How a node is and how it came to be, for whoever looks on.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) state: State,
    /// When it got into this state.
    pub(super) since: Instant,
    /// The last failure; empty as long as there was none.
    pub(super) reason: String,
    /// How often it went down.
    pub(super) ejections: u64,
}

/// The state of one node, and the claim to probe it.
///
/// A stall fails every call that is in flight, perhaps hundreds at once. They count as one
/// failure: a call counts only if no other failure was counted since it began.
#[derive(Debug)]
pub(super) struct Health {
    /// Failures in a row after which the node is down.
    limit: u32,
    /// All failures ever counted.
    failures: AtomicU64,
    /// The state of `record`, to be read by every call.
    state: AtomicU8,
    record: Mutex<Record>,
    /// Whether its keys are placed elsewhere while it is down.
    ejected: AtomicBool,
    ejections: Arc<Ejections>,
    /// Until when the prober at work is expected to be heard of, in milliseconds since `start`.
    probe_until: AtomicU64,
    start: Instant,
}

#[derive(Debug)]
struct Record {
    condition: Condition,
    in_a_row: u32,
}

impl State {
    const fn is_down(self) -> bool {
        matches!(self, Self::Down | Self::Probing)
    }
}

impl Health {
    /// `attempts` of zero count as one.
    pub(super) fn new(attempts: u32, ejections: Arc<Ejections>) -> Self {
        let condition = Condition {
            state: State::Up,
            since: Instant::now(),
            reason: String::new(),
            ejections: 0,
        };
        Self {
            limit: attempts.max(1),
            failures: AtomicU64::new(0),
            state: AtomicU8::new(State::Up as u8),
            record: Mutex::new(Record {
                condition,
                in_a_row: 0,
            }),
            ejected: AtomicBool::new(false),
            ejections,
            probe_until: AtomicU64::new(0),
            start: Instant::now(),
        }
    }

    pub(super) fn condition(&self) -> Condition {
        self.lock().condition.clone()
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.load(Ordering::Acquire) == State::Up as u8
    }

    pub(super) fn is_down(&self) -> bool {
        self.state.load(Ordering::Acquire) >= State::Down as u8
    }

    /// Whether its keys are to be placed elsewhere: it is down, and not too many others are.
    pub(super) fn is_ejected(&self) -> bool {
        self.ejected.load(Ordering::Acquire)
    }

    /// Whether it is down and its keys stay with it, because too many others are ejected.
    pub(super) fn keeps_keys(&self) -> bool {
        let record = self.lock();
        record.condition.state.is_down() && !self.is_ejected()
    }

    /// How many failures were counted so far: to be remembered when a call begins.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }

    /// Counts a failure of a call that began when `seen` were counted. Whether the node went down
    /// by it.
    pub(super) fn failed(&self, seen: u64, reason: &str, trust: &Trust) -> bool {
        let mut record = self.lock();
        if self.failures() != seen || record.condition.state.is_down() {
            return false;
        }
        self.failures.store(seen + 1, Ordering::Release);
        record.in_a_row += 1;
        if record.in_a_row >= self.limit {
            self.eject(&mut record, reason, trust);
            return true;
        }
        self.enter(&mut record, State::Suspect, Some(reason));
        false
    }

    /// Nobody listens: down at once. Whether it was not before.
    pub(super) fn refused(&self, reason: &str, trust: &Trust) -> bool {
        let mut record = self.lock();
        let went_down = !record.condition.state.is_down();
        if went_down {
            self.eject(&mut record, reason, trust);
        }
        went_down
    }

    /// A call was answered. Of a node that is down this tells nothing yet: it may be the late reply
    /// of a server that has missed much since.
    pub(super) fn answered(&self) {
        // Read before locked: an answer is the common case, and all callers share these lines.
        if self.state.load(Ordering::Relaxed) == State::Suspect as u8 {
            let mut record = self.lock();
            if record.condition.state == State::Suspect {
                self.readmit(&mut record);
            }
        }
    }

    /// The prober begins.
    pub(super) fn probing(&self) {
        let mut record = self.lock();
        if record.condition.state == State::Down {
            self.enter(&mut record, State::Probing, None);
        }
    }

    /// The prober failed. A node for which there was no room among the ejected may have it now:
    /// whether it is ejected by this.
    pub(super) fn probe_failed(&self, reason: &str) -> bool {
        let mut record = self.lock();
        let is_down = record.condition.state.is_down();
        if is_down {
            self.enter(&mut record, State::Down, Some(reason));
        }
        is_down && self.claim_ejection()
    }

    /// The node answered everything that it takes to be called again, unless it went down once more
    /// meanwhile. Whether it was down before.
    pub(super) fn recovered(&self, trust: &Trust) -> bool {
        let mut record = self.lock();
        let was_down = record.condition.state.is_down();
        if trust.is_doubtful() {
            return false;
        }
        self.readmit(&mut record);
        was_down
    }

    /// While a node is down its keys are written elsewhere, so what it holds is doubtful before
    /// anyone sees that it is down.
    fn eject(&self, record: &mut Record, reason: &str, trust: &Trust) {
        trust.doubt();
        record.condition.ejections += 1;
        self.claim_ejection();
        self.enter(record, State::Down, Some(reason));
    }

    /// Whether it is ejected from now on.
    fn claim_ejection(&self) -> bool {
        let claimed = !self.is_ejected() && self.ejections.claim();
        if claimed {
            self.ejected.store(true, Ordering::Release);
        }
        claimed
    }

    fn readmit(&self, record: &mut Record) {
        record.in_a_row = 0;
        self.enter(record, State::Up, None);
        if self.ejected.swap(false, Ordering::AcqRel) {
            self.ejections.give_back();
        }
    }

    fn enter(&self, record: &mut Record, state: State, reason: Option<&str>) {
        if let Some(reason) = reason {
            reason.clone_into(&mut record.condition.reason);
        }
        if record.condition.state != state {
            record.condition.state = state;
            record.condition.since = Instant::now();
            self.state.store(state as u8, Ordering::Release);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub(super) fn probe_within(&self, patience: Duration) {
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

    const WHY: &str = "why";

    fn health(attempts: u32) -> Health {
        Health::new(attempts, Ejections::of(1))
    }

    fn fail(health: &Health) -> bool {
        health.failed(health.failures(), WHY, &Trust::default())
    }

    #[test]
    fn a_node_is_suspect_after_one_failure_and_down_after_so_many_in_a_row() {
        let health = health(2);
        assert!(!fail(&health));
        assert_eq!(health.condition().state, State::Suspect);
        health.answered();
        assert_eq!(health.condition().state, State::Up);
        assert!(!fail(&health));
        assert!(fail(&health));
        assert_eq!(health.condition().state, State::Down);
        assert_eq!(health.condition().ejections, 1);
        assert!(health.is_ejected());
    }

    #[test]
    fn zero_attempts_and_one_both_mean_the_first_failure() {
        for attempts in [0, 1] {
            assert!(fail(&health(attempts)));
        }
    }

    #[test]
    fn calls_that_fail_together_count_as_one_failure() {
        let health = health(2);
        let seen = health.failures();
        for _ in 0..100 {
            assert!(!health.failed(seen, WHY, &Trust::default()));
        }
        assert!(!health.is_down());
    }

    #[test]
    fn a_refused_node_is_down_at_once_and_says_why() {
        let health = health(10);
        assert!(health.refused(WHY, &Trust::default()));
        assert!(!health.refused(WHY, &Trust::default()));
        assert!(health.is_down());
        assert_eq!(health.condition().reason, "why");
    }

    #[test]
    fn a_late_answer_does_not_bring_back_a_node_that_is_down() {
        let health = health(1);
        assert!(fail(&health));
        health.answered();
        assert!(health.is_down());
    }

    #[test]
    fn a_node_is_up_again_when_a_probe_has_succeeded_and_down_when_it_has_not() {
        let health = health(1);
        assert!(fail(&health));
        health.probing();
        assert_eq!(health.condition().state, State::Probing);
        assert!(health.is_down());
        assert!(!health.probe_failed(WHY));
        assert_eq!(health.condition().state, State::Down);
        health.probing();
        assert!(health.recovered(&Trust::default()));
        assert_eq!(health.condition().state, State::Up);
        assert!(!health.is_ejected());
    }

    #[test]
    fn a_node_that_went_down_again_while_it_recovered_stays_down() {
        let (health, trust) = (health(1), Trust::default());
        assert!(health.refused(WHY, &trust));
        assert!(!health.recovered(&trust));
        assert!(health.is_down());
        trust.settle(trust.doubts().unwrap(), Some(1));
        assert!(health.recovered(&trust));
    }

    #[test]
    fn of_two_nodes_one_is_ejected_and_the_other_when_there_is_room_again() {
        let ejections = Ejections::of(2);
        let [one, other] = [(); 2].map(|()| Health::new(1, Arc::clone(&ejections)));
        assert!(one.refused(WHY, &Trust::default()));
        assert!(other.refused(WHY, &Trust::default()));
        assert!(one.is_ejected());
        assert!(other.is_down() && !other.is_ejected());
        one.recovered(&Trust::default());
        assert!(other.probe_failed(WHY));
        assert!(other.is_ejected());
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_state_is_the_moment_at_which_it_began() {
        let health = health(2);
        tokio::time::advance(Duration::from_secs(1)).await;
        fail(&health);
        let began = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(health.condition().since, began);
    }

    #[tokio::test(start_paused = true)]
    async fn one_prober_is_at_work_and_one_that_is_not_heard_of_is_replaced() {
        let health = health(0);
        assert!(health.claim_probe(Duration::from_secs(2)));
        assert!(!health.claim_probe(Duration::from_secs(2)));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(health.claim_probe(Duration::from_secs(2)));
        health.probed();
        assert!(health.claim_probe(Duration::from_secs(2)));
    }
}
