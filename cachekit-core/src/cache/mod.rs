//! The cache: typed values in this process, in front of a backend or alone.

mod answer;
mod apart;
mod arguments;
mod asking;
mod builder;
mod call;
mod call_many;
mod computation;
mod compute;
mod compute_many;
mod counting;
mod current;
mod entry;
mod explain;
pub mod explanation;
mod form;
mod function;
mod get;
mod groups;
mod hits;
mod invalidation;
mod invalidations;
mod job;
mod kind;
mod leading;
mod many;
#[cfg_attr(not(feature = "metrics"), path = "no_metrics.rs")]
mod metrics;
mod namespaces;
mod old;
mod outgoing;
mod place;
mod releases;
mod remote;
mod removals;
mod set;
mod sought;
mod spans;
mod stats;
mod tags;
mod tokens;
mod waits;

use std::fmt;
use std::sync::{Arc, OnceLock};

pub use answer::{Answer, OfAnything, OfFallible, once};
pub use arguments::{Argument, Arguments, Key};
pub use builder::Builder;
pub use call::{Call, checked, hit};
pub use call_many::CallMany;
pub use current::{CacheRef, with_cache, with_cache_sync};
pub use explanation::Explanation;
pub use form::{Form, Local, Release};
pub use function::Function;
pub use invalidations::Invalidations;
pub use kind::{
    ErrorProbe, Kind, MayBeNone, OfOption, OfOptionalResult, OfPlain, OfResult, Optional,
    OptionalResult, Plain, PlainResult, Probe, SayFrom, SayNothing, Share, ShareClone, ShareFrom,
    ShareNone, Voice, may_be_none,
};
pub use many::{Many, OfMap, OfMapOfResults, OfResultOfMap};
pub use removals::Removals;
pub use stats::Stats;
pub use tags::{MAX_TAGS, Tags};

pub use crate::policy::computing::Context;
pub use crate::policy::freshness::Policy;

use crate::backend::{Backend, Health, NodeState, Ttl};
use crate::background;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Result;
use crate::l1::L1;
use crate::policy::bulkhead::Bulkhead;
use crate::policy::flight::Flights;
use crate::timers::Timers;
use invalidation::Invalidation;
use stats::Counters;

/// A cache: values of cached functions in this process, and, where there is a backend, in the
/// store that other processes share.
///
/// Cheap to clone; clones are the same cache. Without a backend the layer in this process is the
/// whole cache: nothing is encoded, nothing is awaited.
///
/// `Clone` and `Drop` of a value run while a part of that layer is locked: they must not call
/// cached functions.
///
/// ```
/// use cachekit_core::cache::{Cache, Function, Key};
///
/// static SQUARES: Function = Function::new(module_path!(), "squares");
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cache = Cache::in_process();
/// let key: Key<u64> = SQUARES.key(&7_u64)?;
/// let computed = cache.get_or_compute(&key, || async { Ok::<_, cachekit_core::Error>(49) }).await?;
/// assert_eq!(computed, 49);
/// assert_eq!(cache.get(&key).await?, Some(49));
/// cache.remove(&key).await?;
/// assert_eq!(cache.get(&key).await?, None);
/// # Ok::<_, cachekit_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

/// What the clones of a cache share.
#[derive(Debug)]
pub(crate) struct Inner {
    config: Config,
    clock: Clock,
    timers: Timers,
    l1: Arc<L1>,
    backend: Option<Arc<dyn Backend>>,
    /// Nothing is stored, not even here.
    keeps_nothing: bool,
    bulkhead: Bulkhead,
    flights: Arc<Flights>,
    /// Synchronous callers have flights of their own: one that waited for a task of its own
    /// runtime would wait for ever.
    blocking_flights: Arc<Flights>,
    /// Computations of what the backend still has for fresh. Nobody waits for them.
    refreshes: Arc<Flights>,
    releases: releases::Releases,
    namespaces: namespaces::Namespaces,
    seen_tags: tags::SeenTags,
    counters: Counters,
    /// What is wrong with the configuration that was to be used.
    misconfigured: Option<String>,
}

impl Cache {
    /// Sets up a cache.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A cache in this process only, with the default configuration.
    #[must_use]
    pub fn in_process() -> Self {
        Self::builder().build()
    }

