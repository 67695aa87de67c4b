//! What a release that is not in the list of its function may do: read, and store nothing, for an
//! invalidation in another release would not reach its entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Health, Lead, Lookup, Renewed, Stored, Token, Ttl, Want};
use cachekit_core::cache::{Cache, Function, Key};
use cachekit_core::clock::Clock;
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::ReferenceBackend;
use cachekit_core::{Error, ErrorKind};

static FUNCTION: Function = Function::new("tests::releases", "function");

/// What is wrong with the list alone; other entries lie on other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Away,
    AlwaysLedByOthers,
}

#[derive(Debug)]
struct Store {
    store: ReferenceBackend,
    trouble: Trouble,
    troubled: AtomicBool,
    reads_of_the_list: AtomicUsize,
}

impl Store {
    fn is(&self, key: &StoreKey, trouble: Trouble) -> bool {
        let of_the_list = key.as_str().ends_with(":releases");
        of_the_list && self.trouble == trouble && self.troubled.load(Ordering::SeqCst)
    }

    fn reach(&self, key: &StoreKey) -> Result<()> {
        if self.is(key, Trouble::Away) {
            return Err(Error::new(ErrorKind::Unavailable, "store"));
        }
        Ok(())
    }
}

#[async_trait]
impl Backend for Store {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        if key.as_str().ends_with(":releases") {
            self.reads_of_the_list.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
        self.reach(key)?;
        if self.is(key, Trouble::AlwaysLedByOthers) && want != Want::Value {
            return Ok(Lookup::miss(Lead::Other));
        }
        self.store.get(key, want).await
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        self.reach(key)?;
        self.store.set(key, value, ttl, lead).await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.reach(key)?;
        self.store.expire(key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.reach(key)?;
        self.store.remove(key).await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        self.store.renew(key, lead, hold).await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.store.release(key, lead).await
    }

    async fn health(&self) -> Health {
        self.store.health().await
    }
}

fn store(trouble: Trouble) -> Arc<Store> {
    Arc::new(Store {
        store: ReferenceBackend::new(Clock::system()),
        trouble,
        troubled: AtomicBool::new(true),
        reads_of_the_list: AtomicUsize::new(0),
    })
}

fn process(store: &Arc<Store>) -> Cache {
    let backend = Arc::clone(store) as Arc<dyn Backend>;
    Cache::builder().backend(backend).build()
}

fn key(id: u64) -> Key<u64> {
    FUNCTION.key(&id).unwrap()
}

async fn compute(cache: &Cache, id: u64, value: u64) -> u64 {
    let compute = || async move { Ok::<_, Error>(value) };
    cache.get_or_compute(&key(id), compute).await.unwrap()
}

async fn nothing_is_stored_until_it_is_over(trouble: Trouble) {
    let store = store(trouble);
    let troubled = process(&store);
    assert_eq!(compute(&troubled, 1, 1).await, 1);
    assert!(troubled.set(&key(2), 1).await.is_err());
    let other = process(&store);
    assert_eq!(other.get(&key(1)).await.unwrap(), None);
    assert_eq!(other.get(&key(2)).await.unwrap(), None);

    store.troubled.store(false, Ordering::SeqCst);
    assert_eq!(compute(&troubled, 3, 1).await, 1);
    assert_eq!(other.get(&key(3)).await.unwrap(), Some(1));

    store.troubled.store(true, Ordering::SeqCst);
    assert_eq!(compute(&process(&store), 3, 2).await, 1);
}

#[tokio::test]
async fn a_release_whose_list_is_away_reads_and_stores_nothing() {
    nothing_is_stored_until_it_is_over(Trouble::Away).await;
}

#[tokio::test]
async fn a_release_that_others_keep_out_of_the_list_reads_and_stores_nothing() {
    nothing_is_stored_until_it_is_over(Trouble::AlwaysLedByOthers).await;
}

#[tokio::test]
async fn callers_of_one_process_register_its_release_once() {
    let store = store(Trouble::Away);
    store.troubled.store(false, Ordering::SeqCst);
    let cache = process(&store);
    let callers: Vec<_> = (0..100)
        .map(|id| {
            let cache = cache.clone();
            tokio::spawn(async move { compute(&cache, id, 1).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 1);
    }
    // Is it there? No: who leads, and writes.
    assert_eq!(store.reads_of_the_list.load(Ordering::SeqCst), 2);
}
