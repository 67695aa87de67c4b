//! One call of a cached function that L1 could not answer.
//!
//! Three ways to run it, one order of events: flight, backend, computation, storing, landing.
//! *Inline*, the computation runs in the caller's future, and a caller that is dropped hands over
//! to a waiter. *Detached*, it runs in a task of its own, which ends when nobody waits any more.
//! *Blocking*, it runs on the caller's thread.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::backend::Ttl;
use crate::background;
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::computation::{Begun, Computation, begin, past_backend};
use crate::cache::form::Form;
use crate::cache::kind::{Kind, Share};
use crate::policy::flight::{Arrival, DEADLINE, Flights, Landing, Leader, Role, Waiter};
use crate::policy::reentry::Chain;

/// A boxed computation, to run in a task of its own.
pub(crate) type Boxed<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// A result, and its value and for how long it is stored, if it is.
type TakenApart<K> = (
    Result<Arc<<K as Kind>::Value>, <K as Kind>::Error>,
    Option<(Arc<<K as Kind>::Value>, Ttl)>,
);

pub(crate) struct Job<K: Kind, F> {
    pub(crate) inner: Arc<Inner>,
    pub(crate) key: Key<K::Value, F>,
    /// The ttl that was written; the default one where there is none.
    pub(crate) ttl: Option<Duration>,
    /// Results that are not stored.
    pub(crate) unless: fn(&K::Returned) -> bool,
    pub(crate) cache_none: bool,
    pub(crate) share: Share<K::Error>,
}

/// What a caller of a flight is to do.
enum Turn<R> {
    Lead(Leader),
    Return(R),
    /// Compute, past the cache.
    Alone,
}

