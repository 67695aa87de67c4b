//! A cache over a backend that needs tokio, used from an executor that is not tokio's.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Health, Lookup, Renewed, Stored, Token, Ttl, Want};
use cachekit_core::cache::{Cache, Function, Key};
use cachekit_core::clock::Clock;
use cachekit_core::error::{Error, ErrorKind, Result};
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::ReferenceBackend;
use tokio::runtime::Handle;

static USERS: Function = Function::new("tests::foreign_executor", "users");

/// A store that cannot be reached from outside of tokio.
#[derive(Debug)]
struct NeedsTokio(ReferenceBackend);

impl NeedsTokio {
    fn reach(&self) -> Result<&ReferenceBackend> {
        match Handle::try_current() {
            Ok(_) => Ok(&self.0),
            Err(_) => Err(Error::new(ErrorKind::Unsupported, "outside of tokio")),
        }
    }
}

#[async_trait]
impl Backend for NeedsTokio {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        self.reach()?.get(key, want).await
    }

    async fn set(&self, k: &StoreKey, v: Bytes, ttl: Ttl, lead: Option<&Token>) -> Result<Stored> {
        self.reach()?.set(k, v, ttl, lead).await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.reach()?.expire(key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.reach()?.remove(key).await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        self.reach()?.renew(key, lead, hold).await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.reach()?.release(key, lead).await
    }

    async fn health(&self) -> Health {
        self.0.health().await
    }
}

/// Runs `future` on this thread, without tokio.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let clock = Clock::system();
    let deadline_ms = clock.monotonic_ms() + 60_000;
    while clock.monotonic_ms() < deadline_ms {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
        thread::yield_now();
    }
    panic!("not done after a minute")
}

#[test]
fn what_is_computed_on_another_executor_is_stored() {
    let store: Arc<dyn Backend> = Arc::new(NeedsTokio(ReferenceBackend::new(Clock::system())));
    let process = || Cache::builder().backend(Arc::clone(&store)).build();
    let get = |cache: Cache, origin: &'static str| {
        let key: Key<String> = USERS.key(&1_u64).unwrap();
        let compute = || async move { Ok::<_, Error>(origin.to_owned()) };
        run(async { cache.get_or_compute(&key, compute).await.unwrap() })
    };
    assert_eq!(get(process(), "first"), "first");
    assert_eq!(get(process(), "second"), "first");
}
