//! A store that gives back something else than what was stored.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use cachekit::backend::{Backend, Lookup, Stored, Token, Want};
use cachekit::testkit::{Alter, Altered};
use cachekit::{Result, StoreKey, Ttl};

/// What becomes of the bytes of an entry.
type Change = fn(Bytes) -> Bytes;

/// A store whose entries can be changed, exchanged and lost. What the cache keeps there beside its
/// entries stays whole.
#[derive(Debug)]
pub(crate) struct Tampered {
    store: Arc<dyn Backend>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    set: Vec<StoreKey>,
    change: Option<Change>,
    /// Reads of the one find the other.
    exchange: Option<(StoreKey, StoreKey)>,
}

impl Tampered {
    pub(crate) fn new(store: Arc<dyn Backend>) -> Arc<Altered<Self>> {
        let state = Mutex::default();
        Arc::new(Altered(Self { store, state }))
    }

    /// From now on reads find what `change` makes of entries.
    pub(crate) fn change(&self, change: Change) {
        self.state().change = Some(change);
    }

    /// From now on reads of the last entry that was set find the one before it.
    pub(crate) fn exchange(&self) {
        let mut state = self.state();
        let mut entries = state.set.iter().rev().filter(|key| is_entry(key)).cloned();
        let last = entries.next().zip(entries.next());
        drop(entries);
        state.exchange = last;
    }

    /// Loses what was set under such keys.
    pub(crate) async fn remove_where(&self, is_meant: impl Fn(&str) -> bool) {
        let meant = |key: &&StoreKey| is_meant(key.as_str());
        let keys: Vec<StoreKey> = self.state().set.iter().filter(meant).cloned().collect();
        assert!(!keys.is_empty());
        for key in keys {
            self.store.remove(&key).await.unwrap();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Neither a token nor a list of releases.
fn is_entry(key: &StoreKey) -> bool {
    !key.as_str().contains('#') && !key.as_str().ends_with(":releases")
}

#[async_trait]
impl Alter for Tampered {
    fn backend(&self) -> &dyn Backend {
        &*self.store
    }

    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let mut lookup = self.store.get(key, want).await?;
        let (change, exchange) = {
            let state = self.state();
            (state.change, state.exchange.clone())
        };
        if let Some((_, other)) = exchange.filter(|(last, _)| last == key) {
            lookup.found = self.store.get(&other, Want::Value).await?.found;
        }
        if let (Some(change), Some(found)) = (change, &mut lookup.found)
            && is_entry(key)
        {
            found.value = change(found.value.clone());
        }
        Ok(lookup)
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        self.state().set.push(key.clone());
        self.store.set(key, value, ttl, lead).await
    }
}