impl<K, F> Job<K, F>
where
    K: Kind,
    K::Error: 'static,
    F: Form<K::Value>,
{
    pub(crate) fn new(
        _kind: K,
        inner: &Arc<Inner>,
        key: Key<K::Value, F>,
        share: Share<K::Error>,
    ) -> Self {
        let unless: fn(&K::Returned) -> bool = |_| false;
        Self {
            inner: Arc::clone(inner),
            key,
            ttl: None,
            unless,
            cache_none: false,
            share,
        }
    }

    /// Computes in this future.
    pub(crate) async fn inline(self, compute: impl Future<Output = K::Returned>) -> K::Returned {
        let Some(chain) = self.enter() else {
            return compute.await;
        };
        let leader = match self.turn(&self.inner.flights).await {
            Turn::Lead(leader) => leader,
            Turn::Return(returned) => return returned,
            Turn::Alone => return chain.run_async(compute).await,
        };
        match self.begin().await {
            Begun::Found(value) => found::<K>(leader, value),
            Begun::Compute(computation) => {
                let returned = chain.run_async(compute).await;
                let (landing, result) = self.settle(computation, returned).await;
                leader.land(landing);
                K::join(result)
            }
        }
    }

    /// Computes on this thread.
    pub(crate) fn blocking(self, compute: impl FnOnce() -> K::Returned) -> K::Returned {
        let Some(chain) = self.enter() else {
            return compute();
        };
        let leader = match self.turn_blocking(&self.inner.blocking_flights) {
            Turn::Lead(leader) => leader,
            Turn::Return(returned) => return returned,
            Turn::Alone => return chain.run(compute),
        };
        let begun = self.wait(begin(Arc::clone(&self.inner), self.key.clone()));
        match begun {
            None => chain.run(compute),
            Some(Begun::Found(value)) => found::<K>(leader, value),
            Some(Begun::Compute(computation)) => {
                let returned = chain.run(compute);
                let (landing, result) = self.settle_blocking(computation, returned);
                leader.land(landing);
                K::join(result)
            }
        }
    }

    /// The chain that the computation runs in, unless this call is inside of it already.
    fn enter(&self) -> Option<Chain> {
        let chain = Chain::current();
        let cache = Arc::as_ptr(&self.inner).addr();
        if chain.contains(cache, self.key.bytes()) {
            self.inner.counters.bypassed.add();
            return None;
        }
        Some(chain.with(cache, Arc::clone(self.key.bytes())))
    }

    async fn begin(&self) -> Begun<K::Value, F> {
        let begun = begin(Arc::clone(&self.inner), self.key.clone());
        if self.inner.backend.is_none() {
            return begun.await;
        }
        match background::with_runtime(begun).await {
            Ok(begun) => begun,
            Err(_) => past_backend(Arc::clone(&self.inner), self.key.clone()),
        }
    }

    async fn turn(&self, flights: &Arc<Flights>) -> Turn<K::Returned> {
        loop {
            match flights.join(self.key.bytes(), DEADLINE) {
                Role::Leader(leader) => return Turn::Lead(leader),
                Role::Waiter(waiter) => {
                    self.inner.counters.coalesced.add();
                    if let Some(turn) = self.arrived(waiter.wait(nested(), None).await) {
                        return turn;
                    }
                }
            }
        }
    }

    fn turn_blocking(&self, flights: &Arc<Flights>) -> Turn<K::Returned> {
        loop {
            match flights.join(self.key.bytes(), DEADLINE) {
                Role::Leader(leader) => return Turn::Lead(leader),
                Role::Waiter(waiter) => {
                    self.inner.counters.coalesced.add();
                    let nested = nested();
                    let waited =
                        background::block_on(async move { waiter.wait(nested, None).await });
                    if let Some(turn) = self.arrived(waited.unwrap_or(Arrival::Alone)) {
                        return turn;
                    }
                }
            }
        }
    }

    /// What an arrival means; `None`: begin again.
    fn arrived(&self, arrival: Arrival) -> Option<Turn<K::Returned>> {
        let result = match arrival {
            Arrival::Value(value) | Arrival::Offered(value) => {
                Ok(value.downcast_ref::<K::Value>()?.clone())
            }
            Arrival::OwnError(error) => Err(*error.downcast::<K::Error>().ok()?),
            Arrival::SharedError(error) => match self.share.give(&error) {
                Some(error) => Err(error),
                None => return Some(Turn::Alone),
            },
            Arrival::Panicked(payload) => resume_unwind(payload),
            Arrival::Again | Arrival::Lost => return None,
            Arrival::Alone | Arrival::Reentrant | Arrival::Absent => return Some(Turn::Alone),
        };
        Some(Turn::Return(K::join(result)))
    }

    /// How long `value` is stored, if it is.
    fn ttl_of(&self, value: &K::Value, unless: bool) -> Option<Ttl> {
        let unwanted = unless || (!self.cache_none && K::is_none(value));
        match self.ttl {
            _ if unwanted => None,
            None => Some(self.inner.config.default_ttl),
            // A ttl of zero that was computed: the caller wants nothing stored.
            Some(ttl) => Ttl::new(ttl).ok(),
        }
    }

    async fn settle(
        &self,
        computation: Computation<K::Value, F>,
        returned: K::Returned,
    ) -> (Landing, Result<K::Value, K::Error>) {
        let (result, stored) = self.take_apart(returned);
        let overtaken = computation.end(stored).await;
        self.landing(result, overtaken)
    }

    fn settle_blocking(
        &self,
        computation: Computation<K::Value, F>,
        returned: K::Returned,
    ) -> (Landing, Result<K::Value, K::Error>) {
        let (result, stored) = self.take_apart(returned);
        let overtaken = self.wait(computation.end(stored)).unwrap_or(false);
        self.landing(result, overtaken)
    }

    /// The result, and what of it is stored.
    fn take_apart(&self, returned: K::Returned) -> TakenApart<K> {
        let unless = (self.unless)(&returned);
        match K::split(returned) {
            Ok(value) => {
                let ttl = self.ttl_of(&value, unless);
                let value = Arc::new(value);
                let stored = ttl.map(|ttl| (Arc::clone(&value), ttl));
                (Ok(value), stored)
            }
            Err(error) => (Err(error), None),
        }
    }

    /// What the waiters get, and what the caller gets.
    fn landing(
        &self,
        result: Result<Arc<K::Value>, K::Error>,
        overtaken: bool,
    ) -> (Landing, Result<K::Value, K::Error>) {
        match result {
            Ok(value) => {
                let own = K::Value::clone(&value);
                let landing = if overtaken {
                    Landing::Superseded(value)
                } else {
                    Landing::Value(value)
                };
                (landing, Ok(own))
            }
            Err(error) => {
                let shared = self.share.keep(&error);
                let original = None;
                (Landing::Failed { original, shared }, Err(error))
            }
        }
    }

    /// Runs `future` to its end on this thread. Without a backend nothing in it waits, and no
    /// runtime is needed. `None` if the background runtime is not there.
    fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        if self.inner.backend.is_some() {
            return background::block_on(future).ok();
        }
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }
}

