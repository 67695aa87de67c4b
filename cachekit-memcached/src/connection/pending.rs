//! A request on its way: in the queue, or written and without a reply.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Lost;
use super::exchange::Outcome;
use super::load::Share;
use crate::protocol::{Expected, KeyPlace, Meta};

/// A request without a reply.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) expected: Expected,
    /// Memory for the reply.
    pub(super) room: Option<Box<Meta>>,
    /// Where the key is, of a read whose reply may give a lead.
    pub(super) key: Option<KeyPlace>,
    pub(super) waiter: Waiter,
    /// `None`: nobody waits for it.
    pub(super) deadline: Option<Instant>,
    /// Whether the time of its caller is known to be over.
    pub(super) late: bool,
    /// Where it begins in the text of its batch.
    pub(super) begin: usize,
    /// How many bytes it has.
    pub(super) length: usize,
}

/// The end of an exchange that the caller does not hold. Dropped, it tells the caller that nothing
/// of the request was written: on every path, the end of a runtime included.
#[derive(Debug)]
pub(super) struct Waiter(Option<oneshot::Sender<Outcome>>);

impl Pending {
    /// Its share of what is in flight: none, if it was not asked for admission.
    pub(super) fn share(&self) -> Share {
        let admitted = self.deadline.map(|_| Share::of(self.length));
        admitted.unwrap_or_default()
    }

    /// Whether a caller was there and is gone.
    pub(super) fn is_forsaken(&self) -> bool {
        let waiter = self.waiter.0.as_ref();
        waiter.is_some_and(oneshot::Sender::is_closed)
    }

    /// Whether the time of its caller is over.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Whether the time of its caller is over by now and was not before. From then on nobody waits
    /// for the reply, which comes all the same.
    pub(super) fn turns_late(&mut self, now: Instant) -> bool {
        let turns = !self.late && self.is_late(now);
        self.late |= turns;
        turns
    }
}

impl Waiter {
    pub(super) const fn new(reply: oneshot::Sender<Outcome>) -> Self {
        Self(Some(reply))
    }

    pub(super) const fn nobody() -> Self {
        Self(None)
    }

    /// Hands over the reply, if somebody is there to take it.
    pub(super) fn answer(mut self, outcome: Outcome) {
        if let Some(caller) = self.0.take() {
            let _ = caller.send(outcome);
        }
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
