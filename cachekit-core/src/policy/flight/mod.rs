//! One computation per exact key in this process: the first caller leads, the others wait.
//!
//! A flight knows nothing of what is computed. Its leader lands it with a result; a leader that is
//! dropped abandons it, and the waiters begin again, so that one of them leads. Locks are per
//! exact key: no two keys ever wait for each other because of a hash.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::background::AbortOnDrop;
use crate::clock::Clock;

/// After this long a waiter stops waiting and computes for itself, and the key is free for another
/// flight: two computations that wait for each other come apart, and one that never returns holds
/// nobody for ever.
pub(crate) const WAIT_BUDGET: Duration = Duration::from_secs(10);

/// Locks of the table, not of the keys: which one is taken only for the look-up itself.
const SHARDS: usize = 64;

type Key = Arc<[u8]>;
type Shard = HashMap<Key, Arc<Flight>>;

/// Every flight of one cache.
#[derive(Debug)]
pub(crate) struct Flights {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    clock: Clock,
}

/// What a caller is in a flight.
#[derive(Debug)]
pub(crate) enum Role {
    Leader(Leader),
    Waiter(Waiter),
}

/// How a flight ended.
#[derive(Debug)]
pub(crate) enum Landing {
    /// With a value for everybody who was there.
    Value(Arc<dyn Any + Send + Sync>),
    /// With a value that something newer has overtaken: only the caller that started the flight
    /// may have it, the others read again.
    Superseded(Arc<dyn Any + Send + Sync>),
    /// With an error: for the starter as it is, for the others as far as it can be shared.
    Failed {
        original: Option<Box<dyn Any + Send>>,
        shared: Option<Arc<dyn Any + Send + Sync>>,
    },
    /// With a panic, for the starter to go on with; the others begin again.
    Panicked(Option<Box<dyn Any + Send>>),
}

/// What a waiter is told.
#[derive(Debug)]
pub(crate) enum Arrival {
    Value(Arc<dyn Any + Send + Sync>),
    /// The error itself: this waiter started the flight.
    OwnError(Box<dyn Any + Send>),
    /// An error as far as it can be shared.
    SharedError(Arc<dyn Any + Send + Sync>),
    /// The computation panicked, and this waiter started it.
    Panicked(Box<dyn Any + Send>),
    /// Begin again: the leader is gone, or its result is overtaken.
    Again,
    /// Compute for yourself: the wait was too long, or the error cannot be shared.
    Alone,
}

#[derive(Debug)]
struct Flight {
    state: Mutex<State>,
    changed: Notify,
    changed_blocking: Condvar,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// How many wait, the starter of a detached flight included.
    waiting: usize,
    /// The task of a detached flight: it ends when nobody waits any more.
    task: Option<AbortHandle>,
    /// Ends the wait of everybody once the budget is spent; there once somebody waits.
    alarm: Option<AbortOnDrop<()>>,
}

#[derive(Debug)]
enum Phase {
    Running,
    Overdue,
    Landed(Landing),
    Abandoned,
}

impl Flights {
    pub(crate) fn new(clock: Clock) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            shards,
            hasher: RandomState::new(),
            clock,
        }
    }

    /// Joins the flight of `key`, or starts it.
    pub(crate) fn join(self: &Arc<Self>, key: &Key) -> Role {
        let mut shard = self.shard(key);
        if let Some(flight) = shard.get(key) {
            let waiter = Waiter::new(Arc::clone(flight), false);
            self.watch(key, flight);
            return Role::Waiter(waiter);
        }
        let flight = Arc::new(Flight::new());
        shard.insert(Arc::clone(key), Arc::clone(&flight));
        drop(shard);
        Role::Leader(Leader {
            flights: Arc::clone(self),
            key: Arc::clone(key),
            flight,
        })
    }

    /// Lets nobody join the flight of `key` any more: what it computes began before the
    /// invalidation that calls this.
    pub(crate) fn forget(&self, key: &[u8]) {
        self.shard(key).remove(key);
    }

    fn leave(&self, key: &[u8], flight: &Arc<Flight>) {
        let mut shard = self.shard(key);
        if shard
            .get(key)
            .is_some_and(|current| Arc::ptr_eq(current, flight))
        {
            shard.remove(key);
        }
    }

    /// Sees to it that `flight` ends for its waiters, and leaves its key to others, once the
    /// budget is spent. One alarm for a flight, not one for a waiter.
    fn watch(self: &Arc<Self>, key: &Key, flight: &Arc<Flight>) {
        let mut state = lock(&flight.state);
        if state.alarm.is_some() || !matches!(state.phase, Phase::Running) {
            return;
        }
        let (key, clock) = (Arc::clone(key), self.clock.clone());
        let (flights, flight) = (Arc::downgrade(self), Arc::downgrade(flight));
        let task = self.clock.spawn(async move {
            clock.sleep(WAIT_BUDGET).await;
            if let (Some(flights), Some(flight)) = (flights.upgrade(), flight.upgrade()) {
                flights.leave(&key, &flight);
                flight.enter(Phase::Overdue);
            }
        });
        state.alarm = task.ok().map(AbortOnDrop);
    }

    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any bits of the hash will do"
        )]
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        lock(&self.shards[index])
    }
}

