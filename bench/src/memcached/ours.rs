//! Our own client, with all that it has by default.

use bytes::Bytes;
use cachekit_memcached::{Client, Config, Ttl};

use crate::Failed;
use crate::memcached::caller::Caller;

/// How long what is set lives.
const TTL: Ttl = Ttl::from_secs(3_600);

/// A client with connections of its own.
pub(super) fn client(servers: &[String]) -> Result<Client, Failed> {
    Ok(Client::new(Config::of_servers(servers)?)?)
}

/// `count` callers of `clients` clients, each of which has connections of its own.
pub(super) async fn callers(
    servers: &[String],
    clients: usize,
    count: usize,
) -> Result<Vec<Client>, Failed> {
    let clients: Vec<_> = (0..clients)
        .map(|_| client(servers))
        .collect::<Result<_, _>>()?;
    Ok(clients.into_iter().cycle().take(count).collect())
}

impl Caller for Client {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        let value = Self::get(self, key).await?;
        Ok(value.ok_or("a miss")?.data.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<(), Failed> {
        Ok(Self::set(self, key, value.clone(), TTL).await?)
    }

    async fn get_many(&mut self, keys: &[&str]) -> Result<usize, Failed> {
        let mut length = 0;
        for value in Self::get_many(self, keys).await {
            length += value?.ok_or("a miss")?.data.len();
        }
        Ok(length)
    }
}
