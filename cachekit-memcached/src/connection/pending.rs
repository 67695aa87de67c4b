//! The requests that wait for a reply, in the order in which they were written.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Lost;
use super::load::Permit;
use crate::protocol::{Decoder, Expected, Key, Malformed, Reply};

/// The end of an exchange that the caller does not hold. Dropped without a reply, it tells the
/// caller whether the request had been written: on every path, the end of a runtime included.
#[derive(Debug)]
pub(super) struct Waiter {
    reply: Option<oneshot::Sender<Result<Reply, Lost>>>,
    sent: bool,
    /// The key, of a request whose reply may give a lead.
    pub(super) leads: Option<Key>,
    _permit: Option<Permit>,
}

impl Waiter {
    pub(super) fn new(
        reply: oneshot::Sender<Result<Reply, Lost>>,
        leads: Option<Key>,
        permit: Permit,
    ) -> Self {
        Self {
            reply: Some(reply),
            sent: false,
            leads,
            _permit: Some(permit),
        }
    }

    /// Of a request that nobody waits for.
    pub(super) const fn nobody() -> Self {
        Self {
            reply: None,
            sent: false,
            leads: None,
            _permit: None,
        }
    }

    /// Whether a caller was there and is gone.
    pub(super) fn is_forsaken(&self) -> bool {
        self.reply.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// Hands over the reply; gives it back if nobody is there.
    pub(super) fn give(mut self, reply: Reply) -> Result<(), Reply> {
        let Some(sender) = self.reply.take() else {
            return Err(reply);
        };
        match sender.send(Ok(reply)) {
            Err(Ok(unread)) => Err(unread),
            _ => Ok(()),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            let lost = if self.sent { Lost::Sent } else { Lost::Unsent };
            let _ = reply.send(Err(lost));
        }
    }
}

/// A request that was written.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) waiter: Waiter,
    expected: Expected,
    since: Instant,
}

impl Pending {
    /// A request is about to be written for `waiter`.
    pub(super) fn new(expected: Expected, mut waiter: Waiter, since: Instant) -> Self {
        waiter.sent = true;
        Self {
            waiter,
            expected,
            since,
        }
    }

    /// Whether the order of replies is still certain after a server did not understand this
    /// request.
    pub(super) fn survives_refusal(&self) -> bool {
        self.expected.survives_refusal()
    }
}

/// The requests that were written and have no reply yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Fifo(Mutex<VecDeque<Pending>>);

impl Fifo {
    pub(super) fn extend(&self, batch: impl IntoIterator<Item = Pending>) {
        self.lock().extend(batch);
    }

    /// The reply to the oldest, if it is there; `Err(None)` where bytes came that nobody asked for.
    pub(super) fn answered(
        &self,
        decoder: &mut Decoder,
    ) -> Result<Option<(Pending, Reply)>, Option<Malformed>> {
        let mut fifo = self.lock();
        let Some(head) = fifo.front() else {
            return if decoder.is_empty() {
                Ok(None)
            } else {
                Err(None)
            };
        };
        let reply = decoder.next(&head.expected)?;
        Ok(reply.and_then(|reply| Some((fifo.pop_front()?, reply))))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// How long the oldest has been waiting.
    pub(super) fn head_age(&self) -> Option<Duration> {
        self.lock().front().map(|head| head.since.elapsed())
    }

    /// Takes all; their callers learn that there will be no reply.
    pub(super) fn fail_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        drop(all);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
