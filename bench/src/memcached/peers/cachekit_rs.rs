//! cachekit-rs: the backend alone, one server, memcache 0.19 on tokio's threads for blocking work.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cachekit_rs::backend::Backend as _;
use cachekit_rs::backend::memcached::MemcachedBackend;

use super::{POOL, TTL_SECONDS};
use crate::Failed;
use crate::memcached::caller::Caller;

/// The crate.
pub(crate) const NAME: &str = "cachekit-rs";

/// A caller.
#[derive(Clone)]
pub(crate) struct Shared(Arc<MemcachedBackend>);

/// `count` callers of one backend.
pub(crate) async fn shared(server: &str, count: usize) -> Result<Vec<Shared>, Failed> {
    let builder = MemcachedBackend::builder().url(server);
    let backend = builder.pool_size(u32::try_from(POOL)?).connect().await?;
    Ok(vec![Shared(Arc::new(backend)); count])
}

impl Caller for Shared {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        Ok(self.0.get(key).await?.ok_or("a miss")?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<(), Failed> {
        let ttl = Duration::from_secs(u64::from(TTL_SECONDS));
        Ok(self.0.set(key, value.to_vec(), Some(ttl)).await?)
    }
}
