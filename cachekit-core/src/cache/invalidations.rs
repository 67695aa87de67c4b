//! Invalidations that are collected now and carried out later.

use std::fmt;

use crate::background;
use crate::cache::arguments::Key;
use crate::cache::form::Form;
use crate::cache::invalidation::Invalidation;
use crate::cache::{Cache, tags};
use crate::error::Result;

/// What is to be invalidated once a transaction has committed.
///
/// Collected while the transaction runs and [sent](Self::send) after its commit, so that nobody
/// reads the old state in between and stores it. Dropped, as on a rollback, it does nothing.
///
/// ```
/// use cachekit_core::cache::{Cache, Function, Invalidations, Key};
///
/// static PROFILES: Function = Function::new(module_path!(), "profiles");
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let cache = Cache::in_process();
/// let key: Key<String> = PROFILES.key(&42_u64)?;
/// let mut invalidations = Invalidations::new();
/// invalidations.remove(&key);
/// invalidations.remove_tag("team:7");
/// // … the transaction commits …
/// invalidations.send(&cache).await?;
/// # Ok::<_, cachekit_core::Error>(()) }).unwrap();
/// ```
#[derive(Default)]
#[must_use = "what is collected takes effect when it is sent"]
pub struct Invalidations(Vec<Invalidation>);

impl Invalidations {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Will [remove](Cache::remove) the entry of `key`.
    pub fn remove<V: 'static, F: Form<V>>(&mut self, key: &Key<V, F>) {
        self.0.push(Invalidation::remove(key));
    }

    /// Will [expire](Cache::expire) the entry of `key`.
    pub fn expire<V: 'static, F: Form<V>>(&mut self, key: &Key<V, F>) {
        self.0.push(Invalidation::expire(key));
    }

    /// Will [remove](Cache::remove_tag) every entry of `tag`.
    pub fn remove_tag(&mut self, tag: &str) {
        self.0.push(Invalidation::Tag(tags::hash(tag)));
    }

    /// Will [remove](Cache::remove_namespace) every entry of the functions of `namespace`.
    pub fn remove_namespace(&mut self, namespace: &str) {
        self.0.push(Invalidation::Namespace(namespace.to_owned()));
    }

    /// Carries all out in `cache`, which is to be the one that has the entries: those of a function
    /// with a named cache are in none other. In at most one call of the backend for what expires and one for what is
    /// removed.
    ///
    /// # Errors
    /// The first that there is; every invalidation was tried all the same. Those that failed may
    /// not have reached other processes: see [`Cache::remove`].
    ///
    /// # Cancel safety
    /// Dropped early, any of them may or may not have happened.
    pub async fn send(self, cache: &Cache) -> Result<()> {
        cache.invalidate(self.0).await.into_iter().collect()
    }

    /// [`send`](Self::send), blocking this thread.
    ///
    /// # Errors
    /// As of [`send`](Self::send).
    pub fn send_blocking(self, cache: &Cache) -> Result<()> {
        let cache = cache.clone();
        background::block_on(async move { self.send(&cache).await })?
    }
}

impl fmt::Debug for Invalidations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalidations({})", self.0.len())
    }
}