impl<K, F> Job<K, F>
where
    K: Kind,
    K::Returned: Send + 'static,
    K::Error: Send + 'static,
    F: Form<K::Value>,
{
    /// Computes in a task of its own, in the runtime of the caller. Without a runtime it computes
    /// inline.
    ///
    /// Panics as the computation does, and if that runtime is shut down while the caller, polled
    /// by another executor, goes on.
    pub(crate) async fn detached(self, compute: Boxed<K::Returned>) -> K::Returned {
        let Ok(runtime) = Handle::try_current() else {
            return self.inline(compute).await;
        };
        let Some(chain) = self.enter() else {
            return compute.await;
        };
        let leader = match self.turn(&self.inner.flights).await {
            Turn::Lead(leader) => leader,
            Turn::Return(returned) => return returned,
            Turn::Alone => return chain.run_async(compute).await,
        };
        let starter = leader.starter();
        let job = Arc::new(self);
        let flight = Arc::clone(&job).fly(leader, chain, compute);
        let task = runtime.spawn(flight);
        starter.ended_by(move || task.abort());
        job.landed_for(&starter).await
    }

    async fn fly(self: Arc<Self>, leader: Leader, chain: Chain, compute: Boxed<K::Returned>) {
        // A user's code runs in more than the computation: `unless`, `Clone`, serde.
        let landing = caught(self.flown(chain, compute)).await;
        leader.land(landing.unwrap_or_else(|payload| Landing::Panicked(Some(payload))));
    }

    async fn flown(&self, chain: Chain, compute: Boxed<K::Returned>) -> Landing {
        let computation = match self.begin().await {
            Begun::Found(value) => return Landing::Value(Arc::new(value)),
            Begun::Compute(computation) => computation,
        };
        let returned = chain.run_async(compute).await;
        match self.settle(computation, returned).await {
            (Landing::Failed { shared, .. }, Err(error)) => Landing::Failed {
                original: Some(Box::new(error)),
                shared,
            },
            (landing, _) => landing,
        }
    }

    async fn landed_for(&self, starter: &Waiter) -> K::Returned {
        match self.arrived(starter.wait(false, None).await) {
            Some(Turn::Return(returned)) => returned,
            // To wait on would be for ever, and what was to be computed is gone with its task.
            _ => panic!("the runtime that computed a cached function was shut down"),
        }
    }
}

/// Whether this call is part of a computation.
fn nested() -> bool {
    Chain::current().computing().is_some()
}

fn found<K: Kind>(leader: Leader, value: K::Value) -> K::Returned {
    leader.land(Landing::Value(Arc::new(value.clone())));
    K::join(Ok(value))
}

/// A panic of `future` as an error, so that the caller who started the task goes on with it.
async fn caught<R>(future: impl Future<Output = R>) -> Result<R, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(returned)) => Poll::Ready(Ok(returned)),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}
