//! A lead that is not used is handed back, whatever became of who had it: the next caller gets it
//! soon, and need not wait until it ends by itself.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Health, Lead, Lookup, Renewed, Stored, Token, Ttl, Want};
use cachekit_core::cache::{Cache, Function, Key};
use cachekit_core::clock::Clock;
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::ReferenceBackend;
use cachekit_core::{Error, ErrorKind};

static FUNCTION: Function = Function::new("tests::leads", "function");

/// What the store does once it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    RefusesWrites,
    HangsBeforeWriting,
    HangsAfterGivingTheLead,
}

#[derive(Debug)]
struct Store {
    store: ReferenceBackend,
    trouble: Trouble,
    troubled: AtomicBool,
}

impl Store {
    fn is(&self, trouble: Trouble) -> bool {
        self.trouble == trouble && self.troubled.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Backend for Store {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let lookup = self.store.get(key, want).await?;
        let leads = matches!(lookup.lead, Lead::Mine(_));
        if leads
            && !key.as_str().ends_with(":releases")
            && self.is(Trouble::HangsAfterGivingTheLead)
        {
            yield_until(|| !self.troubled.load(Ordering::SeqCst)).await;
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
        if self.is(Trouble::RefusesWrites) {
            return Err(Error::new(ErrorKind::Rejected, "store set"));
        }
        if self.is(Trouble::HangsBeforeWriting) {
            std::future::pending::<()>().await;
        }
        self.store.set(key, value, ttl, lead).await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.store.expire(key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
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

async fn yield_until(done: impl Fn() -> bool) {
    let clock = Clock::system();
    let deadline_ms = clock.monotonic_ms() + 10_000;
    while !done() {
        assert!(
            clock.monotonic_ms() < deadline_ms,
            "not done after ten seconds"
        );
        tokio::task::yield_now().await;
    }
}

fn fleet(trouble: Trouble) -> (Arc<Store>, Cache, Cache) {
    let clock = Clock::system();
    let store = Arc::new(Store {
        store: ReferenceBackend::new(clock.clone()),
        trouble,
        troubled: AtomicBool::new(false),
    });
    let process = || {
        Cache::builder()
            .backend(Arc::clone(&store) as Arc<dyn Backend>)
            .clock(clock.clone())
            .build()
    };
    let (one, two) = (process(), process());
    (store, one, two)
}

fn key() -> Key<u64> {
    FUNCTION.key(&1_u64).unwrap()
}

async fn compute(cache: &Cache, value: u64) -> u64 {
    let compute = || async move { Ok::<_, Error>(value) };
    cache.get_or_compute(&key(), compute).await.unwrap()
}

/// Whether `cache` computes long before a lead that was not handed back ends, after ten seconds.
async fn leads_soon(cache: &Cache) -> bool {
    let patience = Duration::from_secs(5);
    tokio::time::timeout(patience, compute(cache, 2))
        .await
        .is_ok()
}

#[tokio::test]
async fn a_lead_whose_write_failed_is_handed_back() {
    let (store, one, two) = fleet(Trouble::RefusesWrites);
    let key = key();
    let value = one.get_or_compute(&key, || async {
        store.troubled.store(true, Ordering::SeqCst);
        Ok::<_, Error>(1)
    });
    assert_eq!(value.await.unwrap(), 1);
    store.troubled.store(false, Ordering::SeqCst);
    assert!(leads_soon(&two).await);
}

#[tokio::test]
async fn a_lead_of_a_caller_that_is_dropped_while_it_writes_is_handed_back() {
    let (store, one, two) = fleet(Trouble::HangsBeforeWriting);
    {
        let key = key();
        let mut caller = pin!(one.get_or_compute(&key, || async {
            store.troubled.store(true, Ordering::SeqCst);
            Ok::<_, Error>(1)
        }));
        let polled = caller
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        assert!(store.troubled.load(Ordering::SeqCst));
    }
    store.troubled.store(false, Ordering::SeqCst);
    assert!(leads_soon(&two).await);
}

#[tokio::test]
async fn a_lead_that_was_given_to_a_caller_dropped_before_the_answer_is_handed_back() {
    let (store, one, two) = fleet(Trouble::HangsAfterGivingTheLead);
    store.troubled.store(true, Ordering::SeqCst);
    {
        let mut caller = pin!(compute(&one, 1));
        let polled = caller
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
    }
    store.troubled.store(false, Ordering::SeqCst);
    assert!(leads_soon(&two).await);
}
