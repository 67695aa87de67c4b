//! A request's caller, and the reply it gets.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::{mpsc, oneshot};

use super::load::Permit;
use super::pending::Waiter;
use super::{Call, Lost};
use crate::protocol::{Delete, Dialect, Key, Meta, Reply, Request};

/// A reply to come.
///
/// Cancel safety: dropping it, at any time, leaves the connection in order. A lead that the server
/// gave, or gives later, to the dropped read is handed back.
#[derive(Debug)]
pub(crate) struct Exchange {
    reply: oneshot::Receiver<Result<Reply, Lost>>,
    hand_back: Option<HandBack>,
}

/// A reply. If it gives a lead, dropping it hands the lead back; [`Answer::keep`] does not.
#[derive(Debug)]
pub(crate) struct Answer {
    reply: Reply,
    hand_back: Option<HandBack>,
}

/// How to hand back a lead that nobody uses.
#[derive(Debug)]
struct HandBack {
    key: Key,
    queue: mpsc::WeakUnboundedSender<Call>,
}

/// The two ends of one exchange.
pub(super) fn pair(
    request: &Request,
    permit: Permit,
    queue: mpsc::WeakUnboundedSender<Call>,
) -> (Waiter, Exchange) {
    let (sender, reply) = oneshot::channel();
    let leads = match request {
        Request::Get(get) => Some(get.key.clone()),
        _ => None,
    };
    let hand_back = leads.clone().map(|key| HandBack { key, queue });
    (
        Waiter::new(sender, leads, permit),
        Exchange { reply, hand_back },
    )
}

/// Queues what hands back the lead that `reply` gave, if it gave one: nobody took it.
pub(super) fn hand_back(key: Key, reply: &Reply, queue: &mpsc::WeakUnboundedSender<Call>) {
    if let Some(request) = returned(key, reply) {
        queue_unasked(request, queue);
    }
}

/// Queues a request that nobody waits for. If the connection is gone, nothing is sent: leads end
/// by themselves as well.
fn queue_unasked(request: Request, queue: &mpsc::WeakUnboundedSender<Call>) {
    if let Some(queue) = queue.upgrade() {
        let waiter = Waiter::nobody();
        // Only the meta commands know leads.
        let dialect = Dialect::Meta;
        let _ = queue.send(Call {
            request,
            dialect,
            waiter,
        });
    }
}

/// A bare stub is deleted, and a stale item marked again, so that the next reader leads. A lead
/// given early, on a fresh item, stays where it is: marking the item would make it stale.
fn returned(key: Key, reply: &Reply) -> Option<Request> {
    let Reply::Meta(meta) = reply else {
        return None;
    };
    let cas = meta.cas.filter(|&cas| cas != 0)?;
    let stub = meta.is_stub();
    let takes = meta.won && (stub || meta.stale);
    takes.then_some(Request::Delete(Delete {
        key,
        cas: Some(cas),
        stale: !stub,
    }))
}

impl Future for Exchange {
    type Output = Result<Answer, Lost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let received = ready!(Pin::new(&mut self.reply).poll(context));
        // A waiter always sends before it goes.
        let reply = received.unwrap_or(Err(Lost::Sent))?;
        Poll::Ready(Ok(Answer {
            reply,
            hand_back: self.hand_back.take(),
        }))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // From here on the driver finds nobody and hands back what it reads; what it gave before
        // is still in the channel.
        self.reply.close();
        if let Some(back) = self.hand_back.take()
            && let Ok(Ok(reply)) = self.reply.try_recv()
        {
            hand_back(back.key, &reply, &back.queue);
        }
    }
}

impl Answer {
    pub(crate) const fn reply(&self) -> &Reply {
        &self.reply
    }

    /// The reply, to be taken apart. A lead that it gives is not handed back.
    pub(crate) fn take(mut self) -> Reply {
        self.hand_back = None;
        std::mem::replace(&mut self.reply, Reply::Noop)
    }

    /// The reply, if it is one to a meta command.
    pub(crate) const fn meta(&self) -> Option<&Meta> {
        match &self.reply {
            Reply::Meta(meta) => Some(meta),
            _ => None,
        }
    }

    /// Ends the lead that someone else has over the item of this reply: the item is marked again,
    /// so that its next reader leads. Nobody waits for the outcome.
    pub(crate) fn end_lead(&self) {
        if let Some(back) = &self.hand_back
            && let Some(cas) = self.meta().and_then(|meta| meta.cas)
        {
            let request = Delete {
                key: back.key.clone(),
                cas: Some(cas),
                stale: true,
            };
            queue_unasked(Request::Delete(request), &back.queue);
        }
    }

    /// A lead that this reply gives is used: it is not handed back.
    pub(crate) fn keep(mut self) {
        self.hand_back = None;
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(back) = self.hand_back.take() {
            hand_back(back.key, &self.reply, &back.queue);
        }
    }
}
