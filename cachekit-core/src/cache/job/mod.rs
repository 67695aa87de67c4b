//! One call of a cached function that L1 could not answer.
//!
//! Four ways to run it, one order of events: a second look, flight, backend, a place to compute,
//! computation, storing, landing. `inline`, the computation runs in the caller's future, and a caller
//! that is dropped hands over to a waiter. `detached`, it runs in a task of its own, which ends when
//! nobody waits any more. `blocking`, it runs on the caller's thread; `threaded`, on one of its own,
//! which its caller can leave. A `batch` is many calls that compute together.

mod admission;
mod batch;
mod blocking;
mod detached;
mod inline;
mod outcome;
mod threaded;
mod time;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use tracing::Span;

use crate::backend::Ttl;
use crate::background;
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::computation::{Computation, Ended, Ending};
use crate::cache::form::Form;
use crate::cache::kind::{Kind, Voice};
use crate::cache::sought::{Begun, Sought};
use crate::cache::stats::Event;
use crate::error::{Error, ErrorKind};
use crate::policy::bulkhead::Permit;
use crate::policy::computing::Computing;
use crate::policy::flight::{Leader, Offering};
use crate::policy::freshness::Policy;
use crate::policy::lock::Lock;
use crate::policy::reentry::Chain;

pub(crate) use batch::{Batch, Lack, Outcome, Terms};

/// The name of our errors to callers.
const OPERATION: &str = "cached function";

/// A call, and what is asked for with it.
pub(crate) struct Job<K: Kind, F> {
    pub(crate) inner: Arc<Inner>,
    pub(crate) key: Key<K::Value, F>,
    /// The ttl of this call, where it has one of its own; `Some(None)`: nothing is stored.
    pub(crate) ttl: Option<Option<Ttl>>,
    /// Results that are not stored.
    pub(crate) unless: fn(&K::Returned) -> bool,
    pub(crate) voice: Voice<K::Error>,
    /// Whether it is to be computed although there may be something.
    pub(crate) anew: bool,
}

/// What a call runs inside of, and what it is told meanwhile.
struct Around {
    /// When the call began, monotonic.
    began_ms: u64,
    /// The computations that the call is a part of.
    outer: Chain,
    /// These, and its own.
    chain: Chain,
    /// Where the flight shows what there is.
    offering: Lock<Option<Offering>>,
}

/// Where a call stands among the computations around it.
enum Entered<R> {
    Into(Around),
    /// It is asked for inside its own computation, and that could be said.
    Told(R),
    /// The same, and it could not: it computes once more.
    Through,
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
        voice: Voice<K::Error>,
    ) -> Self {
        let unless: fn(&K::Returned) -> bool = |_| false;
        Self {
            inner: Arc::clone(inner),
            key,
            ttl: None,
            unless,
            voice,
            anew: false,
        }
    }

    fn policy(&self) -> &'static Policy {
        self.key.function().asks()
    }

    fn count(&self, event: Event) {
        self.inner.count(self.key.function(), event);
    }

    /// What its computation runs in.
    fn span(&self) -> Span {
        let function = self.key.function();
        tracing::debug_span!("cachekit.compute", function = function.path())
    }

    /// How long the caller waits.
    fn patience(&self) -> Option<Duration> {
        self.policy().patience(self.voice.can_say())
    }

    /// The ttl of a value of this call before jitter; `None`: it is not stored.
    fn ttl(&self) -> Option<Ttl> {
        let default = || self.policy().ttl_or(self.inner.config.default_ttl);
        self.ttl.unwrap_or_else(default)
    }

    /// An error of ours as this function returns it, if it can.
    fn say(&self, error: impl FnOnce() -> Error) -> Option<K::Returned> {
        self.voice.say(error).map(|error| K::join(Err(error)))
    }

    fn enter(&self) -> Entered<K::Returned> {
        let outer = Chain::current();
        let cache = self.inner.address();
        if outer.contains(cache, self.key.bytes()) {
            self.count(Event::Bypassed);
            let said = self.say(|| Error::new(ErrorKind::Reentrant, OPERATION));
            return said.map_or(Entered::Through, Entered::Told);
        }
        let chain = outer.clone().with(cache, Arc::clone(self.key.bytes()));
        Entered::Into(self.around(outer, chain))
    }

    /// What a call that begins now runs inside of.
    fn around(&self, outer: Chain, chain: Chain) -> Around {
        Around {
            began_ms: self.inner.clock.monotonic_ms(),
            outer,
            chain,
            offering: Lock::default(),
        }
    }

    /// What there is to be looked for, by the leader of a flight.
    fn sought(&self, leader: &Leader, refreshing: bool, briefly: bool) -> Sought<K::Value, F> {
        Sought {
            inner: Arc::clone(&self.inner),
            key: self.key.clone(),
            ttl: self.ttl().unwrap_or(self.inner.config.default_ttl),
            offering: leader.offering(),
            tells_absent: self.tells_absent(),
            refreshing,
            anew: self.anew,
            briefly,
        }
    }

    async fn begin(
        &self,
        leader: &Leader,
        refreshing: bool,
        around: &Around,
    ) -> Begun<K::Value, F> {
        let sought = || self.sought(leader, refreshing, around.outer.is_nested());
        // On the heap: it is large, and the computation goes on for long after it.
        let begun = Box::pin(sought().begin());
        if self.inner.backend.is_none() {
            return begun.await;
        }
        match background::with_runtime(begun).await {
            Ok(begun) => begun,
            Err(_) => Begun::Compute(sought().past_backend()),
        }
    }

    async fn end(
        &self,
        computation: Computation<K::Value, F>,
        ending: Ending<K::Value>,
    ) -> Ended<K::Value> {
        let end = Box::pin(computation.end(ending));
        if self.inner.backend.is_none() {
            return end.await;
        }
        background::with_runtime(end).await.unwrap_or(Ended::Plain)
    }

    /// The answer that there is nothing.
    fn not_found(&self) -> Option<K::Returned> {
        Some(K::join(Err(self.absent()?)))
    }

    fn absent(&self) -> Option<K::Error> {
        let ours = || {
            let detail = "the origin has said so, and is not asked again for a while";
            Error::with_detail(ErrorKind::NotFound, OPERATION, detail)
        };
        let said = K::absent().or_else(|| self.voice.say(ours))?;
        self.count(Event::Absent);
        Some(said)
    }

    /// Whether the caller can be told that there is nothing.
    fn tells_absent(&self) -> bool {
        self.voice.can_say() || K::absent().is_some()
    }
}

impl Around {
    /// The same, for the task of a flight.
    fn fork(&self) -> Self {
        Self {
            began_ms: self.began_ms,
            outer: self.outer.clone(),
            chain: self.chain.clone(),
            offering: Lock::default(),
        }
    }

    /// The computation begins, in this place.
    fn begin<V: Send + Sync + 'static, F>(
        &self,
        permit: impl Into<Option<Arc<Permit>>>,
        computation: &Computation<V, F>,
    ) -> Arc<Computing> {
        let computing = self.begin_alone(permit);
        if let Some(old) = &computation.old {
            computing.replaces(Arc::clone(&old.value) as _);
        }
        computing
    }

    /// The same for one past the flight.
    fn begin_alone(&self, permit: impl Into<Option<Arc<Permit>>>) -> Arc<Computing> {
        let computing = self.chain.computing().unwrap_or_default();
        computing.begin(permit.into());
        computing
    }
}
