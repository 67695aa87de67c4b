//! Mistakes that are made on purpose, to be found.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::backend::{Backend, Lead, Lookup, Stored, Token, Ttl, Want};
use crate::error::Result;
use crate::key::StoreKey;
use crate::testkit::Alter;

/// A mistake of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A computation writes its result whatever happened since it began.
    BlindFill,
    /// A reader that another leads before computes beside it.
    NobodyWaits,
    /// Nobody takes the place of a leader that died.
    NobodyFollows,
}

/// A backend with a mistake in it, or none.
#[derive(Debug)]
pub(super) struct Buggy {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) bug: Option<Bug>,
}

#[async_trait]
impl Alter for Buggy {
    fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let mut lookup = self.backend.get(key, want).await?;
        match self.bug {
            Some(Bug::NobodyWaits) if matches!(lookup.lead, Lead::Other) => {
                lookup.lead = Lead::Unfenced(None);
            }
            Some(Bug::NobodyFollows) if lookup.taken_over => lookup.lead = Lead::Other,
            _ => {}
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
