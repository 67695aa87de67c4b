//! Reads that may be given the lead.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::backend::{Backend, Lookup, Token, Want};
use crate::cache::leading::HOLD;
use crate::error::Result;
use crate::key::StoreKey;

/// Reads entries, or takes the leads to compute them.
///
/// Who is dropped before the answer is there may have been given leads without knowing it. The
/// answer is then waited for in a task, and the leads handed back: else everybody would wait for
/// nobody until they end by themselves.
pub(crate) struct Asking<A: Answered> {
    backend: Arc<dyn Backend>,
    keys: Vec<StoreKey>,
    answer: Option<Pin<Box<dyn Future<Output = A> + Send>>>,
    /// The runtime that it was begun in: a connection or a timer may belong to it.
    runtime: Option<Handle>,
}

/// The answer to a read of one entry, or of many.
pub(crate) trait Answered: Sized + Send + 'static {
    /// The leads that it gives, in the order of the keys.
    fn leads(self) -> impl Iterator<Item = Option<Token>> + Send;
}

impl Answered for Result<Lookup> {
    fn leads(self) -> impl Iterator<Item = Option<Token>> + Send {
        [token(self)].into_iter()
    }
}

impl Answered for Vec<Result<Lookup>> {
    fn leads(self) -> impl Iterator<Item = Option<Token>> + Send {
        self.into_iter().map(token)
    }
}

fn token(lookup: Result<Lookup>) -> Option<Token> {
    lookup.ok()?.lead.token()
}

impl Asking<Result<Lookup>> {
    /// Reads one entry.
    pub(crate) fn one(backend: &Arc<dyn Backend>, key: &StoreKey, want: Want) -> Self {
        let (asked, of) = (Arc::clone(backend), key.clone());
        Self {
            backend: Arc::clone(backend),
            keys: vec![key.clone()],
            answer: Some(Box::pin(async move { asked.get(&of, want).await })),
            runtime: Handle::try_current().ok(),
        }
    }
}

impl Asking<Vec<Result<Lookup>>> {
    /// Reads many, in one call of the backend.
    pub(crate) fn many(backend: &Arc<dyn Backend>, keys: Vec<StoreKey>, want: Want) -> Self {
        let (asked, of) = (Arc::clone(backend), keys.clone());
        Self {
            backend: Arc::clone(backend),
            keys,
            answer: Some(Box::pin(async move { asked.get_many(&of, want).await })),
            runtime: Handle::try_current().ok(),
        }
    }
}

/// A lead that cannot be renewed is left with its reader for this many times what the computation
/// takes: one that takes longer than it did last time is no reason to begin another.
const PATIENCE: u32 = 2;

/// The lead of a computation that takes about `cost`, where less than `early` is left.
pub(crate) fn lead(early: Duration, cost: Duration) -> Want {
    Want::Lead {
        hold: HOLD,
        early,
        patience: cost.saturating_mul(PATIENCE),
    }
}

impl<A: Answered> Future for Asking<A> {
    type Output = A;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<A> {
        let Some(answer) = &mut self.answer else {
            return Poll::Pending; // polled after its end
        };
        let answered = ready!(answer.as_mut().poll(context));
        self.answer = None;
        Poll::Ready(answered)
    }
}

impl<A: Answered> Drop for Asking<A> {
    fn drop(&mut self) {
        let (Some(answer), Some(runtime)) = (self.answer.take(), self.runtime.take()) else {
            return;
        };
        let (backend, keys) = (Arc::clone(&self.backend), std::mem::take(&mut self.keys));
        runtime.spawn(async move {
            for (key, token) in keys.iter().zip(answer.await.leads()) {
                if let Some(token) = token {
                    let _ = backend.release(key, &token).await; // else it ends by itself
                }
            }
        });
    }
}
