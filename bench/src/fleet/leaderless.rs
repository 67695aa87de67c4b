//! A store in which nobody leads: what stampedes are.

use std::sync::Arc;

use async_trait::async_trait;
use cachekit::Result;
use cachekit::StoreKey;
use cachekit::backend::{Backend, Lead, Lookup, Renewed, Token, Ttl, Want};
use cachekit_core::testkit::Alter;

/// Whoever finds nothing fresh may compute, and store.
#[derive(Debug)]
pub(super) struct Leaderless(pub(super) Arc<dyn Backend>);

#[async_trait]
impl Alter for Leaderless {
    fn backend(&self) -> &dyn Backend {
        &*self.0
    }

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

    async fn renew(&self, _key: &StoreKey, _lead: &Token, _hold: Ttl) -> Result<Renewed> {
        Ok(Renewed::Lost)
    }

    async fn release(&self, _key: &StoreKey, _lead: &Token) -> Result<()> {
        Ok(())
    }
}
