//! Where an entry lies in the backend: its key there, for as long as its namespace has one token.

use std::sync::Arc;

use crate::backend::Backend;
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::form::{Form, Release};
use crate::error::Result;
use crate::key::StoreKey;

/// Where the entry of a key lies.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) backend: &'a Arc<dyn Backend>,
    pub(crate) key: StoreKey,
    pub(crate) release: Release,
    /// The token of its namespace.
    pub(crate) token: Option<u64>,
    /// Until when L1 may keep it at most, monotonic.
    pub(crate) l1_until_ms: u64,
}

impl<'a> Place<'a> {
    /// Where the entry of `key` lies; `None` for what stays in this process.
    ///
    /// # Errors
    /// Those of the backend: nobody knows where it lies.
    pub(crate) async fn of<V, F: Form<V>>(
        inner: &'a Arc<Inner>,
        key: &Key<V, F>,
    ) -> Result<Option<Self>> {
        let Some(backend) = &inner.backend else {
            return Ok(None);
        };
        let standing = inner.namespaces.standing(inner, key.function()).await?;
        let token = standing.map(|standing| standing.token);
        let place = key.store_key(&inner.config.namespace, token);
        Ok(place.map(|(key, release)| Self {
            backend,
            key,
            release,
            token,
            l1_until_ms: standing.map_or(u64::MAX, |standing| standing.until_ms),
        }))
    }
}
