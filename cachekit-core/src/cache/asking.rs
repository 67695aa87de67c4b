//! A read that may be given the lead.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::backend::{Backend, Lead, Lookup, Want};
use crate::cache::leading::HOLD;
use crate::error::Result;
use crate::key::StoreKey;

/// Reads one entry, or takes the lead to compute it.
///
/// Who is dropped before the answer is there may have been given the lead without knowing it. The
/// answer is then waited for in a task, and the lead handed back: else everybody would wait for
/// nobody until it ends by itself.
pub(crate) struct Asking {
    backend: Arc<dyn Backend>,
    key: StoreKey,
    answer: Option<Pin<Box<dyn Future<Output = Result<Lookup>> + Send>>>,
}

impl Asking {
    pub(crate) fn new(backend: &Arc<dyn Backend>, key: &StoreKey, early: Duration) -> Self {
        let want = Want::Lead { hold: HOLD, early };
        let (asked, of) = (Arc::clone(backend), key.clone());
        Self {
            backend: Arc::clone(backend),
            key: key.clone(),
            answer: Some(Box::pin(async move { asked.get(&of, want).await })),
        }
    }
}

impl Future for Asking {
    type Output = Result<Lookup>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Lookup>> {
        let Some(answer) = &mut self.answer else {
            return Poll::Pending; // polled after its end
        };
        let lookup = ready!(answer.as_mut().poll(context));
        self.answer = None;
        Poll::Ready(lookup)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        // In the runtime that it was begun in: a connection or a timer may belong to it.
        let (Some(answer), Ok(runtime)) = (self.answer.take(), Handle::try_current()) else {
            return;
        };
        let (backend, key) = (Arc::clone(&self.backend), self.key.clone());
        runtime.spawn(async move {
            if let Ok(Lookup {
                lead: Lead::Mine(token),
                ..
            }) = answer.await
            {
                let _ = backend.release(&key, &token).await; // else it ends by itself
            }
        });
    }
}
