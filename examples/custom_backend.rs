//! A backend of one's own: the smallest that keeps the contract, run through the suite that the
//! backends of this workspace run through, and put under a cached function.
//!
//! ```text
//! cargo run --example custom_backend --features testkit
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit::backend::{
    Backend, Found, Health, Lead, Lookup, NodeState, Renewed, Stored, Token, Ttl, Want,
};
use cachekit::clock::Clock;
use cachekit::testkit::ManualClock;
use cachekit::testkit::conformance::Suite;
use cachekit::{Cache, Result, StoreKey, cached};

/// A map. It cannot lead, and says so: everybody may compute, and the last write stands.
#[derive(Debug)]
struct Map {
    clock: Clock,
    entries: Mutex<HashMap<StoreKey, (Bytes, u64)>>,
}

impl Map {
    fn new(clock: Clock) -> Self {
        Self {
            clock,
            entries: Mutex::default(),
        }
    }

    fn with_entries<R>(&self, work: impl FnOnce(&mut HashMap<StoreKey, (Bytes, u64)>) -> R) -> R {
        work(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Backend for Map {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let now_ms = self.clock.monotonic_ms();
        let found = self.with_entries(|entries| {
            let (value, gone_ms) = entries.get(key)?;
            let left = Duration::from_millis(gone_ms.checked_sub(now_ms).filter(|ms| *ms > 0)?);
            Some(Found {
                value: value.clone(),
                left: Some(left),
                stale: false,
            })
        });
        let lead = match (&found, want) {
            (Some(found), Want::Lead { early, .. }) if found.lasts(early) => Lead::None,
            (_, Want::Lead { .. }) => Lead::Unfenced(None),
            (_, Want::Value) => Lead::None,
        };
        Ok(Lookup::new(found, lead))
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        _: Option<&Token>,
    ) -> Result<Stored> {
        let gone_ms = self
            .clock
            .monotonic_ms()
            .saturating_add(ttl.as_millis_rounded_up());
        self.with_entries(|entries| entries.insert(key.clone(), (value, gone_ms)));
        Ok(Stored::Stored)
    }

    /// This store has no notion of an entry that is stale: it removes.
    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.remove(key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.with_entries(|entries| entries.remove(key));
        Ok(())
    }

    async fn renew(&self, _: &StoreKey, _: &Token, _: Ttl) -> Result<Renewed> {
        Ok(Renewed::Lost)
    }

    async fn release(&self, _: &StoreKey, _: &Token) -> Result<()> {
        Ok(())
    }

    async fn health(&self) -> Health {
        Health::single("map", NodeState::Up, "")
    }
}

#[cached(ttl = "1m")]
async fn square(n: u64) -> u64 {
    println!("computing the square of {n}");
    n * n
}

#[tokio::main]
async fn main() {
    let time = ManualClock::new();
    let suite = Suite::new(Arc::new(Map::new(time.clock())))
        .by_hand(time)
        .unfenced();
    let report = suite.run().await;
    println!("{report}");
    report.assert_passed();

    let cache = Cache::builder()
        .backend(Arc::new(Map::new(Clock::system())))
        .build();
    cachekit::install(cache).expect("nothing has used the cache yet");
    assert_eq!(square(7).await, square(7).await);
}
