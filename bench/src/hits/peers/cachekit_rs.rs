//! The macro of `cachekit-rs`, which has the async form only. Its values are encoded in L1 as
//! well; the backend behind it, which no hit reaches, is a map.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cachekit_rs as cachekit; // the macro's output says `cachekit`
use cachekit_rs::backend::{Backend, HealthStatus};
use cachekit_rs::{BackendError, CacheKit, CachekitError};

use crate::hits::contender::{Case, Contender, Role, async_numbers, async_pairs};
use crate::hits::keys::{CAPACITY, origin};
use crate::versions;

static CLIENT: LazyLock<CacheKit> = LazyLock::new(|| {
    let builder = CacheKit::builder().backend(std::sync::Arc::new(Map::default()));
    let client = builder.l1_capacity(2 * CAPACITY).build();
    client.expect("a backend is all that it needs")
});

#[cachekit::cachekit(client = client, ttl = 600, interop = "number", namespace = "bench")]
async fn number(client: &CacheKit, n: u64) -> Result<u64, CachekitError> {
    Ok(origin(n))
}

#[cachekit::cachekit(client = client, ttl = 600, interop = "pair", namespace = "bench")]
async fn pair(client: &CacheKit, text: &str, n: u32) -> Result<u64, CachekitError> {
    let _ = text;
    Ok(origin(u64::from(n)))
}

pub(super) fn contenders(case: Case) -> Vec<Contender> {
    let who = versions::named("cachekit-rs");
    let role = Role::CachekitRs;
    match case {
        Case::AsyncNumber => {
            let call = async |n| number(&CLIENT, n).await;
            vec![Contender::new(role, who, async_numbers(call))]
        }
        Case::AsyncPair => {
            let call = async |text: &str, n| pair(&CLIENT, text, n).await;
            vec![Contender::new(role, who, async_pairs(call))]
        }
        Case::Number | Case::Shared | Case::Pair => Vec::new(),
    }
}

#[derive(Default)]
struct Map(Mutex<HashMap<String, Vec<u8>>>);

impl Map {
    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for Map {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.entries().get(key).cloned())
    }

    async fn set(
        &self,
        key: &str,
        value: Vec<u8>,
        _ttl: Option<Duration>,
    ) -> Result<(), BackendError> {
        self.entries().insert(key.to_owned(), value);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        Ok(self.entries().remove(key).is_some())
    }

    async fn exists(&self, key: &str) -> Result<bool, BackendError> {
        Ok(self.entries().contains_key(key))
    }

    async fn health(&self) -> Result<HealthStatus, BackendError> {
        Ok(HealthStatus {
            is_healthy: true,
            latency_ms: 0.0,
            backend_type: "map".to_owned(),
            details: HashMap::new(),
        })
    }
}