/// No code of a user runs under these locks; a poisoned one is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flight {
    fn new() -> Self {
        let state = State {
            phase: Phase::Running,
            waiting: 0,
            task: None,
            alarm: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            changed_blocking: Condvar::new(),
        }
    }

    fn enter(&self, phase: Phase) {
        {
            let mut state = lock(&self.state);
            let ended = matches!(state.phase, Phase::Landed(_) | Phase::Abandoned);
            if ended || (matches!(phase, Phase::Overdue) && state.alarm.is_none()) {
                return;
            }
            state.phase = phase;
            state.alarm = None;
        }
        self.changed.notify_waiters();
        self.changed_blocking.notify_all();
    }
}

/// The caller, or the task, that computes. Dropping it abandons the flight.
#[derive(Debug)]
pub(crate) struct Leader {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<Flight>,
}

impl Leader {
    /// Ends the flight: nobody joins it any more, and all who wait are told.
    pub(crate) fn land(self, landing: Landing) {
        self.leave_table();
        self.flight.enter(Phase::Landed(landing));
    }

    /// The place of the caller that started a detached flight.
    pub(crate) fn starter(&self) -> Waiter {
        Waiter::new(Arc::clone(&self.flight), true)
    }

    fn leave_table(&self) {
        self.flights.leave(&self.key, &self.flight);
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.leave_table();
        self.flight.enter(Phase::Abandoned);
    }
}

/// A caller that waits. When the last waiter of a detached flight is dropped, its task ends.
#[derive(Debug)]
pub(crate) struct Waiter {
    flight: Arc<Flight>,
    starter: bool,
}

impl Waiter {
    fn new(flight: Arc<Flight>, starter: bool) -> Self {
        lock(&flight.state).waiting += 1;
        Self { flight, starter }
    }

    /// Says which task computes: it is aborted when nobody waits any more.
    pub(crate) fn computed_by(&self, task: AbortHandle) {
        lock(&self.flight.state).task = Some(task);
    }

    /// Waits for the end of the flight.
    ///
    /// Cancel safety: dropping the future leaves the flight to the others.
    pub(crate) async fn wait(&self) -> Arrival {
        loop {
            let changed = self.flight.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if let Some(arrival) = self.arrival(&mut lock(&self.flight.state)) {
                return arrival;
            }
            changed.await;
        }
    }

    /// The same, blocking this thread.
    pub(crate) fn wait_blocking(&self) -> Arrival {
        let mut state = lock(&self.flight.state);
        loop {
            if let Some(arrival) = self.arrival(&mut state) {
                return arrival;
            }
            let woken = self.flight.changed_blocking.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn arrival(&self, state: &mut State) -> Option<Arrival> {
        let own = self.starter;
        let arrival = match &mut state.phase {
            Phase::Running => return None,
            // The starter of a detached flight has nothing better to do than to wait on.
            Phase::Overdue if own => return None,
            Phase::Overdue => Arrival::Alone,
            Phase::Abandoned => Arrival::Again,
            Phase::Landed(Landing::Value(value)) => Arrival::Value(Arc::clone(value)),
            Phase::Landed(Landing::Superseded(value)) if own => Arrival::Value(Arc::clone(value)),
            Phase::Landed(Landing::Superseded(_)) => Arrival::Again,
            Phase::Landed(Landing::Panicked(payload)) => payload
                .take_if(|_| own)
                .map_or(Arrival::Again, Arrival::Panicked),
            Phase::Landed(Landing::Failed { original, shared }) => {
                match (original.take_if(|_| own), shared) {
                    (Some(error), _) => Arrival::OwnError(error),
                    (None, Some(error)) => Arrival::SharedError(Arc::clone(error)),
                    (None, None) => Arrival::Alone,
                }
            }
        };
        Some(arrival)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut state = lock(&self.flight.state);
        state.waiting -= 1;
        if state.waiting == 0
            && let Some(task) = state.task.take()
        {
            task.abort();
        }
    }
}
