//! A backend that does something in another way than the one behind it.

use std::fmt;
use std::ops::Deref;

use async_trait::async_trait;
use bytes::Bytes;

use crate::backend::{Backend, Health, Lookup, Renewed, Stored, Token, Ttl, Want};
use crate::error::Result;
use crate::key::StoreKey;

/// What is done in another way: each method that is written down. All others do what the
/// [backend](Self::backend) does.
#[async_trait]
#[expect(missing_docs, reason = "each method is the one of `Backend`")]
pub trait Alter: fmt::Debug + Send + Sync + 'static {
    /// Who does what is not altered.
    fn backend(&self) -> &dyn Backend;

    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        self.backend().get(key, want).await
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        self.backend().set(key, value, ttl, lead).await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.backend().expire(key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.backend().remove(key).await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        self.backend().renew(key, lead, hold).await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.backend().release(key, lead).await
    }

    async fn health(&self) -> Health {
        self.backend().health().await
    }
}

/// A [`Backend`] with an alteration in front of it. The `_many` forms are one call after the other,
/// altered each.
///
/// ```
/// use async_trait::async_trait;
/// use cachekit_core::backend::{Backend, Ttl};
/// use cachekit_core::clock::Clock;
/// use cachekit_core::error::{Error, ErrorKind, Result};
/// use cachekit_core::key::StoreKey;
/// use cachekit_core::testkit::{Alter, Altered, ReferenceBackend};
///
/// #[derive(Debug)]
/// struct NothingIsRemoved(ReferenceBackend);
///
/// #[async_trait]
/// impl Alter for NothingIsRemoved {
///     fn backend(&self) -> &dyn Backend {
///         &self.0
///     }
///
///     async fn remove(&self, _key: &StoreKey) -> Result<()> {
///         Err(Error::new(ErrorKind::Unsupported, "remove"))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let store = Altered(NothingIsRemoved(ReferenceBackend::new(Clock::system())));
/// let key = StoreKey::new("k")?;
/// store.set(&key, "v".into(), Ttl::from_secs(60), None).await?;
/// assert!(store.remove(&key).await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Altered<A>(pub A);

impl<A> Deref for Altered<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

#[async_trait]
impl<A: Alter> Backend for Altered<A> {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        self.0.get(key, want).await
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

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        self.0.renew(key, lead, hold).await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.0.release(key, lead).await
    }

    fn owner(&self, key: &StoreKey) -> Option<String> {
        self.0.backend().owner(key)
    }

    async fn health(&self) -> Health {
        self.0.health().await
    }
}
