//! The cache in front of a store that is in trouble at one exact place.
//!
//! A lead that is not used is handed back, whatever became of who had it: the next caller gets it
//! soon, and need not wait until it ends by itself. A release that is not in the list of its
//! function reads and stores nothing, for an invalidation in another release would not reach it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Lead, Lookup, Stored, Token, Ttl, Want};
use cachekit_core::cache::{Cache, Function, Key};
use cachekit_core::clock::Clock;
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::{Alter, Altered, ManualClock, ReferenceBackend, until};
use cachekit_core::{Error, ErrorKind};

static FUNCTION: Function = Function::new("tests::troubled_store", "function");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    WritesAreRefused,
    WritesHang,
    AnswersWithTheLeadHang,
    /// The list of releases alone: other entries lie on other nodes.
    ListIsAway,
    ListIsLedByOthers,
}

type Store = Altered<Troubled>;

#[derive(Debug)]
struct Troubled {
    store: ReferenceBackend,
    trouble: Trouble,
    troubled: AtomicBool,
    reads_of_the_list: AtomicUsize,
}

impl Troubled {
    fn store(trouble: Trouble) -> Arc<Store> {
        Arc::new(Altered(Self {
            // Its time stands still: no lead ends by itself.
            store: ReferenceBackend::new(ManualClock::new().clock()),
            trouble,
            troubled: AtomicBool::new(false),
            reads_of_the_list: AtomicUsize::new(0),
        }))
    }

    fn is(&self, trouble: Trouble) -> bool {
        self.trouble == trouble && self.troubled.load(Ordering::SeqCst)
    }

    fn reach(&self, key: &StoreKey) -> Result<()> {
        if is_list(key) && self.is(Trouble::ListIsAway) {
            return Err(Error::new(ErrorKind::Unavailable, "store"));
        }
        Ok(())
    }

    fn trouble(&self, on: bool) {
        self.troubled.store(on, Ordering::SeqCst);
    }
}

fn is_list(key: &StoreKey) -> bool {
    key.as_str().ends_with(":releases")
}

