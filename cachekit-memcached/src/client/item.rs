//! What is known about items.

use std::time::Duration;

use cachekit_core::error::Result;

use super::{Answered, Client, Target, unexpected};
use crate::error::Failure;
use crate::protocol::{Code, Get, Request};

const ITEM: &str = "memcached item";

/// What a server knows about an item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// The length of its value in bytes.
    pub size: usize,
    /// Client flags.
    pub flags: u32,
    /// See [`Value::cas`](crate::Value::cas).
    pub cas: u64,
    /// How long it lives yet, in whole seconds by the clock of the server; `None`: until the server
    /// needs the memory.
    pub left: Option<Duration>,
    /// Whether someone marked it as out of date (`md … I`), as a cache over these servers marks what
    /// is to be computed again.
    pub stale: bool,
    /// Whether someone was given the right to compute what is to replace it.
    pub led: bool,
}

impl Client {
    /// What is known about an item; `None` if there is none. Its value is not sent, its time to
    /// live stays, and the right to compute is taken from nobody.
    ///
    /// # Errors
    /// See [`Client`]. `Unsupported` where a server has only the classic commands: they tell no
    /// times.
    pub async fn item(&self, key: impl AsRef<[u8]>) -> Result<Option<Item>> {
        let item = self.metadata(key.as_ref()).await;
        item.map_err(|failure| failure.into_error(ITEM))
    }

    async fn metadata(&self, key: &[u8]) -> Result<Option<Item>, Failure> {
        let wire = self.cluster.keys.wire(key)?;
        let request = |_: Target<'_>| {
            Ok(Request::Get(Get {
                key: wire.borrowed(),
                value: false,
                left: true,
                vivify: None,
                touch: None,
            }))
        };
        let deadline = self.cluster.deadline();
        let route = self.route(key);
        let answered = match self.cluster.call(&route, deadline, request).await {
            Ok(answered) => answered,
            Err(failure) => return self.missed(failure),
        };
        let mut item = item(&answered)?;
        if answered.leads_over_stale()
            && let Some(item) = &mut item
        {
            // Handing back the right to compute gives the item another CAS number.
            let value = self.value(key, answered, deadline).await?;
            item.cas = value.map_or(0, |value| value.cas);
        }
        Ok(item)
    }
}

fn item(answered: &Answered) -> Result<Option<Item>, Failure> {
    let meta = answered.meta().ok_or_else(unexpected)?;
    match (meta.code, meta.size) {
        (Code::Miss, _) => Ok(None),
        (Code::Done, _) if meta.is_stub() => Ok(None),
        (Code::Done, Some(size)) => Ok(Some(Item {
            size,
            flags: meta.client_flags.unwrap_or(0),
            cas: meta.cas.unwrap_or(0),
            left: meta
                .left
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(Duration::from_secs),
            stale: meta.stale,
            led: meta.taken,
        })),
        _ => Err(unexpected()),
    }
}
