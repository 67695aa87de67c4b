//! A reply to come, and the lead that it may give.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Lost, Shared};
use crate::protocol::{Key, Meta, Reply, Request};

/// A reply to come.
///
/// Cancel safety: dropping it, at any time, leaves the connection in order. A lead that the server
/// gave, or gives later, to the dropped read is handed back, because the [`Answer`] is dropped
/// with it.
#[derive(Debug)]
pub(crate) struct Exchange(oneshot::Receiver<Outcome>);

/// How an exchange ended.
pub(super) type Outcome = Result<Answer, Lost>;

/// A reply. If it gives a lead, dropping it hands the lead back; [`Answer::keep`] does not.
#[derive(Debug)]
pub(crate) struct Answer {
    reply: Reply,
    hand_back: Option<Box<HandBack>>,
}

/// How to hand back a lead that nobody uses.
#[derive(Debug)]
struct HandBack {
    key: Key<'static>,
    connection: Arc<Shared>,
}

impl Exchange {
    pub(super) const fn new(reply: oneshot::Receiver<Outcome>) -> Self {
        Self(reply)
    }
}

impl Future for Exchange {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // A waiter always sends before it goes.
        Pin::new(&mut self.0)
            .poll(context)
            .map(|received| received.unwrap_or(Err(Lost::Sent)))
    }
}

impl Answer {
    /// `key` is that of a read; who gave it a lead is to get it back over `connection`.
    pub(super) fn new(
        reply: Reply,
        key: impl FnOnce() -> Option<Key<'static>>,
        connection: &Arc<Shared>,
    ) -> Self {
        // Few replies give a lead; the others cost nothing here.
        let won = matches!(&reply, Reply::Meta(meta) if meta.won);
        let key = if won { key() } else { None };
        let hand_back = key.map(|key| {
            let connection = Arc::clone(connection);
            Box::new(HandBack { key, connection })
        });
        Self { reply, hand_back }
    }

    pub(crate) const fn reply(&self) -> &Reply {
        &self.reply
    }

    /// The reply, to be taken apart. A lead that it gives is not handed back.
    pub(crate) fn take(mut self) -> Reply {
        self.hand_back = None;
        std::mem::replace(&mut self.reply, Reply::Noop)
    }

    /// Takes the value out of the reply; everything else stays as it was. A clone would cost an
    /// allocation, as it is the first.
    pub(crate) fn take_value(&mut self) -> Option<Bytes> {
        let Reply::Meta(meta) = &mut self.reply else {
            return None;
        };
        let value = meta.value.take()?;
        meta.size = Some(value.len());
        Some(value)
    }

    /// The reply, if it is one to a meta command.
    pub(crate) const fn meta(&self) -> Option<&Meta> {
        match &self.reply {
            Reply::Meta(meta) => Some(meta),
            _ => None,
        }
    }

    /// A lead that this reply gives is used: it is not handed back.
    pub(crate) fn keep(mut self) {
        self.hand_back = None;
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let (Some(back), Some(meta)) = (&self.hand_back, self.meta()) {
            back.send(meta);
        }
    }
}

impl HandBack {
    /// Queues a request that nobody waits for. If the connection is gone, nothing is sent: leads
    /// end by themselves as well.
    fn send(&self, meta: &Meta) {
        if let Some(cas) = meta.cas.filter(|&cas| cas != 0) {
            let request = Request::end_lead(self.key.borrowed(), cas, meta.over());
            self.connection.queue.send_unasked(request);
        }
    }
}
