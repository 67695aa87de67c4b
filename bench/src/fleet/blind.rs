//! A store whose writes are not fenced: what the checker has to notice.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit::Result;
use cachekit::StoreKey;
use cachekit::backend::{Backend, Stored, Token, Ttl};
use cachekit_core::testkit::Alter;

/// Leads are given as ever; a result is stored whatever has happened since.
#[derive(Debug)]
pub(super) struct Blind(pub(super) Arc<dyn Backend>);

#[async_trait]
impl Alter for Blind {
    fn backend(&self) -> &dyn Backend {
        &*self.0
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        _lead: Option<&Token>,
    ) -> Result<Stored> {
        self.0.set(key, value, ttl, None).await
    }
}
