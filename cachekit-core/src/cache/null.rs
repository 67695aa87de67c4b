//! The store that holds nothing.

use async_trait::async_trait;
use bytes::Bytes;

use crate::backend::{Backend, Health, Lead, Lookup, NodeState, Renewed, Stored, Token, Ttl, Want};
use crate::error::Result;
use crate::key::StoreKey;

/// A backend that stores nothing and finds nothing: every call computes. Together with an L1 that
/// is switched off, calls of one key still share a computation.
#[derive(Clone, Copy, Debug)]
pub struct Null;

#[async_trait]
impl Backend for Null {
    async fn get(&self, _key: &StoreKey, want: Want) -> Result<Lookup> {
        Ok(Lookup::miss(match want {
            Want::Value => Lead::None,
            Want::Lead { .. } => Lead::Unfenced,
        }))
    }

    async fn set(&self, _: &StoreKey, _: Bytes, _: Ttl, _: Option<&Token>) -> Result<Stored> {
        Ok(Stored::Stored)
    }

    async fn expire(&self, _key: &StoreKey) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _key: &StoreKey) -> Result<()> {
        Ok(())
    }

    async fn renew(&self, _key: &StoreKey, _lead: &Token, _hold: Ttl) -> Result<Renewed> {
        Ok(Renewed::Lost)
    }

    async fn release(&self, _key: &StoreKey, _lead: &Token) -> Result<()> {
        Ok(())
    }

    async fn health(&self) -> Health {
        Health::single("null", NodeState::Up, "stores nothing")
    }
}
