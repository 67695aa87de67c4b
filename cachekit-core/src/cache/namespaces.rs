//! Namespaces of functions: each has a [token](crate::cache::tokens) in the store that is a part of
//! the keys of all its entries. Once it is removed, nobody finds them any more.
//!
//! A process reads the token anew after half of the bound of L1, and L1 keeps nothing longer than
//! the bound after the token was read: so that bound is also the bound of an invalidation that
//! another process has made.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::backend::Backend;
use crate::cache::Inner;
use crate::cache::function::Function;
use crate::cache::tokens::{self, TokenState};
use crate::error::{Error, ErrorKind, Result};
use crate::key::StoreKey;

/// A token that could not be reached is left alone for this long, in milliseconds: a node that does
/// not answer would hold up every call for its timeout, one after the other.
const RETRY_MS: u64 = 1_000;

/// What this process knows of each namespace.
#[derive(Debug, Default)]
pub(crate) struct Namespaces(Mutex<Known>);

type Known = HashMap<&'static str, Arc<Namespace>>;

#[derive(Debug, Default)]
struct Namespace {
    /// How many times the token was asked for.
    reads: AtomicU64,
    /// What came of the last one. One caller at a time asks.
    last: tokio::sync::Mutex<Option<Read>>,
}

#[derive(Clone, Debug)]
struct Read {
    began_ms: u64,
    token: Result<u64>,
}

/// The token of a namespace, and what is true of entries that are found with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) token: u64,
    /// Until when L1 may keep them at most, monotonic.
    pub(crate) until_ms: u64,
}

impl Namespaces {
    /// How the namespace of `function` stands; `None` for a function without one, and where there
    /// is no backend. A missing token is made.
    ///
    /// # Errors
    /// Those of the backend. Nothing may be read from the store or written to it then.
    pub(crate) async fn standing(
        &self,
        inner: &Arc<Inner>,
        function: &Function,
    ) -> Result<Option<Standing>> {
        let name = function.namespace_name();
        if inner.backend.is_none() || name.is_empty() {
            return Ok(None);
        }
        let namespace = self.of(name);
        let read = match namespace.recent(inner) {
            Some(read) => read,
            None => {
                let of = Arc::clone(inner);
                inner
                    .apart(async move { namespace.read(&of, name).await })
                    .await?
            }
        };
        let until_ms = inner.l1_until_ms(read.began_ms);
        let token = read.token?;
        Ok(Some(Standing { token, until_ms }))
    }

    /// Lets nobody in this process use a token of `name` that was read before now.
    pub(crate) async fn forget(&self, name: &str) {
        let known = self.known().get(name).map(Arc::clone);
        if let Some(namespace) = known {
            *namespace.last.lock().await = None;
        }
    }

    /// The same, unless what is known is `token`.
    pub(crate) async fn forget_other(&self, name: &str, token: Option<u64>) {
        let known = self.known().get(name).map(Arc::clone);
        if let Some(namespace) = known {
            let other = |read: &mut Read| read.token.as_ref().ok().copied() != token;
            namespace.last.lock().await.take_if(other);
        }
    }

    fn of(&self, name: &'static str) -> Arc<Namespace> {
        Arc::clone(self.known().entry(name).or_default())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Namespace {
    /// What is known, if that is recent, and can be told without waiting.
    fn recent(&self, inner: &Inner) -> Option<Read> {
        let last = self.last.try_lock().ok()?;
        let recent = |read: &&Read| read.is_recent(inner.clock.monotonic_ms(), inner.l1_bound());
        last.as_ref().filter(recent).cloned()
    }

    async fn read(&self, inner: &Inner, name: &str) -> Read {
        let reads = self.reads.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        let began_ms = inner.clock.monotonic_ms();
        match &*last {
            // One that began while this caller waited is as good as its own.
            Some(read) if self.reads.load(Ordering::SeqCst) != reads => return read.clone(),
            Some(read) if read.is_recent(began_ms, inner.l1_bound()) => return read.clone(),
            _ => {}
        }
        // Should the backend panic, nothing is left that could be taken for new.
        *last = None;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let token = match &inner.backend {
            Some(backend) => token(inner, backend, name).await,
            None => Err(Error::new(ErrorKind::Unavailable, "cache")),
        };
        last.insert(Read { began_ms, token }).clone()
    }
}

impl Read {
    fn is_recent(&self, now_ms: u64, bound: Duration) -> bool {
        let limit_ms = match &self.token {
            Ok(_) => millis(bound / 2),
            Err(_) => RETRY_MS,
        };
        now_ms.saturating_sub(self.began_ms) < limit_ms
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The token of each of these namespaces as it is now. None is made.
pub(crate) async fn read<'n>(
    inner: &Inner,
    backend: &Arc<dyn Backend>,
    names: Vec<&'n str>,
) -> HashMap<&'n str, TokenState> {
    let key = |name| {
        Some((
            name,
            tokens::namespace_key(&inner.config.namespace, name).ok()?,
        ))
    };
    let (names, keys): (Vec<&str>, Vec<StoreKey>) = names.into_iter().filter_map(key).unzip();
    let states = tokens::read(backend, &keys).await;
    names.into_iter().zip(states).collect()
}

async fn token(inner: &Inner, backend: &Arc<dyn Backend>, name: &str) -> Result<u64> {
    let key = [tokens::namespace_key(&inner.config.namespace, name)?];
    let mut state = tokens::read(backend, &key).await.pop();
    if let Some(TokenState::Missing) = state {
        state = tokens::make(inner, backend, &key).await.pop();
    }
    match state {
        Some(TokenState::Known(token)) => Ok(token),
        Some(TokenState::Unreachable(error)) => Err(error),
        Some(TokenState::Missing) | None => {
            let detail = "other processes kept this one from making the token of a namespace";
            Err(Error::with_detail(ErrorKind::Overloaded, "cache", detail))
        }
    }
}

#[cfg(test)]
mod tests;
