//! What the leader of a flight and those who wait for it share.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::landing::Landing;
use super::moment::Reach;
use super::offering::Offer;
use crate::policy::bulkhead::Loan;
use crate::policy::lock::Lock;
use crate::timers::Timers;

pub(super) type Abort = Box<dyn FnOnce() + Send>;

pub(super) struct Flight {
    /// From then on nobody joins, and nobody but the starter waits.
    deadline_ms: AtomicU64,
    /// How long it has its key.
    whole_ms: u64,
    /// The declared tags of its value.
    pub(super) tags: Box<[u64]>,
    state: Lock<State>,
    changed: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) phase: Phase,
    /// How many wait, the starter of a detached flight included.
    pub(super) waiting: usize,
    /// How many have come to wait, those who left included.
    pub(super) joined: u64,
    /// Who may have the result, where that is not everybody.
    pub(super) reach: Option<Reach>,
    /// Ends the task of a detached flight, when all who waited are dropped.
    pub(super) abort: Option<Abort>,
    /// Somebody left who wants it to go on.
    pub(super) kept: bool,
    pub(super) offer: Option<Offer>,
    pub(super) queue: Queue,
}

#[derive(Default)]
pub(super) enum Phase {
    #[default]
    Running,
    Landed(Landing),
    Abandoned,
}

/// Where the leader is with its permit.
#[derive(Default)]
pub(super) enum Queue {
    /// It needs none now.
    #[default]
    Outside,
    Waiting,
    /// One who waits for the flight has lent it one.
    Lent(Loan),
}

impl Flight {
    /// A flight that begins now, and has its key for `whole`.
    pub(super) fn new(now_ms: u64, whole: Duration, tags: &[u64]) -> Self {
        let whole_ms = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
        Self {
            deadline_ms: AtomicU64::new(now_ms.saturating_add(whole_ms)),
            whole_ms,
            tags: tags.into(),
            state: Lock::default(),
            changed: Notify::new(),
        }
    }

    /// Whether the key belongs to others.
    pub(super) fn is_overdue(&self, now_ms: u64) -> bool {
        self.deadline_ms.load(Ordering::Relaxed) <= now_ms
    }

    /// Has its key for the whole time from now on, unless that belongs to others already.
    pub(super) fn prolong(&self, now_ms: u64) {
        if !self.is_overdue(now_ms) {
            let deadline_ms = now_ms.saturating_add(self.whole_ms);
            self.deadline_ms.store(deadline_ms, Ordering::Relaxed);
        }
    }

    /// Waits until the key belongs to others.
    pub(super) async fn overdue(&self, timers: &Timers) {
        loop {
            let deadline_ms = self.deadline_ms.load(Ordering::Relaxed);
            let left_ms = deadline_ms.saturating_sub(timers.clock().monotonic_ms());
            if left_ms == 0 {
                return;
            }
            timers.after(Duration::from_millis(left_ms)).await;
        }
    }

    /// What is replaced comes out with the answer, to be dropped without the lock: it may be a
    /// user's.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        self.state.with(look)
    }

    /// The same, and those who wait for a change look again.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = self.with(change);
        self.changed.notify_waiters();
        changed
    }

    /// Waits until `look` finds something.
    ///
    /// Cancel safety: what `look` has taken is always returned.
    pub(super) async fn until<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(found) = self.with(&mut look) {
                return found;
            }
            changed.await;
        }
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").finish_non_exhaustive()
    }
}
