//! One computation per exact key in this process: the first caller leads, the others wait.
//!
//! A flight knows nothing of what is computed. Its leader lands it with a result; a leader that is
//! dropped abandons it, and the waiters begin again, so that one of them leads. A leader that does
//! not come back loses its key at the deadline. Locks are per exact key: no two keys ever wait for
//! each other because of a hash.

mod landing;
mod leader;
mod lending;
mod moment;
mod offering;
mod state;
#[cfg(test)]
mod tests;
mod waiter;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use landing::{Arrival, Landing, Shared};
pub(crate) use leader::Leader;
pub(crate) use moment::Moment;
pub(crate) use offering::{Offer, Offering};
pub(crate) use waiter::Waiter;

use crate::policy::lock::Lock;
use crate::policy::race::race;
use crate::timers::Timers;
use landing::Claim;
use state::{Flight, Phase, State};

/// How long a caller waits that is itself part of a computation, for another caller or for another
/// process: two computations that wait for each other come apart after it. Less than callers wait by
/// default: who waits in a circle is told so, and not that it took too long.
pub(crate) const WAIT_BUDGET: Duration = Duration::from_secs(8);

/// Locks of the table, not of the keys: which one is taken only for the look-up itself.
const SHARDS: usize = 64;

type Key = Arc<[u8]>;
type Shard = HashMap<Key, Arc<Flight>>;

/// Every flight of one cache.
#[derive(Debug)]
pub(crate) struct Flights {
    shards: Box<[Lock<Shard>]>,
    hasher: RandomState,
    timers: Timers,
}

/// What a caller is in a flight.
#[derive(Debug)]
pub(crate) enum Role {
    Leader(Leader),
    Waiter(Waiter),
}

impl Flights {
    pub(crate) fn new(timers: Timers) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Lock::default()).collect(),
            hasher: RandomState::new(),
            timers,
        }
    }

    /// Joins the flight of `key`, or starts one that has the key for `deadline`, of a value with
    /// these `tags`.
    pub(crate) fn join(self: &Arc<Self>, key: &Key, deadline: Duration, tags: &[u64]) -> Role {
        match self.lead(key, deadline, tags) {
            Ok(leader) => Role::Leader(leader),
            Err(flight) => Role::Waiter(Waiter::new(flight, self.timers.clone(), Claim::First)),
        }
    }

    /// Starts a flight of `key`, unless there is one.
    pub(crate) fn try_lead(
        self: &Arc<Self>,
        key: &Key,
        deadline: Duration,
        tags: &[u64],
    ) -> Option<Leader> {
        self.lead(key, deadline, tags).ok()
    }

    /// Whether `key` is being computed, by one who still has it.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        let now_ms = self.timers.clock().monotonic_ms();
        let flight = self.shard(key).with(|shard| shard.get(key).cloned());
        flight.is_some_and(|flight| !flight.is_overdue(now_ms))
    }

    /// Waits until the flight of `key` has ended, if there is one, or has lost its key.
    pub(crate) async fn ended(&self, key: &[u8]) {
        let Some(flight) = self.shard(key).with(|shard| shard.get(key).cloned()) else {
            return;
        };
        let ended = |state: &mut State| (!matches!(state.phase, Phase::Running)).then_some(());
        race(flight.until(ended), flight.overdue(&self.timers)).await;
    }

    /// Starts a flight of `key` in the place of the one that there is, which nobody joins any more.
    pub(crate) fn overtake(
        self: &Arc<Self>,
        key: &Key,
        deadline: Duration,
        tags: &[u64],
    ) -> Leader {
        loop {
            self.forget(key);
            if let Ok(leader) = self.lead(key, deadline, tags) {
                return leader;
            }
        }
    }

    /// Lets nobody join the flight of `key` any more: what it computes began before the
    /// invalidation that calls this.
    pub(crate) fn forget(&self, key: &[u8]) {
        let forgotten = self.shard(key).with(|shard| shard.remove(key));
        drop(forgotten);
    }

    /// [`forget`](Self::forget) for all keys that are meant. Locks a part of the table at a time.
    pub(crate) fn forget_where(&self, is_meant: impl Fn(&[u8]) -> bool) {
        self.forget_all(|key, _| is_meant(key));
    }

    /// [`forget`](Self::forget) for all keys whose values have `tag`.
    pub(crate) fn forget_tagged(&self, tag: u64) {
        self.forget_all(|_, flight| flight.tags.contains(&tag));
    }

    fn forget_all(&self, is_meant: impl Fn(&Key, &Flight) -> bool) {
        for shard in &self.shards {
            let meant = |key: &Key, flight: &mut Arc<Flight>| is_meant(key, flight);
            let forgotten: Vec<_> = shard.with(|shard| shard.extract_if(meant).collect());
            drop(forgotten);
        }
    }

    /// Starts a flight of `key`, or finds the one that there is.
    fn lead(
        self: &Arc<Self>,
        key: &Key,
        deadline: Duration,
        tags: &[u64],
    ) -> Result<Leader, Arc<Flight>> {
        let now_ms = self.timers.clock().monotonic_ms();
        let (flight, overdue) = self.shard(key).with(|shard| match shard.get(key) {
            Some(other) if !other.is_overdue(now_ms) => Err(Arc::clone(other)),
            _ => {
                let flight = Arc::new(Flight::new(now_ms, deadline, tags));
                let overdue = shard.insert(Arc::clone(key), Arc::clone(&flight));
                Ok((flight, overdue))
            }
        })?;
        drop(overdue);
        Ok(Leader {
            flights: Arc::clone(self),
            key: Arc::clone(key),
            flight,
        })
    }

    fn leave(&self, key: &[u8], flight: &Arc<Flight>) {
        let left = self.shard(key).with(|shard| {
            let current = shard.get(key)?;
            Arc::ptr_eq(current, flight).then(|| shard.remove(key))
        });
        drop(left);
    }

    fn shard(&self, key: &[u8]) -> &Lock<Shard> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any bits of the hash will do"
        )]
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        &self.shards[index]
    }
}
