//! A request on its way: in the queue, or written and without a reply.

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Lost;
use super::exchange::Answer;
use super::load::Share;
use crate::protocol::{Dialect, Expected, Key, Reply, Request};

/// A request in the queue.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) request: Request,
    pub(super) dialect: Dialect,
    pub(super) waiter: Waiter,
    /// `None`: nobody waits for it.
    pub(super) deadline: Option<Instant>,
    pub(super) share: Share,
}

/// A request that was taken into what is written.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) expected: Expected,
    /// The key, of a read whose reply may give a lead.
    key: Option<Key>,
    waiter: Waiter,
    pub(super) deadline: Option<Instant>,
    /// Whether its caller was told that its time is over.
    pub(super) late: bool,
    pub(super) share: Share,
    /// When it was taken.
    pub(super) since: Instant,
    /// How many bytes were taken before it.
    begin: u64,
}

/// The end of an exchange that the caller does not hold. Dropped, it tells the caller that nothing
/// of the request was written: on every path, the end of a runtime included.
#[derive(Debug)]
pub(super) struct Waiter(Option<oneshot::Sender<Result<Answer, Lost>>>);

impl Call {
    /// A request that nobody waits for, and that takes no part in the load.
    pub(super) const fn unasked(request: Request) -> Self {
        Self {
            request,
            // Only the meta commands know leads.
            dialect: Dialect::Meta,
            waiter: Waiter(None),
            deadline: None,
            share: Share::NONE,
        }
    }

    /// Whether a caller was there and is gone.
    pub(super) fn is_forsaken(&self) -> bool {
        self.waiter
            .0
            .as_ref()
            .is_some_and(oneshot::Sender::is_closed)
    }

    /// Whether the time of its caller is over.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Tells the caller, if it is still there, that its time is over.
    pub(super) fn lose(&mut self) -> bool {
        self.waiter.lose(Lost::Late { sent: false })
    }

    /// It is about to be written with `opaque`, behind `begin` other bytes.
    pub(super) fn taken(self, opaque: u32, begin: u64, since: Instant) -> Pending {
        let (key, expected) = match (self.request, self.dialect) {
            (Request::Get(get), Dialect::Meta) => (Some(get.key), Expected::Meta { opaque }),
            (request, dialect) => (None, request.expected(dialect, opaque)),
        };
        Pending {
            expected,
            key,
            waiter: self.waiter,
            deadline: self.deadline,
            late: false,
            share: self.share,
            since,
            begin,
        }
    }
}

impl Pending {
    /// The key of a read of one item.
    pub(super) const fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Hands over the reply. A lead that nobody is there to take goes back through `queue`.
    pub(super) fn answer(mut self, reply: Reply, queue: &mpsc::WeakUnboundedSender<Call>) {
        let answer = Answer::new(reply, self.key, queue);
        if let Some(waiter) = self.waiter.0.take() {
            let _ = waiter.send(Ok(answer));
        }
    }

    /// Tells the caller that its time is over, if it is there and it is so. From then on nobody
    /// waits for the reply, which comes all the same.
    pub(super) fn check_time(&mut self, now: Instant) -> bool {
        if self.late || self.deadline.is_none_or(|deadline| now < deadline) {
            return false;
        }
        self.late = true;
        self.waiter.lose(Lost::Late { sent: true })
    }

    /// There will be no reply, after so many written bytes.
    pub(super) fn lose(mut self, written: u64) {
        if self.begin < written {
            self.waiter.lose(Lost::Sent);
        }
    }
}

impl Waiter {
    pub(super) const fn new(reply: oneshot::Sender<Result<Answer, Lost>>) -> Self {
        Self(Some(reply))
    }

    /// Whether there was a caller who learns that there will be no reply for it.
    pub(super) fn lose(&mut self, lost: Lost) -> bool {
        match self.0.take() {
            Some(caller) => caller.send(Err(lost)).is_ok(),
            None => false,
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.lose(Lost::Unsent);
    }
}