    /// The cache of the whole process: the first call decides which, by `choose`.
    pub fn global(choose: impl FnOnce() -> Self) -> &'static Self {
        static GLOBAL: OnceLock<Cache> = OnceLock::new();
        GLOBAL.get_or_init(choose)
    }

    /// The value of `key`, if there is one.
    ///
    /// # Errors
    /// Those of the backend: an outage is not a miss.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn get<V, F>(&self, key: &Key<V, F>) -> Result<Option<V>>
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
    {
        match self.inner.hit_of(key) {
            Some(value) => Ok(Some(value)),
            None => {
                let get = get::get(self.inner(), key.clone());
                background::with_runtime(get).await?
            }
        }
    }

    /// Stores `value` for the ttl of its function, whatever is there or being computed. In its own
    /// release only: an entry of another release is ended by [`remove`](Self::remove), not by
    /// this.
    ///
    /// # Errors
    /// Those of the backend; [`ErrorKind::Codec`](crate::error::ErrorKind::Codec) for a value that
    /// cannot be encoded. In this process the old value is gone in either case.
    ///
    /// # Cancel safety
    /// Dropped early it may or may not be stored; the old value is not served from this process.
    pub async fn set<V, F>(&self, key: &Key<V, F>, value: V) -> Result<()>
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
    {
        first(self.set_all(vec![(key.clone(), value)], None).await)
    }

    /// [`set`](Self::set) for `ttl`, less up to a tenth of it.
    ///
    /// # Errors
    /// As of [`set`](Self::set).
    pub async fn set_for<V, F>(&self, key: &Key<V, F>, value: V, ttl: Ttl) -> Result<()>
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
    {
        first(self.set_all(vec![(key.clone(), value)], Some(ttl)).await)
    }

    /// Removes the entry of `key`, in every release of its function: it is not served again, and a
    /// computation that runs now is not stored.
    ///
    /// # Errors
    /// Those of the backend; the entry may then still be there for other processes, and so may what
    /// was being computed.
    ///
    /// # Cancel safety
    /// Dropped early it may or may not be removed from the backend.
    pub async fn remove<V: 'static, F: Form<V>>(&self, key: &Key<V, F>) -> Result<()> {
        first(self.invalidate(vec![Invalidation::remove(key)]).await)
    }

    /// Says that the entry of `key` is no longer fresh, in every release of its function. It may
    /// still be served in its [grace](crate::cache::Policy::grace), which this never prolongs.
    ///
    /// # Errors
    /// As of [`remove`](Self::remove).
    pub async fn expire<V: 'static, F: Form<V>>(&self, key: &Key<V, F>) -> Result<()> {
        first(self.invalidate(vec![Invalidation::expire(key)]).await)
    }

    /// [`get`](Self::get) for many keys, each with its own result, in the order asked; what is not
    /// in this process takes one call of the backend.
    pub async fn get_many<V, F>(&self, keys: &[Key<V, F>]) -> Vec<Result<Option<V>>>
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
    {
        let keys = keys.to_vec();
        let count = keys.len();
        let results = background::with_runtime(get::get_many(self.inner(), keys)).await;
        each(count, results)
    }

    /// [`set`](Self::set) for many entries, each with its own result, in the order given.
    pub async fn set_many<V, F>(&self, entries: Vec<(Key<V, F>, V)>) -> Vec<Result<()>>
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
    {
        self.set_all(entries, None).await
    }

    /// [`remove`](Self::remove) for many keys, each with its own result, in the order given.
    pub async fn remove_many<V: 'static, F: Form<V>>(&self, keys: &[Key<V, F>]) -> Vec<Result<()>> {
        let removals = keys.iter().map(Invalidation::remove).collect();
        self.invalidate(removals).await
    }

    /// [`expire`](Self::expire) for many keys, each with its own result, in the order given.
    pub async fn expire_many<V: 'static, F: Form<V>>(&self, keys: &[Key<V, F>]) -> Vec<Result<()>> {
        let expiries = keys.iter().map(Invalidation::expire).collect();
        self.invalidate(expiries).await
    }

    /// Counters since this cache was made, those of all its functions together: a
    /// [`Function`](Function::stats) has its own. With the feature `metrics` this also tells all
    /// hits that were not told yet.
    #[must_use]
    pub fn stats(&self) -> Stats {
        metrics::flush();
        self.inner.counters.read()
    }

    /// Entries kept in this process, those whose time is over and that nobody has swept included.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.inner.l1.len()
    }

    /// How the backend is; without one, up. Down for a cache that stands in for a misconfigured one.
    pub async fn health(&self) -> Health {
        if let Some(reason) = &self.inner.misconfigured {
            return Health::single("configuration", NodeState::Down, reason);
        }
        match &self.inner.backend {
            None if self.inner.keeps_nothing => {
                Health::single("null", NodeState::Up, "stores nothing")
            }
            None => Health::single("memory", NodeState::Up, ""),
            Some(backend) => {
                let backend = Arc::clone(backend);
                let health = background::with_runtime(async move { backend.health().await }).await;
                health.unwrap_or_else(|error| {
                    Health::single("backend", NodeState::Down, error.to_string())
                })
            }
        }
    }

    fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.inner)
    }

    async fn set_all<V, F>(&self, entries: Vec<(Key<V, F>, V)>, ttl: Option<Ttl>) -> Vec<Result<()>>
    where
        V: Send + Sync + 'static,
        F: Form<V>,
    {
        let count = entries.len();
        let set = set::set_many(self.inner(), entries, ttl);
        each(count, background::with_runtime(set).await)
    }

    async fn invalidate(&self, all: Vec<Invalidation>) -> Vec<Result<()>> {
        let count = all.len();
        let run = invalidation::run(self.inner(), all);
        each(count, background::with_runtime(run).await)
    }
}

/// One result for each of `count` keys, also where there was no runtime to ask on.
fn each<T>(count: usize, results: Result<Vec<Result<T>>>) -> Vec<Result<T>> {
    results.unwrap_or_else(|error| (0..count).map(|_| Err(error.clone())).collect())
}

/// The result of the only key.
fn first(mut results: Vec<Result<()>>) -> Result<()> {
    results.pop().unwrap_or(Ok(()))
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("l1", &self.inner.l1)
            .field("backend", &self.inner.backend)
            .finish_non_exhaustive()
    }
}
