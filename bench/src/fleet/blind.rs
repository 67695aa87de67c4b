//! A store whose writes are not fenced: what the checker has to notice.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit::Result;
use cachekit::StoreKey;
use cachekit::backend::{Backend, Health, Lookup, Renewed, Stored, Token, Ttl, Want};

/// Leads are given as ever; a result is stored whatever has happened since.
#[derive(Debug)]
pub(super) struct Blind(pub(super) Arc<dyn Backend>);

#[async_trait]
impl Backend for Blind {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        self.0.get(key, want).await
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

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.0.expire(key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.0.remove(key).await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        self.0.renew(key, lead, hold).await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.0.release(key, lead).await
    }

    async fn health(&self) -> Health {
        self.0.health().await
    }
}
