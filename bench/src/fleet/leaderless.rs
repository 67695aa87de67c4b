//! A store in which nobody leads: what stampedes are.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit::Result;
use cachekit::StoreKey;
use cachekit::backend::{Backend, Health, Lead, Lookup, Renewed, Stored, Token, Ttl, Want};

/// Whoever finds nothing fresh may compute, and store.
#[derive(Debug)]
pub(super) struct Leaderless(pub(super) Arc<dyn Backend>);

#[async_trait]
impl Backend for Leaderless {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let lookup = self.0.get(key, Want::Value).await?;
        let lasts = match want {
            Want::Value => true,
            Want::Lead { early, .. } => lookup
                .found
                .as_ref()
                .is_some_and(|found| found.lasts(early)),
        };
        let lead = if lasts {
            Lead::None
        } else {
            Lead::Unfenced(None)
        };
        Ok(Lookup { lead, ..lookup })
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        self.0.set(key, value, ttl, lead).await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.0.expire(key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.0.remove(key).await
    }

    async fn renew(&self, _key: &StoreKey, _lead: &Token, _hold: Ttl) -> Result<Renewed> {
        Ok(Renewed::Lost)
    }

    async fn release(&self, _key: &StoreKey, _lead: &Token) -> Result<()> {
        Ok(())
    }

    async fn health(&self) -> Health {
        self.0.health().await
    }
}
