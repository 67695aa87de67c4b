//! Saying that an entry is no longer true: here at once, and in the store for every release.

use std::sync::Arc;

use crate::cache::form::Form;
use crate::cache::function::Key;
use crate::cache::{Inner, releases, remote};
use crate::error::Result;

/// How an entry ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Invalidation {
    Expire,
    Remove,
}

impl Invalidation {
    /// Ends the entry of `key`.
    pub(crate) async fn of<V, F: Form<V>>(self, inner: Arc<Inner>, key: Key<V, F>) -> Result<()> {
        inner.invalidate_here(key.bytes());
        let Some((backend, store_key, _)) = remote::place(&inner, &key) else {
            return Ok(());
        };
        let head = key.function().head(&inner.config.namespace);
        let (keys, listed) = releases::all(backend, &head, store_key).await;
        let outcomes = match self {
            Self::Expire => backend.expire_many(&keys).await,
            Self::Remove => backend.remove_many(&keys).await,
        };
        // Once more: a reader of this process may have found the old entry in the meantime.
        inner.invalidate_here(key.bytes());
        let outcome = outcomes.into_iter().chain([listed]).collect::<Result<()>>();
        outcome.inspect_err(|error| inner.backend_failed(error))
    }
}
