//! The contract, on the blocking calls of the store.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{
    Backend, Found, Health, Lead, Lookup, NewEntry, NodeState, Renewed, Stored, Token, Ttl, Want,
};
use cachekit_core::clock::Clock;
use cachekit_core::error::{Error, ErrorKind, Result};
use cachekit_core::key::StoreKey;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::store::{Caller, Store, abandoned};

/// A file of at most this many bytes is read where the caller is: some 5 to 20 µs from the page
/// cache, against 40 to 60 for a hop to the blocking pool and back.
const INLINE_BYTES: u64 = 128 * 1024;

/// How many such reads may follow each other before the others take one hop together.
const INLINE_READS: usize = 8;

/// How many calls of one backend are in the blocking pool at once. The others wait, each in the
/// future of its caller.
const POOLED: usize = 32;

/// A [`Backend`] that keeps each entry as a file: see the [crate's documentation](crate).
///
/// # Where the work is done
/// A read opens its file where the caller is, and reads it there up to 128 KiB; larger reads,
/// every write and bulk calls of more than 8 reads go to the blocking pool of the tokio runtime
/// they are polled on, at most 32 at a time. Outside of tokio all is done where the caller is. A
/// directory on a file system that is slow to open a file holds up the caller's thread for that
/// long.
///
/// # Ttl
/// Milliseconds, by the system's clock, so that processes and restarts agree. An entry that seems
/// to come from the future, because the clock was set back, is not found.
///
/// # Cancel safety
/// A dropped `set` either happened before the drop or does not happen, so that it cannot undo what
/// its caller does next. A dropped `expire` or `remove` may still happen a moment later.
#[derive(Debug)]
pub struct FileBackend {
    store: Arc<Store>,
    pool: Arc<Semaphore>,
}

impl FileBackend {
    /// A backend on the directory of `config`, which is looked at and made at first use.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] says which field is out of its range.
    pub fn new(config: Config) -> Result<Self> {
        Self::with_clock(config, Clock::system())
    }

    /// The same on another clock.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_clock(config: Config, clock: Clock) -> Result<Self> {
        config.check()?;
        let store = Arc::new(Store::new(config, clock));
        Ok(Self {
            store,
            pool: Arc::new(Semaphore::new(POOLED)),
        })
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.store.config
    }

    /// Removes every entry of this layout, those of other releases included, for all processes that
    /// share the directory. They may go on writing: what they write meanwhile may stay.
    ///
    /// Entries are gone after some milliseconds, whose number does not grow with theirs, and leads of
    /// before are superseded. Until this returns, their files are removed, which takes the disk some
    /// 10 to 150 µs each. Blocking: under an async runtime, call it from the blocking pool.
    ///
    /// # Errors
    /// As [`remove`](Backend::remove). What was cleared until then stays so, and files that are left
    /// are removed by the next `clear`, or bit by bit by those who write.
    pub fn clear(&self) -> Result<()> {
        self.store.clear()
    }

    /// Runs `work` on the blocking pool. If the caller goes away before it begins, it does not.
    async fn pooled<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Store, &Caller) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let waiting = Arc::new(());
        let caller = Caller(Arc::downgrade(&waiting));
        let ended = |_| Error::with_detail(ErrorKind::Unavailable, operation, "the runtime ended");
        let permit = Arc::clone(&self.pool).acquire_owned().await;
        let store = Arc::clone(&self.store);
        let run = move || {
            let _permit = permit;
            if caller.is_gone() {
                Err(abandoned(operation))
            } else {
                work(&store, &caller)
            }
        };
        let result = match Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(run).await.map_err(ended).flatten(),
            Err(_) => run(),
        };
        drop(waiting);
        result
    }

    /// Runs `work` for `count` keys in one hop; if the hop fails, each key fails.
    async fn many<T: Send + 'static>(
        &self,
        operation: &'static str,
        count: usize,
        work: impl FnOnce(&Store, &Caller) -> Vec<Result<T>> + Send + 'static,
    ) -> Vec<Result<T>> {
        let results = self
            .pooled(operation, move |store, caller| Ok(work(store, caller)))
            .await;
        results.unwrap_or_else(|error| (0..count).map(|_| Err(error.clone())).collect())
    }

    async fn found(&self, key: &StoreKey) -> Result<Option<Found>> {
        let Some(opened) = self.store.open(key)? else {
            return Ok(None);
        };
        if opened.length() <= INLINE_BYTES {
            return self.store.read(key, &opened);
        }
        let key = key.clone();
        self.pooled("file get", move |store, _| store.read(&key, &opened))
            .await
    }
}

/// What a reader is told, by a store that cannot lead.
fn lookup(found: Option<Found>, want: Want) -> Lookup {
    let lead = match (&found, want) {
        (Some(found), Want::Lead { early, .. }) if found.lasts(early) => Lead::None,
        (_, Want::Lead { .. }) => Lead::Unfenced(None),
        (_, Want::Value) => Lead::None,
    };
    Lookup::new(found, lead)
}

#[async_trait]
impl Backend for FileBackend {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        Ok(lookup(self.found(key).await?, want))
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        _lead: Option<&Token>,
    ) -> Result<Stored> {
        let key = key.clone();
        self.pooled("file set", move |store, caller| {
            store.set(&key, &value, ttl, caller)
        })
        .await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        let key = key.clone();
        self.pooled("file expire", move |store, _| store.expire(&key))
            .await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        let key = key.clone();
        self.pooled("file remove", move |store, _| store.remove(&key))
            .await
    }

    async fn renew(&self, _key: &StoreKey, _lead: &Token, _hold: Ttl) -> Result<Renewed> {
        Ok(Renewed::Lost)
    }

    async fn release(&self, _key: &StoreKey, _lead: &Token) -> Result<()> {
        Ok(())
    }

    async fn get_many(&self, keys: &[StoreKey], want: Want) -> Vec<Result<Lookup>> {
        if keys.len() <= INLINE_READS {
            let mut results = Vec::with_capacity(keys.len());
            for key in keys {
                results.push(self.get(key, want).await);
            }
            return results;
        }
        let asked = keys.to_vec();
        self.many("file get_many", keys.len(), move |store, _| {
            asked
                .iter()
                .map(|key| Ok(lookup(store.get(key)?, want)))
                .collect()
        })
        .await
    }

    async fn set_many(&self, entries: Vec<NewEntry>) -> Vec<Result<Stored>> {
        self.many("file set_many", entries.len(), move |store, caller| {
            let set = |entry: &NewEntry| store.set(&entry.key, &entry.value, entry.ttl, caller);
            entries.iter().map(set).collect()
        })
        .await
    }

    async fn expire_many(&self, keys: &[StoreKey]) -> Vec<Result<()>> {
        let asked = keys.to_vec();
        self.many("file expire_many", keys.len(), move |store, _| {
            asked.iter().map(|key| store.expire(key)).collect()
        })
        .await
    }

    async fn remove_many(&self, keys: &[StoreKey]) -> Vec<Result<()>> {
        let asked = keys.to_vec();
        self.many("file remove_many", keys.len(), move |store, _| {
            asked.iter().map(|key| store.remove(key)).collect()
        })
        .await
    }

    /// The directory.
    fn owner(&self, _key: &StoreKey) -> Option<String> {
        Some(self.config().directory.display().to_string())
    }

    async fn health(&self) -> Health {
        let health = self
            .pooled("file health", |store, _| Ok(store.health()))
            .await;
        health.unwrap_or_else(|error| {
            let name = self.config().directory.display().to_string();
            Health::single(name, NodeState::Down, error.to_string())
        })
    }
}
