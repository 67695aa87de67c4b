//! What an annotated function does with its call: the runtime side of `#[cached]`.

mod explain;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use crate::backend::Ttl;
use crate::background;
use crate::cache::Cache;
use crate::cache::arguments::{Arguments, Key};
use crate::cache::form::Form;
use crate::cache::job::Job;
use crate::cache::kind::{Kind, Voice};
use crate::cache::removals::Removals;
use crate::cache::stats::Event;
use crate::cache::tags::Tags;
use crate::codec::Bincode;
use crate::error::Result;
use crate::l1::Look;
use crate::policy::reentry::Chain;

/// The result of a call, if this process has it: no allocation, no runtime, nothing awaited.
///
/// The arguments are lent, not given: to move the bytes that were just written would cost more
/// than the look-up.
#[inline]
#[must_use]
pub fn hit<K: Kind>(_kind: K, cache: &Cache, arguments: &mut Arguments) -> Option<K::Returned> {
    let (l1, key) = (&cache.inner.l1, arguments.l1_key()?);
    let value = l1.get::<K::Value>(key).or_else(|| match l1.look(key) {
        Look::Fresh { value, .. } => Some(value),
        _ => None, // nothing, or something to be done
    })?;
    cache.inner.hit_here(arguments.function());
    Some(K::join(Ok(value)))
}

/// `kind`, if its values can take the form `F`: the one place where those that cannot are reported,
/// for the opaque type satisfies whatever is asked of it later.
#[inline]
#[must_use]
pub fn checked<F: Form<K::Value>, K: Kind>(
    kind: K,
) -> impl Kind<Returned = K::Returned, Value = K::Value, Error = K::Error> {
    kind
}

/// What is to be stored without having been computed.
type Priming<K, F> = (Cache, Key<<K as Kind>::Value, F>, <K as Kind>::Value, Ttl);

/// One call of a cached function that L1 could not answer.
pub struct Call<'a, K: Kind, F = Bincode> {
    kind: K,
    cache: &'a Cache,
    arguments: Arguments,
    tags: Tags,
    form: PhantomData<fn() -> F>,
}

impl<'a, K: Kind> Call<'a, K> {
    /// The call of a function that returns `kind`, with these arguments.
    #[inline]
    #[must_use]
    pub fn new(kind: K, cache: &'a Cache, arguments: Arguments) -> Self {
        Self {
            kind,
            cache,
            arguments,
            tags: Tags::new(),
            form: PhantomData,
        }
    }
}

impl<'a, K: Kind, F> Call<'a, K, F> {
    /// Values leave the process in the form `G`.
    #[inline]
    #[must_use]
    pub fn form<G>(self) -> Call<'a, K, G> {
        let Self {
            kind,
            cache,
            arguments,
            tags,
            ..
        } = self;
        Call {
            kind,
            cache,
            arguments,
            tags,
            form: PhantomData,
        }
    }

    /// The entry ends when one of `tags` is removed.
    #[inline]
    #[must_use]
    pub fn tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }
}

