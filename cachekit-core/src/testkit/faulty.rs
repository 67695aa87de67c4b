//! A backend with faults in front of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::backend::{
    Backend, Health, Lookup, NewEntry, NodeState, Renewed, Stored, Token, Ttl, Want,
};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::key::StoreKey;
use crate::testkit::schedules::Chance;

/// How often what goes wrong. Shares are between 0.0 (never, the default) and 1.0 (always).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// The same seed and the same order of calls give the same faults.
    pub seed: u64,
    /// Share of operations that fail before they have any effect: [`ErrorKind::Unavailable`].
    pub errors: f64,
    /// Share of operations that take effect and lose their reply: [`ErrorKind::Ambiguous`]; a read
    /// that cannot change anything: [`ErrorKind::Timeout`].
    pub lost_replies: f64,
    /// Share of calls that take `delay` before they begin.
    pub delayed: f64,
    /// How long a delay is, on the clock given to [`FaultyBackend::new`].
    pub delay: Duration,
}

/// How many calls of each method came in, faulty or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field counts the method of its name")]
pub struct Calls {
    pub get: u64,
    pub set: u64,
    pub expire: u64,
    pub remove: u64,
    pub renew: u64,
    pub release: u64,
    pub get_many: u64,
    pub set_many: u64,
    pub expire_many: u64,
    pub remove_many: u64,
    pub health: u64,
}

/// A decorator that makes `B` fail now and then, reproducibly, and counts its calls.
///
/// The `_many` forms draw a fault for each key on its own. Leading passes through: it is part of
/// reading and writing.
///
/// ```
/// use cachekit_core::backend::{Backend, Want};
/// use cachekit_core::clock::Clock;
/// use cachekit_core::error::ErrorKind;
/// use cachekit_core::key::StoreKey;
/// use cachekit_core::testkit::{Faults, FaultyBackend, ReferenceBackend};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = ReferenceBackend::new(Clock::system());
/// let backend = FaultyBackend::new(store, Faults::default(), Clock::system());
/// backend.set_outage(true);
/// let error = backend.get(&StoreKey::new("k").unwrap(), Want::Value).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unavailable);
/// assert_eq!(backend.calls().get, 1);
/// # }
/// ```
#[derive(Debug)]
pub struct FaultyBackend<B> {
    backend: B,
    clock: Clock,
    outage: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    chance: Chance,
    calls: Calls,
}

/// What happens to one operation.
#[derive(Clone, Copy)]
enum Fate {
    Works,
    Fails,
    LosesReply,
}

const OPERATION: &str = "faulty backend";

impl<B> FaultyBackend<B> {
    /// `backend` with `faults`, delayed by `clock`.
    #[must_use]
    pub fn new(backend: B, faults: Faults, clock: Clock) -> Self {
        let chance = Chance::new(faults.seed);
        Self {
            backend,
            clock,
            outage: AtomicBool::new(false),
            state: Mutex::new(State {
                faults,
                chance,
                calls: Calls::default(),
            }),
        }
    }

    /// While on, every call fails as [`ErrorKind::Unavailable`] and has no effect.
    pub fn set_outage(&self, on: bool) {
        self.outage.store(on, Ordering::SeqCst);
    }

    /// Faults from now on; the seed starts again.
    pub fn set_faults(&self, faults: Faults) {
        let mut state = self.state();
        state.chance = Chance::new(faults.seed);
        state.faults = faults;
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.state().calls
    }

    /// The backend behind the faults.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.backend
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and waits where it is delayed.
    async fn begin(&self, count: impl FnOnce(&mut Calls)) {
        let delay = {
            let mut state = self.state();
            count(&mut state.calls);
            let delayed = state.faults.delayed;
            state.chance.happens(delayed).then_some(state.faults.delay)
        };
        if let Some(delay) = delay {
            self.clock.sleep(delay).await;
        }
    }

    fn fate(&self) -> Fate {
        if self.outage.load(Ordering::SeqCst) {
            return Fate::Fails;
        }
        let mut state = self.state();
        let Faults {
            errors,
            lost_replies,
            ..
        } = state.faults;
        if state.chance.happens(errors) {
            Fate::Fails
        } else if state.chance.happens(lost_replies) {
            Fate::LosesReply
        } else {
            Fate::Works
        }
    }

