//! Saying that entries are no longer true: here at once, and in the store for every release.
//!
//! Here it is said twice: before the store is told, so that it holds even where the store is away,
//! and after it, because a reader of this process may have found an old entry in between.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::backend::Backend;
use crate::cache::Inner;
use crate::cache::arguments::{Key, function_id};
use crate::cache::form::Form;
use crate::cache::function::Function;
use crate::cache::tokens::{self, TokenState};
use crate::cache::{namespaces, releases};
use crate::error::{Error, Result};
use crate::key::StoreKey;
use crate::policy::flight::Flights;

/// What is no longer true.
pub(crate) enum Invalidation {
    /// The entry may still be served in grace.
    Expire(Box<dyn AnyKey>),
    /// The entry may not be served any more; so it is with all below.
    Remove(Box<dyn AnyKey>),
    /// All entries of the tag with this hash.
    Tag(u64),
    /// All entries of the functions of this namespace.
    Namespace(String),
}

/// A key of whatever values.
pub(crate) trait AnyKey: Send + Sync {
    fn function(&self) -> &'static Function;
    fn bytes(&self) -> &[u8];
    fn store_key(&self, namespace: &str, token: Option<u64>) -> Option<StoreKey>;
}

impl<V: 'static, F: Form<V>> AnyKey for Key<V, F> {
    fn function(&self) -> &'static Function {
        self.function()
    }

    fn bytes(&self) -> &[u8] {
        self.bytes()
    }

    fn store_key(&self, namespace: &str, token: Option<u64>) -> Option<StoreKey> {
        Some(self.store_key(namespace, token)?.0)
    }
}

impl Invalidation {
    pub(crate) fn expire<V: 'static, F: Form<V>>(key: &Key<V, F>) -> Self {
        Self::Expire(Box::new(key.clone()))
    }

    pub(crate) fn remove<V: 'static, F: Form<V>>(key: &Key<V, F>) -> Self {
        Self::Remove(Box::new(key.clone()))
    }

    /// Nothing that began before now is served or stored in this process.
    fn here(&self, inner: &Inner) {
        match self {
            Self::Expire(key) => {
                inner.forget_flights(|flights| flights.forget(key.bytes()));
                inner.l1.expire(key.bytes());
            }
            Self::Remove(key) => inner.invalidate_here(key.bytes()),
            // A computation that names the tag itself finds out at its end.
            Self::Tag(hash) => {
                inner.forget_flights(|flights| flights.forget_tagged(*hash));
                inner.l1.tags().remove(*hash);
            }
            Self::Namespace(name) => {
                let ids = Function::ids_in(name);
                let meant = |key: &[u8]| function_id(key).is_some_and(|id| ids.contains(&id));
                inner.forget_flights(|flights| flights.forget_where(meant));
                inner.l1.invalidate_where(meant);
            }
        }
    }

    fn key(&self) -> Option<&dyn AnyKey> {
        match self {
            Self::Expire(key) | Self::Remove(key) => Some(&**key),
            Self::Tag(_) | Self::Namespace(_) => None,
        }
    }
}

/// Carries all of them out, in one call of the backend for those that expire, and one for those
/// that are removed. Each has its own result, in the order given.
pub(crate) async fn run(inner: Arc<Inner>, all: Vec<Invalidation>) -> Vec<Result<()>> {
    all.iter().for_each(|one| one.here(&inner));
    let Some(backend) = &inner.backend else {
        return all.iter().map(|_| Ok(())).collect();
    };
    let results = in_store(&inner, backend, &all).await;
    for one in &all {
        if let Invalidation::Namespace(name) = one {
            inner.namespaces.forget(name).await;
        }
    }
    all.iter().for_each(|one| one.here(&inner));
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        inner.trouble(error);
    }
    results
}

async fn in_store(
    inner: &Inner,
    backend: &Arc<dyn Backend>,
    all: &[Invalidation],
) -> Vec<Result<()>> {
    let mut places = Places::new(inner, backend, all).await;
    let (mut expired, mut removed) = (Batch::default(), Batch::default());
    let mut results = Vec::with_capacity(all.len());
    for (index, one) in all.iter().enumerate() {
        let (keys, result) = places.of(one).await;
        let batch = match one {
            Invalidation::Expire(_) => &mut expired,
            _ => &mut removed,
        };
        batch.owners.extend(keys.iter().map(|_| index));
        batch.keys.extend(keys);
        results.push(result);
    }
    if !expired.keys.is_empty() {
        expired.came_to(backend.expire_many(&expired.keys).await, &mut results);
    }
    if !removed.keys.is_empty() {
        removed.came_to(backend.remove_many(&removed.keys).await, &mut results);
    }
    results
}