impl<K, F> Call<'_, K, F>
where
    K: Kind,
    K::Error: 'static,
    F: Form<K::Value>,
{
    /// The result, computed on this thread if need be.
    pub fn run_blocking(
        self,
        ttl: Option<Duration>,
        unless: fn(&K::Returned) -> bool,
        voice: Voice<K::Error>,
        compute: impl FnOnce() -> K::Returned,
    ) -> K::Returned {
        match self.job(ttl, unless, voice) {
            Some(job) => job.blocking(compute),
            None => Chain::current().aside().run(compute),
        }
    }

    /// The result, computed on a thread of its own if need be.
    pub fn run_threaded(
        self,
        ttl: Option<Duration>,
        unless: fn(&K::Returned) -> bool,
        voice: Voice<K::Error>,
        compute: Box<dyn FnOnce() -> K::Returned + Send>,
    ) -> K::Returned
    where
        K::Returned: Send + 'static,
        K::Error: Send + 'static,
    {
        match self.job(ttl, unless, voice) {
            Some(job) => job.threaded(compute),
            None => Chain::current().aside().run(compute),
        }
    }

    /// The result, computed in this future if need be.
    pub async fn run_inline(
        self,
        ttl: Option<Duration>,
        unless: fn(&K::Returned) -> bool,
        voice: Voice<K::Error>,
        compute: impl Future<Output = K::Returned>,
    ) -> K::Returned {
        match self.job(ttl, unless, voice) {
            Some(job) => boxed(|| job.inline(compute)).await,
            None => Chain::current().aside().run_async(compute).await,
        }
    }

    /// The result, computed in a task of its own if need be.
    pub async fn run_detached(
        self,
        ttl: Option<Duration>,
        unless: fn(&K::Returned) -> bool,
        voice: Voice<K::Error>,
        compute: Pin<Box<dyn Future<Output = K::Returned> + Send>>,
    ) -> K::Returned
    where
        K::Returned: Send + 'static,
        K::Error: Send + 'static,
    {
        match self.job(ttl, unless, voice) {
            Some(job) => job.detached(compute).await,
            None => Chain::current().aside().run_async(compute).await,
        }
    }

    /// The result, computed although there may be one: the entry is expired first, so that callers
    /// who come meanwhile wait for this computation. Where that fails the result is computed, and
    /// not stored.
    pub async fn refresh(
        self,
        ttl: Option<Duration>,
        unless: fn(&K::Returned) -> bool,
        voice: Voice<K::Error>,
        compute: impl Future<Output = K::Returned>,
    ) -> K::Returned {
        let cache = self.cache.clone();
        match self.job(ttl, unless, voice) {
            Some(job) if cache.expire(&job.key).await.is_ok() => {
                Job { anew: true, ..job }.inline(compute).await
            }
            _ => Chain::current().aside().run_async(compute).await,
        }
    }

    /// [`refresh`](Self::refresh), blocking this thread.
    pub fn refresh_blocking(
        self,
        ttl: Option<Duration>,
        unless: fn(&K::Returned) -> bool,
        voice: Voice<K::Error>,
        compute: impl FnOnce() -> K::Returned,
    ) -> K::Returned {
        let cache = self.cache.clone();
        let Some(job) = self.job(ttl, unless, voice) else {
            return Chain::current().aside().run(compute);
        };
        let key = job.key.clone();
        match background::block_on(async move { cache.expire(&key).await }) {
            Ok(Ok(())) => Job { anew: true, ..job }.blocking(compute),
            _ => Chain::current().aside().run(compute),
        }
    }

    fn job(
        self,
        ttl: Option<Duration>,
        unless: fn(&K::Returned) -> bool,
        voice: Voice<K::Error>,
    ) -> Option<Job<K, F>> {
        let Self {
            kind,
            cache,
            arguments,
            tags,
            ..
        } = self;
        if arguments.is_bypassed() {
            cache.inner.count(arguments.function(), Event::Bypassed);
            return None;
        }
        let function = arguments.function();
        match arguments.into_key() {
            Ok(key) => {
                let job = Job::new(kind, &cache.inner, key.tagged(&tags), voice);
                Some(Job {
                    ttl: ttl.map(|ttl| Ttl::new(ttl).ok()),
                    unless,
                    ..job
                })
            }
            Err(error) => {
                cache.inner.count(function, Event::Bypassed);
                tracing::warn!(%error, "call bypasses the cache");
                None
            }
        }
    }

    fn key(self) -> Result<(Cache, Key<K::Value, F>)> {
        let key = self.arguments.into_key()?;
        Ok((self.cache.clone(), key.tagged(&self.tags)))
    }

    /// Removes the entry: see [`Cache::remove`].
    ///
    /// # Errors
    /// As of [`Cache::remove`], and of arguments that do not serialise.
    pub async fn remove(self) -> Result<()> {
        let (cache, key) = self.key()?;
        cache.remove(&key).await
    }

    /// Collects the removal of the entry; a call that bypasses the cache has none.
    pub fn removal(self, removals: &mut Removals) {
        if let Ok((cache, key)) = self.key() {
            removals.entry(&cache, &key);
        }
    }

    /// Expires the entry: see [`Cache::expire`].
    ///
    /// # Errors
    /// As of [`Cache::expire`], and of arguments that do not serialise.
    pub async fn expire(self) -> Result<()> {
        let (cache, key) = self.key()?;
        cache.expire(&key).await
    }

    /// The result, if it is stored; nothing is computed. An outage is counted, and no result.
    pub async fn peek(self) -> Option<K::Returned> {
        if self.arguments.is_bypassed() {
            return None;
        }
        let (cache, key) = self.key().ok()?;
        let value = cache.get(&key).await.ok()??;
        Some(K::join(Ok(value)))
    }

    /// Stores `returned` as if it had been computed. What would not be stored then is not stored.
    ///
    /// # Errors
    /// As of [`Cache::set`], and of arguments that do not serialise.
    pub async fn prime(
        self,
        ttl: Option<Duration>,
        unless: fn(&K::Returned) -> bool,
        returned: K::Returned,
    ) -> Result<()> {
        match self.priming(ttl, unless, returned)? {
            Some((cache, key, value, ttl)) => cache.set_for(&key, value, ttl).await,
            None => Ok(()),
        }
    }

    fn priming(
        self,
        ttl: Option<Duration>,
        unless: fn(&K::Returned) -> bool,
        returned: K::Returned,
    ) -> Result<Option<Priming<K, F>>> {
        if self.arguments.is_bypassed() || unless(&returned) {
            return Ok(None);
        }
        let (cache, key) = self.key()?;
        let policy = key.function().asks();
        let Ok(value) = K::split(returned) else {
            return Ok(None);
        };
        let of_none = policy.ttl_of_none().filter(|_| K::is_none(&value));
        let ttl = match of_none.or(ttl) {
            Some(ttl) => Ttl::new(ttl).ok(),
            None => policy.ttl_or(cache.inner.config.default_ttl),
        };
        Ok(ttl.map(|ttl| (cache, key, value, ttl)))
    }

    /// [`remove`](Self::remove), blocking this thread.
    ///
    /// # Errors
    /// As of [`remove`](Self::remove).
    pub fn remove_blocking(self) -> Result<()> {
        let (cache, key) = self.key()?;
        background::block_on(async move { cache.remove(&key).await })?
    }

    /// [`expire`](Self::expire), blocking this thread.
    ///
    /// # Errors
    /// As of [`expire`](Self::expire).
    pub fn expire_blocking(self) -> Result<()> {
        let (cache, key) = self.key()?;
        background::block_on(async move { cache.expire(&key).await })?
    }

    /// [`peek`](Self::peek), blocking this thread.
    pub fn peek_blocking(mut self) -> Option<K::Returned> {
        if let Some(returned) = hit(self.kind, self.cache, &mut self.arguments) {
            return Some(returned);
        }
        if self.arguments.is_bypassed() {
            return None;
        }
        let (cache, key) = self.key().ok()?;
        let found = background::block_on(async move { cache.get(&key).await });
        Some(K::join(Ok(found.ok()?.ok()??)))
    }

    /// [`prime`](Self::prime), blocking this thread.
    ///
    /// # Errors
    /// As of [`prime`](Self::prime).
    pub fn prime_blocking(
        self,
        ttl: Option<Duration>,
        unless: fn(&K::Returned) -> bool,
        returned: K::Returned,
    ) -> Result<()> {
        match self.priming(ttl, unless, returned)? {
            Some((cache, key, value, ttl)) => {
                background::block_on(async move { cache.set_for(&key, value, ttl).await })?
            }
            None => Ok(()),
        }
    }
}

/// A future on the heap, made where the stack is given back: that of a call that has missed is large,
/// and functions that call themselves have one for each call.
#[inline(never)]
fn boxed<C: Future>(make: impl FnOnce() -> C) -> Pin<Box<C>> {
    Box::pin(make())
}

impl<K: Kind, F> fmt::Debug for Call<'_, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}