#[async_trait]
impl Alter for Troubled {
    fn backend(&self) -> &dyn Backend {
        &self.store
    }

    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        self.reach(key)?;
        if is_list(key) {
            self.reads_of_the_list.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if want != Want::Value && self.is(Trouble::ListIsLedByOthers) {
                return Ok(Lookup::miss(Lead::Other));
            }
            return self.store.get(key, want).await;
        }
        let lookup = self.store.get(key, want).await?;
        if matches!(lookup.lead, Lead::Mine(_)) {
            until(|| !self.is(Trouble::AnswersWithTheLeadHang)).await;
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
        self.reach(key)?;
        if self.is(Trouble::WritesAreRefused) {
            return Err(Error::new(ErrorKind::Rejected, "store set"));
        }
        if self.is(Trouble::WritesHang) {
            std::future::pending::<()>().await;
        }
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
}

fn process(store: &Arc<Store>) -> Cache {
    process_on(Clock::system(), store)
}

fn process_on(clock: Clock, store: &Arc<Store>) -> Cache {
    let backend = Arc::clone(store) as Arc<dyn Backend>;
    Cache::builder().backend(backend).clock(clock).build()
}

fn key(id: u64) -> Key<u64> {
    FUNCTION.key(&id).unwrap()
}

async fn compute(cache: &Cache, id: u64, value: u64) -> u64 {
    let compute = || async move { Ok::<_, Error>(value) };
    cache.get_or_compute(&key(id), compute).await.unwrap()
}

async fn nothing_is_stored_until_it_is_over(trouble: Trouble) {
    let store = Troubled::store(trouble);
    store.trouble(true);
    let troubled = process(&store);
    assert_eq!(compute(&troubled, 1, 1).await, 1);
    assert!(troubled.set(&key(2), 1).await.is_err());
    let other = process(&store);
    assert_eq!(other.get(&key(1)).await.unwrap(), None);
    assert_eq!(other.get(&key(2)).await.unwrap(), None);

    store.trouble(false);
    let stored = stores_again(&troubled, &other).await;

    store.trouble(true);
    assert_eq!(compute(&process(&store), stored, 2).await, 1);
}

/// Calls `cache` until what it computes can be found by `other`; which entry that is. The list is
/// tried again after a second.
async fn stores_again(cache: &Cache, other: &Cache) -> u64 {
    let clock = Clock::system();
    let deadline_ms = clock.monotonic_ms() + 60_000;
    for id in 3.. {
        assert_eq!(compute(cache, id, 1).await, 1);
        if other.get(&key(id)).await.unwrap() == Some(1) {
            return id;
        }
        assert!(
            clock.monotonic_ms() < deadline_ms,
            "not stored after a minute"
        );
        tokio::task::yield_now().await;
    }
    unreachable!("the numbers do not end")
}

#[tokio::test]
async fn a_release_whose_list_is_away_reads_and_stores_nothing() {
    nothing_is_stored_until_it_is_over(Trouble::ListIsAway).await;
}

#[tokio::test]
async fn a_release_that_others_keep_out_of_the_list_reads_and_stores_nothing() {
    nothing_is_stored_until_it_is_over(Trouble::ListIsLedByOthers).await;
}

#[tokio::test]
async fn callers_of_one_process_register_its_release_once() {
    let store = Troubled::store(Trouble::ListIsAway);
    // In no time: the list is not tried again after a second.
    let cache = process_on(ManualClock::new().clock(), &store);
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

/// Whether `cache` computes long before it would without a lead that was not handed back, after a
/// minute.
async fn leads_soon(cache: &Cache) -> bool {
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, compute(cache, 1, 2))
        .await
        .is_ok()
}

#[tokio::test]
async fn a_lead_whose_write_failed_is_handed_back() {
    let store = Troubled::store(Trouble::WritesAreRefused);
    let (one, two) = (process(&store), process(&store));
    let key = key(1);
    let value = one.get_or_compute(&key, || async {
        store.trouble(true);
        Ok::<_, Error>(1)
    });
    assert_eq!(value.await.unwrap(), 1);
    store.trouble(false);
    assert!(leads_soon(&two).await);
}

#[tokio::test]
async fn a_lead_of_a_caller_that_is_dropped_while_it_writes_is_handed_back() {
    let store = Troubled::store(Trouble::WritesHang);
    let (one, two) = (process(&store), process(&store));
    compute(&one, 2, 2).await; // its release is in the list
    {
        let key = key(1);
        let mut caller = pin!(one.get_or_compute(&key, || async {
            store.trouble(true);
            Ok::<_, Error>(1)
        }));
        let polled = caller
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        assert!(store.is(Trouble::WritesHang));
    }
    store.trouble(false);
    assert!(leads_soon(&two).await);
}

#[test]
fn a_lead_is_handed_back_also_by_a_caller_that_is_dropped_outside_of_its_runtime() {
    let store = Troubled::store(Trouble::AnswersWithTheLeadHang);
    let (one, two) = (process(&store), process(&store));
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(compute(&one, 2, 2)); // its release is in the list
    store.trouble(true);
    let mut caller = Box::pin(compute(&one, 1, 1));
    runtime.block_on(async {
        let polled = caller
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
    });
    drop(caller);
    store.trouble(false);
    assert!(runtime.block_on(leads_soon(&two)));
}

#[tokio::test]
async fn a_lead_that_was_given_to_a_caller_dropped_before_the_answer_is_handed_back() {
    let store = Troubled::store(Trouble::AnswersWithTheLeadHang);
    let (one, two) = (process(&store), process(&store));
    compute(&one, 2, 2).await; // its release is in the list
    store.trouble(true);
    {
        let mut caller = pin!(compute(&one, 1, 1));
        let polled = caller
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
    }
    store.trouble(false);
    assert!(leads_soon(&two).await);
}
