//! memcache: its asynchronous client and its two blocking ones, all with a pool of their own.

use std::sync::Arc;

use bytes::Bytes;
use memcache::Client;
use memcache::exp::{AsyncMemcache, Memcache, Ttl};

use super::{POOL, TTL_SECONDS};
use crate::Failed;
use crate::memcached::caller::Caller;

/// The crate.
pub(crate) const NAME: &str = "memcache";

/// A caller of `exp::AsyncMemcache`.
#[derive(Clone)]
pub(crate) struct Async(Arc<AsyncMemcache>);

/// A caller of `exp::Memcache`, which blocks.
#[derive(Clone)]
pub(crate) struct Blocking(Arc<Memcache>);

/// A caller of `Client`, which blocks, and asks a connection for its version before each use.
#[derive(Clone)]
pub(crate) struct R2d2(Client);

/// `count` callers of one client.
pub(crate) async fn asynchronous(servers: &[String], count: usize) -> Result<Vec<Async>, Failed> {
    let builder = AsyncMemcache::builder()
        .max_connections(POOL)
        .max_idle(POOL);
    let client = Async(Arc::new(builder.connect_async(servers).await?));
    Ok(vec![client; count])
}

/// `count` callers of one client.
pub(crate) fn blocking(servers: &[String], count: usize) -> Result<Vec<Blocking>, Failed> {
    let builder = Memcache::builder().max_connections(POOL).max_idle(POOL);
    let client = Blocking(Arc::new(builder.connect(servers)?));
    Ok(vec![client; count])
}

/// `count` callers of one client.
pub(crate) fn r2d2(servers: &[String], count: usize) -> Result<Vec<R2d2>, Failed> {
    let mut builder = Client::builder();
    for server in servers {
        builder = builder.add_server(format!("memcache://{server}?protocol=ascii"))?;
    }
    let pool = u32::try_from(POOL.min(count))?;
    let client = R2d2(builder.with_max_pool_size(pool).build()?);
    Ok(vec![client; count])
}

impl Caller for Async {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        let value: Option<Vec<u8>> = self.0.get(key).await?;
        Ok(value.ok_or("a miss")?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<(), Failed> {
        Ok(self.0.set(key, &value[..], Ttl::secs(TTL_SECONDS)).await?)
    }

    async fn get_many(&mut self, keys: &[&str]) -> Result<usize, Failed> {
        let values = self.0.get_many::<Vec<u8>, _>(keys.iter().copied()).await?;
        Ok(values.values().map(Vec::len).sum())
    }
}

impl Caller for Blocking {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        let value: Option<Vec<u8>> = self.0.get(key)?;
        Ok(value.ok_or("a miss")?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<(), Failed> {
        Ok(self.0.set(key, &value[..], Ttl::secs(TTL_SECONDS))?)
    }

    async fn get_many(&mut self, keys: &[&str]) -> Result<usize, Failed> {
        let values = self.0.get_many::<Vec<u8>, _>(keys.iter().copied())?;
        Ok(values.values().map(Vec::len).sum())
    }
}

impl Caller for R2d2 {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        let value: Option<Vec<u8>> = self.0.get(key)?;
        Ok(value.ok_or("a miss")?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<(), Failed> {
        Ok(self.0.set(key, &value[..], TTL_SECONDS)?)
    }

    async fn get_many(&mut self, keys: &[&str]) -> Result<usize, Failed> {
        let values = self.0.gets::<Vec<u8>>(keys)?;
        Ok(values.values().map(Vec::len).sum())
    }
}
