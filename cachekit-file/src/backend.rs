//! The contract, on the blocking calls of the store.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{
    Backend, Health, Lead, Lookup, NewEntry, NodeState, Renewed, Stored, Token, Ttl, Want,
};
use cachekit_core::clock::Clock;
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;

use crate::config::Config;
use crate::given::Given;
use crate::pool::{Caller, Pool};
use crate::store::{Store, Wanted};

/// How much of a value, or of the values of a bulk read, is read at most where the caller is.
const WARM_BYTES: u64 = 128 * 1024;

/// How many entries a bulk read reads at most where the caller is: what that takes, a hop to the
/// blocking pool takes too.
const WARM_READS: usize = 32;

/// A [`Backend`] that keeps each entry as a file: see the [crate's documentation](crate).
///
/// # Where the work is done
/// On a thread of a tokio runtime nothing is waited for. A read is done where the caller is only as
/// far as the kernel promises to have everything: on Linux, if each part of the path is in its cache
/// of names (`RESOLVE_CACHED`), and the content of at most 128 KiB in the page cache (`RWF_NOWAIT`)
/// or in memory because the file system is. A bulk read of at most 32 keys is done so up to the first
/// key that this does not hold for, and as far as its values have 128 KiB together. So one poll holds
/// up its thread for what it takes to open 32 files and to copy 128 KiB: some 50 µs, which is what a
/// hop to the blocking pool takes. Only if an entry is removed while it is read, its reader may have to
/// free the file.
///
/// All else goes to the blocking pool of that runtime, at most 32 calls at a time: what is not
/// cached, larger values, every miss, every write, the first read of a backend, which finds out
/// what the file system promises, and every read on other systems than Linux, on kernels before
/// 5.12, and on file systems that promise nothing (overlayfs, NFS, FUSE).
///
/// Outside of tokio all is done where the caller is.
///
/// # Recency
/// A read notes its time in the file, at most once a minute, and a process at most 1,000 times a
/// second. One that may not wait for the disk leaves that to the next call that may, a minute later
/// at the latest if there are reads by then, or to the backend's end.
///
/// # Ttl
/// Milliseconds, by the system's clock, so that processes and restarts agree. An entry that seems
/// to come from the future, because the clock was set back, is not found.
///
/// # Cancel safety
/// A dropped `set` either happened before the drop or does not happen, so that it cannot undo what
/// its caller does next. A dropped `expire` or `remove` may still happen a moment later. The lead
/// that a dropped `get` was given goes back.
#[derive(Debug)]
pub struct FileBackend {
    pub(crate) store: Arc<Store>,
    pool: Pool,
}

impl FileBackend {
    /// A backend on the directory of `config`, which is looked at and made at first use.
    ///
    /// # Errors
    /// [`InvalidInput`](cachekit_core::ErrorKind::InvalidInput) says which field is out of its range.
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
            pool: Pool::new(),
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
    /// As [`remove`](Backend::remove); [`Timeout`](cachekit_core::ErrorKind::Timeout) if a process that
    /// was stopped holds a folder, and all others are cleared. What was cleared stays so, and files that
    /// are left are removed by the next `clear`, or bit by bit by those who write.
    pub fn clear(&self) -> Result<()> {
        self.store.clear()
    }

    /// Runs `work` on the blocking pool, unless the caller goes away before it begins.
    async fn pooled<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Store, &Caller) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(&self.store);
        let work = move |caller: &Caller| {
            store.reader.renew_waiting();
            work(&store, caller)
        };
        self.pool.run(operation, work).await
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

    /// Reads many entries in one hop.
    async fn look_many(&self, keys: Vec<StoreKey>, want: Want) -> Vec<Result<Lookup>> {
        let store = Arc::clone(&self.store);
        let given = self.many("file get_many", keys.len(), move |_, caller| {
            let look = |key: StoreKey| {
                let lookup = store.look(&key, want, caller)?;
                Ok(Given::new(Arc::clone(&store), key, lookup))
            };
            keys.into_iter().map(look).collect()
        });
        let results = given.await.into_iter();
        results.map(|result| result.map(Given::taken)).collect()
    }

    /// Reads an entry where the caller is: all of it outside of tokio, else as far as `most` bytes
    /// and the device allow. `None` where there is more to do than that.
    fn at_once(&self, key: &StoreKey, want: Want, most: u64) -> Option<Result<Lookup>> {
        if !Pool::is_needed() {
            return Some(self.store.look(key, want, &Caller::HERE));
        }
        let found = Some(self.store.reader.get_warm(key, most)?);
        let met = Wanted::of(want, found.as_ref()).is_none();
        met.then(|| Ok(Lookup::new(found, Lead::None)))
    }
}

#[async_trait]
impl Backend for FileBackend {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        if let Some(lookup) = self.at_once(key, want, WARM_BYTES) {
            return lookup;
        }
        let (store, key) = (Arc::clone(&self.store), key.clone());
        let given = self.pooled("file get", move |_, caller| {
            let lookup = store.look(&key, want, caller)?;
            Ok(Given::new(store, key, lookup))
        });
        given.await.map(Given::taken)
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        let (key, lead) = (key.clone(), lead.cloned());
        self.pooled("file set", move |store, caller| {
            store.set(&key, &value, ttl, lead.as_ref(), caller)
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

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        let (key, lead) = (key.clone(), lead.clone());
        self.pooled("file renew", move |store, _| store.renew(&key, &lead, hold))
            .await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        let (key, lead) = (key.clone(), lead.clone());
        self.pooled("file release", move |store, _| store.release(&key, &lead))
            .await
    }

    async fn get_many(&self, keys: &[StoreKey], want: Want) -> Vec<Result<Lookup>> {
        let mut results = Vec::with_capacity(keys.len());
        let mut left = WARM_BYTES;
        let few = if keys.len() <= WARM_READS { keys } else { &[] };
        for key in few {
            // One hop takes all that come after the first that needs it.
            let Some(result) = self.at_once(key, want, left) else {
                break;
            };
            let found = result.as_ref().ok().and_then(|read| read.found.as_ref());
            left = left.saturating_sub(found.map_or(0, |found| found.value.len() as u64));
            results.push(result);
        }
        let others = &keys[results.len()..];
        if !others.is_empty() {
            results.extend(self.look_many(others.to_vec(), want).await);
        }
        results
    }

    async fn set_many(&self, entries: Vec<NewEntry>) -> Vec<Result<Stored>> {
        self.many("file set_many", entries.len(), move |store, caller| {
            let set = |entry: NewEntry| {
                let NewEntry {
                    key,
                    value,
                    ttl,
                    lead,
                } = entry;
                store.set(&key, &value, ttl, lead.as_ref(), caller)
            };
            entries.into_iter().map(set).collect()
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
