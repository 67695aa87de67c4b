//! Mistakes that are made on purpose, to be found.

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Lead, Lookup, Stored, Token, Ttl, Want};
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::Alter;
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

#[async_trait]
impl Alter for Buggy {
    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let mut lookup = self.backend.get(key, want).await?;
        if self.bug == Some(Bug::NobodyWaits) && matches!(lookup.lead, Lead::Other) {
            lookup.lead = Lead::Unfenced(None);
        }
        Ok(lookup)
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
}
