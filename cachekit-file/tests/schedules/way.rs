//! The way of one process to the directory: calls take time, wait while the process is stopped, and
//! never end once it was killed.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Health, Lookup, Renewed, Stored, Token, Ttl, Want};
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::schedules::Chance;
use cachekit_file::FileBackend;
use tokio::time::sleep;

use crate::clock::Hands;

#[derive(Debug)]
pub(crate) struct Way {
    hands: Hands,
    /// What a call takes at most before it is made, and after that.
    latest: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    chance: Chance,
    /// `None`: the process was killed.
    backend: Option<Arc<FileBackend>>,
    stopped_until: u64,
}

impl Way {
    pub(crate) fn new(backend: FileBackend, hands: Hands, latest: Duration, seed: u64) -> Self {
        Self {
            hands,
            latest,
            state: Mutex::new(State {
                chance: Chance::new(seed),
                backend: Some(Arc::new(backend)),
                stopped_until: 0,
            }),
        }
    }

    /// No call of the process is made any more, and none comes to its end. Its locks last as long as
    /// what this gives back.
    pub(crate) fn kill(&self) -> Option<Arc<FileBackend>> {
        self.state().backend.take()
    }

    /// Removes all entries, at once.
    pub(crate) fn clear(&self) {
        self.hands.set();
        let backend = self.state().backend.clone();
        backend.expect("it is alive").clear().expect("it clears");
    }

    /// Calls wait for as long.
    pub(crate) fn stop(&self, lasts: Duration) {
        let lasts = u64::try_from(lasts.as_nanos()).expect("not for long");
        self.state().stopped_until = self.hands.nanos() + lasts;
    }

    /// On its way to what makes the call.
    async fn arrive(&self) -> Arc<FileBackend> {
        let backend = self.travel().await;
        self.hands.set();
        backend
    }

    /// On its way back.
    async fn leave<T>(&self, answer: T) -> T {
        self.travel().await;
        answer
    }

    async fn travel(&self) -> Arc<FileBackend> {
        let takes = self.state().chance.duration(self.latest);
        sleep(takes).await;
        loop {
            let now = self.hands.nanos();
            let stopped_until = self.state().stopped_until;
            if stopped_until <= now {
                break;
            }
            sleep(Duration::from_nanos(stopped_until - now)).await;
        }
        let alive = self.state().backend.clone();
        match alive {
            Some(backend) => backend,
            None => std::future::pending().await,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes of `call` on a thread that no runtime knows of: there it is done at once.
fn apart<T: Send>(call: impl Future<Output = T> + Send) -> T {
    let done = move || match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a call that waits outside of a runtime"),
    };
    thread::scope(|scope| scope.spawn(done).join()).expect("no panic")
}

#[async_trait]
impl Backend for Way {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let lookup = apart(self.arrive().await.get(key, want));
        self.leave(lookup).await
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        let stored = apart(self.arrive().await.set(key, value, ttl, lead));
        self.leave(stored).await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        let done = apart(self.arrive().await.expire(key));
        self.leave(done).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        let done = apart(self.arrive().await.remove(key));
        self.leave(done).await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        let renewed = apart(self.arrive().await.renew(key, lead, hold));
        self.leave(renewed).await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        let done = apart(self.arrive().await.release(key, lead));
        self.leave(done).await
    }

    async fn health(&self) -> Health {
        let health = apart(self.arrive().await.health());
        self.leave(health).await
    }
}
