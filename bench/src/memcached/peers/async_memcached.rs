//! async-memcached: one server, one caller at a time.

use async_memcached::{AsciiProtocol as _, Client, Value};
use bytes::Bytes;

use super::pool::Pool;
use super::{POOL, TTL_SECONDS};
use crate::Failed;
use crate::memcached::caller::Caller;

/// The crate.
pub(crate) const NAME: &str = "async-memcached";

/// A caller with a connection of its own.
pub(crate) struct Own(Client);

/// A caller that shares [`POOL`] connections with others.
pub(crate) struct Pooled(Pool<Client>);

/// `count` callers with as many connections.
pub(crate) async fn own(server: &str, count: usize) -> Result<Vec<Own>, Failed> {
    Ok(connect(server, count).await?.into_iter().map(Own).collect())
}

/// `count` callers of a pool.
pub(crate) async fn pooled(server: &str, count: usize) -> Result<Vec<Pooled>, Failed> {
    let pool = Pool::new(connect(server, POOL.min(count)).await?);
    Ok((0..count).map(|_| Pooled(pool.clone())).collect())
}

async fn connect(server: &str, count: usize) -> Result<Vec<Client>, Failed> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Client::new(format!("tcp://{server}")).await?);
    }
    Ok(clients)
}

impl Caller for Own {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        length(self.0.get(key).await?.as_ref())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<(), Failed> {
        Ok(self
            .0
            .set(key, &value[..], Some(i64::from(TTL_SECONDS)), None)
            .await?)
    }

    async fn get_many(&mut self, keys: &[&str]) -> Result<usize, Failed> {
        let values = self.0.get_multi(keys).await?;
        values.iter().map(|value| length(Some(value))).sum()
    }
}

impl Caller for Pooled {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        length(self.0.take().await?.get(key).await?.as_ref())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<(), Failed> {
        let mut client = self.0.take().await?;
        Ok(client
            .set(key, &value[..], Some(i64::from(TTL_SECONDS)), None)
            .await?)
    }

    async fn get_many(&mut self, keys: &[&str]) -> Result<usize, Failed> {
        let values = self.0.take().await?.get_multi(keys).await?;
        values.iter().map(|value| length(Some(value))).sum()
    }
}

fn length(value: Option<&Value>) -> Result<usize, Failed> {
    let data = value.and_then(|value| value.data.as_ref());
    Ok(data.ok_or("a miss")?.len())
}
