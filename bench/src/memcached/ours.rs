//! Our own client, with all that it has by default.

use std::sync::Arc;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Ttl, Want};
use cachekit_core::key::StoreKey;
use cachekit_memcached::{Config, Memcached};

use crate::Failed;
use crate::memcached::caller::Caller;

/// One caller of a client that others call, too.
#[derive(Clone, Debug)]
pub(super) struct Ours(Arc<Memcached>);

impl Ours {
    /// A client of its own.
    pub(super) fn new(config: Config) -> Result<Self, Failed> {
        Ok(Self(Arc::new(Memcached::new(config)?)))
    }

    /// The value, if there is one.
    pub(super) async fn value(&self, key: &str) -> Result<Option<Bytes>, Failed> {
        let found = self.0.get(&StoreKey::new(key)?, Want::Value).await?.found;
        Ok(found.map(|found| found.value))
    }

    /// Whether it is gone for certain.
    pub(super) async fn delete(&self, key: &str) -> Result<(), Failed> {
        self.0.remove(&StoreKey::new(key)?).await?;
        Ok(())
    }
}

/// `count` callers of `clients` clients, each of which has one connection to a server.
pub(super) fn callers(
    servers: &[String],
    clients: usize,
    count: usize,
) -> Result<Vec<Ours>, Failed> {
    let clients: Vec<_> = (0..clients)
        .map(|_| Ours::new(Config::of_servers(servers)?))
        .collect::<Result<_, _>>()?;
    Ok(clients.into_iter().cycle().take(count).collect())
}

impl Caller for Ours {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        let value = self.value(key).await?;
        Ok(value.ok_or("a miss")?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<(), Failed> {
        let key = StoreKey::new(key)?;
        self.0
            .set(&key, value.clone(), Ttl::from_secs(3_600), None)
            .await?;
        Ok(())
    }

    async fn get_many(&mut self, keys: &[&str]) -> Result<usize, Failed> {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| StoreKey::new(*key))
            .collect::<Result<_, _>>()?;
        let mut length = 0;
        for lookup in self.0.get_many(&keys, Want::Value).await {
            length += lookup?.found.ok_or("a miss")?.value.len();
        }
        Ok(length)
    }
}