/// Keys of one call of the backend.
#[derive(Default)]
struct Batch {
    /// Whose each key is.
    owners: Vec<usize>,
    keys: Vec<StoreKey>,
}

impl Batch {
    fn came_to(&self, outcomes: Vec<Result<()>>, results: &mut [Result<()>]) {
        for (&owner, outcome) in self.owners.iter().zip(outcomes) {
            results[owner] = std::mem::replace(&mut results[owner], Ok(())).and(outcome);
        }
    }
}

/// Where in the store the entries are, as far as it takes reading to know that.
struct Places<'a> {
    inner: &'a Inner,
    backend: &'a Arc<dyn Backend>,
    /// The token of each namespace as it is now: what this process remembers may be old.
    tokens: HashMap<&'static str, TokenState>,
    /// The releases of each function, by its head.
    releases: HashMap<String, Result<Vec<String>>>,
}

impl<'a> Places<'a> {
    async fn new(inner: &'a Inner, backend: &'a Arc<dyn Backend>, all: &[Invalidation]) -> Self {
        let names = all.iter().filter_map(Invalidation::key);
        let mut names: Vec<&str> = names.map(|key| key.function().namespace_name()).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| !name.is_empty());
        let tokens = namespaces::read(inner, backend, names).await;
        for (name, state) in &tokens {
            // Under an old token readers of this process would find what is ended under the new one.
            if !matches!(state, TokenState::Unreachable(_)) {
                inner.namespaces.forget_other(name, state.known()).await;
            }
        }
        Self {
            inner,
            backend,
            tokens,
            releases: HashMap::new(),
        }
    }

    /// Where what `one` is about lies. Where that cannot be known for certain, it is an error, and
    /// what is known is ended all the same.
    async fn of(&mut self, one: &Invalidation) -> (Vec<StoreKey>, Result<()>) {
        let namespace = &self.inner.config.namespace;
        let token_key = match one {
            Invalidation::Expire(key) | Invalidation::Remove(key) => {
                return self.of_key(&**key).await;
            }
            Invalidation::Tag(hash) => tokens::tag_key(namespace, *hash),
            Invalidation::Namespace(name) => tokens::namespace_key(namespace, name),
        };
        match token_key {
            Ok(key) => (vec![key], Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        }
    }

    async fn of_key(&mut self, key: &dyn AnyKey) -> (Vec<StoreKey>, Result<()>) {
        let (function, namespace) = (key.function(), &self.inner.config.namespace);
        let token = match self.tokens.get(function.namespace_name()) {
            None => None,
            Some(TokenState::Known(token)) => Some(*token),
            // No entry of the namespace can be found by anyone.
            Some(TokenState::Missing) => return (Vec::new(), Ok(())),
            Some(TokenState::Unreachable(error)) => return (Vec::new(), Err(error.clone())),
        };
        let Some(store_key) = key.store_key(namespace, token) else {
            return (Vec::new(), Ok(()));
        };
        match self.releases(function.head(namespace)).await {
            Ok(releases) => (in_every_release(store_key, releases), Ok(())),
            Err(error) => (vec![store_key], Err(error.clone())),
        }
    }

    async fn releases(&mut self, head: String) -> Result<&[String], &Error> {
        let listed = match self.releases.entry(head) {
            Entry::Occupied(listed) => listed.into_mut(),
            Entry::Vacant(unread) => {
                let listed = releases::listed(self.backend, unread.key()).await;
                unread.insert(listed)
            }
        };
        listed.as_deref()
    }
}

impl Inner {
    /// Nothing of `key` that began before now is served or stored in this process.
    pub(crate) fn invalidate_here(&self, key: &[u8]) {
        self.forget_flights(|flights| flights.forget(key));
        self.l1.remove(key);
    }

    pub(crate) fn forget_flights(&self, forget: impl Fn(&Flights)) {
        forget(&self.flights);
        forget(&self.blocking_flights);
        forget(&self.refreshes);
    }
}

/// The key in its own release, and in the others that are known.
fn in_every_release(key: StoreKey, releases: &[String]) -> Vec<StoreKey> {
    let others = releases
        .iter()
        .filter_map(|release| key.with_release(release).ok());
    let others: Vec<StoreKey> = others.filter(|other| *other != key).collect();
    [key].into_iter().chain(others).collect()
}
