//! Reading items.

use bytes::Bytes;
use cachekit_core::error::{ErrorKind, Result};
use tokio::time::Instant;

use super::{Answered, Client, Target, unexpected};
use crate::config::Failover;
use crate::error::Failure;
use crate::protocol::{Code, Get, Key, Request};

const GET: &str = "memcached get";
const GET_MANY: &str = "memcached get_many";

/// What lies under a key.
///
/// An item that was marked as out of date (`md … I`), as a cache over these servers marks what is to
/// be computed again, is read like every other, as clients of other languages read it;
/// [`Client::item`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Value {
    /// The bytes.
    pub data: Bytes,
    /// Client flags: what clients of other languages use for the type of the bytes.
    pub flags: u32,
    /// The number that [`Client::cas`] takes: another one after each write of the item. Zero on a
    /// server that counts none (`-C`), where no `cas` ever succeeds.
    pub cas: u64,
}

impl Client {
    /// Reads one item; `None` if there is none.
    ///
    /// An item that a cache over the same servers left empty, to hold the place of what is being
    /// computed, counts as none. The right to compute is taken from nobody.
    ///
    /// # Errors
    /// See [`Client`]: `Unavailable`, `Timeout`, `Overloaded`, `InvalidKey`, `Protocol`.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> {
        let key = key.as_ref();
        let value = self.read(key, self.cluster.deadline()).await;
        value.map_err(|failure| failure.into_error(GET))
    }

    async fn read(&self, key: &[u8], deadline: Instant) -> Result<Option<Value>, Failure> {
        let wire = self.cluster.keys.wire(key)?;
        let request = |_: Target<'_>| Ok(read(&wire));
        match self.cluster.call(&self.route(key), deadline, request).await {
            Ok(answered) if answered.leads_over_stale() => {
                // Boxed, because it is rare: the future of every read would have room for it.
                Box::pin(self.value(key, answered, deadline)).await
            }
            Ok(answered) => value(answered),
            Err(failure) => self.missed(failure),
        }
    }

    /// [`get`](Self::get) for many keys, all servers at the same time. Results are in the order of
    /// `keys`, each with its own error: a server that is away fails its own keys and no other.
    ///
    /// Values of up to 1 KiB share memory, 4 KiB at most: who keeps one of them for long may want to
    /// copy it.
    pub async fn get_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Vec<Result<Option<Value>>> {
        let outcomes = self.read_many(keys, self.cluster.deadline()).await;
        let result = |outcome: Result<Option<Value>, Failure>| {
            outcome.map_err(|failure| failure.into_error(GET_MANY))
        };
        outcomes.into_iter().map(result).collect()
    }

    /// Reads each key by itself.
    pub(super) async fn read_each<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        deadline: Instant,
    ) -> Vec<Result<Option<Value>, Failure>> {
        let wires = self.wires(keys);
        let routes = self.routes(keys);
        let request =
            |index: usize, _: Target<'_>| wires[index].as_ref().map(read).map_err(Failure::clone);
        let outcomes = self.cluster.call_many(&routes, deadline, request).await;
        let found = |outcome| match outcome {
            Ok(answered) => value(answered),
            Err(failure) => self.missed(failure),
        };
        outcomes.into_iter().map(found).collect()
    }

    /// What was read under `key`. A right to compute that came with it is handed back, and the item
    /// has another CAS number then: it is read again, in the form that is given nothing.
    pub(super) async fn value(
        &self,
        key: &[u8],
        answered: Answered,
        deadline: Instant,
    ) -> Result<Option<Value>, Failure> {
        if answered.leads_over_stale() {
            drop(answered);
            let key = std::slice::from_ref(&key);
            return self.read_many(key, deadline).await.swap_remove(0);
        }
        value(answered)
    }

    /// What a read that failed comes to, under the policy for a node that is away.
    pub(super) fn missed<T>(&self, failure: Failure) -> Result<Option<T>, Failure> {
        let away = failure.kind == ErrorKind::Unavailable;
        if away && self.cluster.failover == Failover::Miss {
            return Ok(None);
        }
        Err(failure)
    }
}

fn read<'k>(key: &'k Key<'_>) -> Request<'k> {
    Request::Get(Get {
        key: key.borrowed(),
        value: true,
        left: false,
        vivify: None,
        touch: None,
    })
}

/// A right to compute that the server gave with it is handed back.
fn value(mut answered: Answered) -> Result<Option<Value>, Failure> {
    let meta = answered.meta().ok_or_else(unexpected)?;
    match meta.code {
        Code::Miss => return Ok(None),
        Code::Value if meta.is_stub() => return Ok(None),
        Code::Value => {}
        _ => return Err(unexpected()),
    }
    let flags = meta.client_flags.unwrap_or(0);
    let cas = meta.cas.unwrap_or(0);
    let data = answered.answer.take_value().ok_or_else(unexpected)?;
    Ok(Some(Value { data, flags, cas }))
}
