//! Deleting items.

use cachekit_core::error::Result;

use super::Client;
use crate::error::Failure;
use crate::protocol::{Delete, Key, Request};

const DELETE: &str = "memcached delete";
const DELETE_MANY: &str = "memcached delete_many";

impl Client {
    /// Deletes an item. Whether there was one.
    ///
    /// It goes to the server of the key and, under [`Failover::Next`](crate::Failover::Next), to
    /// the one that stands in for it, where another process may have written. Where the first
    /// answer was lost it is sent again, and tells what the last attempt found.
    ///
    /// # Errors
    /// See [`Client`]. `Pending` if one of them did not get it: that server may come back with the
    /// item. It gets the deletion before this client uses it again, as long as this client lives;
    /// until then other processes may read the item. `Unavailable` if too many deletions wait
    /// already.
    pub async fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let keys = std::slice::from_ref(&key);
        let mut outcomes = self.delete_each(keys).await;
        outcomes
            .swap_remove(0)
            .map_err(|failure| failure.into_error(DELETE))
    }

    /// [`delete`](Self::delete) for many keys, all servers at the same time. Results are in the
    /// order of `keys`, each with its own error.
    pub async fn delete_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Vec<Result<bool>> {
        let result = |outcome: Result<bool, Failure>| {
            outcome.map_err(|failure| failure.into_error(DELETE_MANY))
        };
        self.delete_each(keys)
            .await
            .into_iter()
            .map(result)
            .collect()
    }

    async fn delete_each<K: AsRef<[u8]>>(&self, keys: &[K]) -> Vec<Result<bool, Failure>> {
        let wires = self.wires(keys);
        let valid: Vec<&Key<'_>> = wires.iter().flatten().collect();
        let places = keys.iter().zip(&wires).filter(|(_, wire)| wire.is_ok());
        let routes: Vec<_> = places.map(|(key, _)| self.route(key.as_ref())).collect();
        let request = |index: usize| delete(valid[index], None, false);
        let deadline = self.cluster.deadline();
        let outcomes = self
            .cluster
            .invalidate_many(&routes, deadline, request)
            .await;
        let mut outcomes = outcomes.into_iter();
        let outcome = |wire: &Result<Key<'_>, Failure>| match wire {
            Ok(_) => outcomes.next().expect("one for each valid key"),
            Err(failure) => Err(failure.clone()),
        };
        wires.iter().map(outcome).collect()
    }
}

/// The request that deletes the item of `key`, or only the one with the number `cas`; or marks it
/// as stale instead.
pub(crate) fn delete<'k>(key: &'k Key<'_>, cas: Option<u64>, stale: bool) -> Request<'k> {
    Request::Delete(Delete {
        key: key.borrowed(),
        cas,
        stale,
    })
}
