//! What the leader of a flight and those who wait for it share.

use std::fmt;

use tokio::sync::Notify;

use super::landing::Landing;
use super::moment::Reach;
use super::offering::Offer;
use crate::policy::bulkhead::Loan;
use crate::policy::lock::Lock;

pub(super) type Abort = Box<dyn FnOnce() + Send>;

pub(super) struct Flight {
    /// From then on nobody joins, and nobody but the starter waits.
    pub(super) deadline_ms: u64,
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
    pub(super) fn new(deadline_ms: u64, tags: &[u64]) -> Self {
        Self {
            deadline_ms,
            tags: tags.into(),
            state: Lock::default(),
            changed: Notify::new(),
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
