//! Mistakes that are made on purpose, to be found.

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Health, Lead, Lookup, Renewed, Stored, Token, Ttl, Want};
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;
use cachekit_memcached::Memcached;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A computation writes its result whatever happened since it began.
    BlindFill,
    /// A reader that another leads before computes beside it.
    NobodyWaits,
}

/// The backend, with a mistake in it or none.
#[derive(Debug)]
pub(crate) struct Buggy {
    pub(crate) backend: Memcached,
    pub(crate) bug: Option<Bug>,
}

impl Buggy {
    fn told(&self, mut lookup: Lookup) -> Lookup {
        if self.bug == Some(Bug::NobodyWaits) && matches!(lookup.lead, Lead::Other) {
            lookup.lead = Lead::Unfenced(None);
        }
        lookup
    }
}

#[async_trait]
impl Backend for Buggy {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let lookup = self.backend.get(key, want).await;
        lookup.map(|lookup| self.told(lookup))
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        let lead = lead.filter(|_| self.bug != Some(Bug::BlindFill));
        self.backend.set(key, value, ttl, lead).await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.backend.expire(key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.backend.remove(key).await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        self.backend.renew(key, lead, hold).await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.backend.release(key, lead).await
    }

    async fn health(&self) -> Health {
        self.backend.health().await
    }
}
