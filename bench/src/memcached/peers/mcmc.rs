//! mcmc-rs: one server, one caller at a time; each caller has a connection of its own.

use bytes::Bytes;
use mcmc_rs::{Connection, StorageResult};

use super::TTL_SECONDS;
use crate::Failed;
use crate::memcached::caller::Caller;

/// The crate.
pub(crate) const NAME: &str = "mcmc-rs";

/// A caller.
pub(crate) struct Own(Connection);

/// `count` callers.
pub(crate) async fn own(server: &str, count: usize) -> Result<Vec<Own>, Failed> {
    let mut callers = Vec::new();
    for _ in 0..count {
        callers.push(Own(Connection::tcp_connect(server).await?));
    }
    Ok(callers)
}

impl Caller for Own {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        let item = self.0.get(key).await?;
        Ok(item.ok_or("a miss")?.data_block.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<(), Failed> {
        match self
            .0
            .set(key, 0, i64::from(TTL_SECONDS), false, value)
            .await?
        {
            StorageResult::Stored => Ok(()),
            _ => Err("not stored".into()),
        }
    }

    async fn get_many(&mut self, keys: &[&str]) -> Result<usize, Failed> {
        let items = self.0.get_multi(keys).await?;
        Ok(items.iter().map(|item| item.data_block.len()).sum())
    }
}
