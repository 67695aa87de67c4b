//! The lead of one computation: kept alive while it runs, used once to store, handed back if it
//! is not used.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::backend::{Backend, Renewed, Stored, Token, Ttl};
use crate::background::AbortOnDrop;
use crate::cache::Inner;
use crate::error::ErrorKind;
use crate::key::StoreKey;

/// How long a lead stands unless it is renewed; renewed at half of it.
pub(crate) const HOLD: Ttl = Ttl::from_secs(10);

/// The right to store one result.
#[derive(Debug)]
pub(crate) struct Leading {
    inner: Arc<Inner>,
    key: StoreKey,
    right: Right,
    /// Renews the lead until the computation is over.
    renewal: Option<AbortOnDrop<()>>,
}

/// What may be written.
#[derive(Debug)]
pub(crate) enum Right {
    /// A result that nothing newer has overtaken.
    Fenced(Token),
    /// Any result: the store cannot fence.
    Unfenced,
    /// Nothing: the store is away, another leads, or the entry is to be left alone.
    Nothing,
}

/// What became of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Stored,
    Superseded,
    NotStored,
}

impl Leading {
    pub(crate) fn new(inner: &Arc<Inner>, key: StoreKey, right: Right) -> Self {
        let renewal = match (&right, &inner.backend) {
            (Right::Fenced(token), Some(backend)) => {
                renewal(inner, Arc::clone(backend), key.clone(), token.clone())
            }
            _ => None,
        };
        Self {
            inner: Arc::clone(inner),
            key,
            right,
            renewal,
        }
    }

    pub(crate) fn key(&self) -> &StoreKey {
        &self.key
    }

    /// Whether a result would be written at all.
    pub(crate) fn may_store(&self) -> bool {
        !matches!(self.right, Right::Nothing)
    }

    /// Stores `entry`. A lead that was not used up by it, because it failed or because the future
    /// is dropped, is handed back.
    pub(crate) async fn store(mut self, entry: Bytes, ttl: Ttl) -> Written {
        self.renewal = None;
        let Some(backend) = &self.inner.backend else {
            return Written::NotStored;
        };
        let token = match &self.right {
            Right::Fenced(token) => Some(token),
            Right::Unfenced => None,
            Right::Nothing => return Written::NotStored,
        };
        match backend.set(&self.key, entry, ttl, token).await {
            Ok(Stored::Stored) => {
                self.right = Right::Nothing;
                Written::Stored
            }
            Ok(Stored::Superseded) => {
                self.right = Right::Nothing;
                self.inner.counters.superseded.add();
                Written::Superseded
            }
            Err(error) if error.kind() == ErrorKind::TooLarge => {
                self.inner.counters.too_large.add();
                tracing::warn!(key = %self.key.digest(), %error, "value not stored");
                Written::NotStored
            }
            Err(error) => {
                self.inner.backend_failed(&error);
                Written::NotStored
            }
        }
    }

    /// Hands the lead back, so that the next caller may have it at once.
    pub(crate) async fn hand_back(mut self) {
        self.renewal = None;
        if let (Right::Fenced(token), Some(backend)) = (&self.right, &self.inner.backend)
            && let Err(error) = backend.release(&self.key, token).await
        {
            self.inner.backend_failed(&error);
        }
        self.right = Right::Nothing;
    }
}

impl Drop for Leading {
    /// A computation that was dropped, or that panicked, or a write that failed: the lead is
    /// handed back in the background. If that fails too, it ends by itself after [`HOLD`].
    fn drop(&mut self) {
        let right = std::mem::replace(&mut self.right, Right::Nothing);
        if let (Right::Fenced(token), Some(backend)) = (right, &self.inner.backend) {
            let (backend, key) = (Arc::clone(backend), self.key.clone());
            let _ = self.inner.clock.spawn(async move {
                let _ = backend.release(&key, &token).await;
            });
        }
    }
}

fn renewal(
    inner: &Arc<Inner>,
    backend: Arc<dyn Backend>,
    key: StoreKey,
    token: Token,
) -> Option<AbortOnDrop<()>> {
    let clock = inner.clock.clone();
    let task = inner.clock.spawn(async move {
        let half: Duration = HOLD.duration() / 2;
        loop {
            clock.sleep(half).await;
            if !matches!(backend.renew(&key, &token, HOLD).await, Ok(Renewed::Held)) {
                return; // the write will say so
            }
        }
    });
    task.ok().map(AbortOnDrop)
}