    /// Gives `run` those of `items` that reach the store, and each item its own result, in order.
    async fn each<I, T, R>(
        &self,
        items: impl IntoIterator<Item = I>,
        lost: ErrorKind,
        run: impl FnOnce(Vec<I>) -> R,
    ) -> Vec<Result<T>>
    where
        R: Future<Output = Vec<Result<T>>>,
    {
        let mut fates = Vec::new();
        let mut reached = Vec::new();
        for item in items {
            let fate = self.fate();
            fates.push(fate);
            if !matches!(fate, Fate::Fails) {
                reached.push(item);
            }
        }
        let mut results = run(reached).await.into_iter();
        let too_few = || Err(Error::new(ErrorKind::Protocol, OPERATION));
        let mut result = |fate| match fate {
            Fate::Fails => Err(Error::new(ErrorKind::Unavailable, OPERATION)),
            Fate::Works => results.next().unwrap_or_else(too_few),
            Fate::LosesReply => {
                results.next();
                Err(Error::new(lost, OPERATION))
            }
        };
        fates.into_iter().map(&mut result).collect()
    }

    async fn one<T>(&self, lost: ErrorKind, run: impl Future<Output = Result<T>>) -> Result<T> {
        match self.fate() {
            Fate::Fails => Err(Error::new(ErrorKind::Unavailable, OPERATION)),
            Fate::Works => run.await,
            Fate::LosesReply => {
                // Whatever came back, nobody learns of it.
                let _ = run.await;
                Err(Error::new(lost, OPERATION))
            }
        }
    }
}

/// The kind of a read whose reply is lost: one that may have taken the lead did change something.
fn lost_read(want: Want) -> ErrorKind {
    match want {
        Want::Value => ErrorKind::Timeout,
        Want::Lead { .. } => ErrorKind::Ambiguous,
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: Backend> Backend for FaultyBackend<B> {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        self.begin(|calls| calls.get += 1).await;
        self.one(lost_read(want), self.backend.get(key, want)).await
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        self.begin(|calls| calls.set += 1).await;
        self.one(
            ErrorKind::Ambiguous,
            self.backend.set(key, value, ttl, lead),
        )
        .await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.begin(|calls| calls.expire += 1).await;
        self.one(ErrorKind::Ambiguous, self.backend.expire(key))
            .await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.begin(|calls| calls.remove += 1).await;
        self.one(ErrorKind::Ambiguous, self.backend.remove(key))
            .await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        self.begin(|calls| calls.renew += 1).await;
        self.one(ErrorKind::Ambiguous, self.backend.renew(key, lead, hold))
            .await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.begin(|calls| calls.release += 1).await;
        self.one(ErrorKind::Ambiguous, self.backend.release(key, lead))
            .await
    }

    async fn get_many(&self, keys: &[StoreKey], want: Want) -> Vec<Result<Lookup>> {
        self.begin(|calls| calls.get_many += 1).await;
        self.each(
            keys.iter().cloned(),
            lost_read(want),
            async |keys: Vec<StoreKey>| self.backend.get_many(&keys, want).await,
        )
        .await
    }

    async fn set_many(&self, entries: Vec<NewEntry>) -> Vec<Result<Stored>> {
        self.begin(|calls| calls.set_many += 1).await;
        self.each(entries, ErrorKind::Ambiguous, |entries| {
            self.backend.set_many(entries)
        })
        .await
    }

    async fn expire_many(&self, keys: &[StoreKey]) -> Vec<Result<()>> {
        self.begin(|calls| calls.expire_many += 1).await;
        self.each(
            keys.iter().cloned(),
            ErrorKind::Ambiguous,
            async |keys: Vec<StoreKey>| self.backend.expire_many(&keys).await,
        )
        .await
    }

    async fn remove_many(&self, keys: &[StoreKey]) -> Vec<Result<()>> {
        self.begin(|calls| calls.remove_many += 1).await;
        self.each(
            keys.iter().cloned(),
            ErrorKind::Ambiguous,
            async |keys: Vec<StoreKey>| self.backend.remove_many(&keys).await,
        )
        .await
    }

    fn owner(&self, key: &StoreKey) -> Option<String> {
        self.backend.owner(key)
    }

    async fn health(&self) -> Health {
        self.begin(|calls| calls.health += 1).await;
        match self.fate() {
            Fate::Works => self.backend.health().await,
            _ => Health::single(OPERATION, NodeState::Down, "fault"),
        }
    }
}
