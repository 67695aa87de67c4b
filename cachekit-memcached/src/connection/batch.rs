//! Requests that are written together.

use std::collections::VecDeque;

use bytes::Buf as _;
use tokio::time::Instant;

use super::Lost;
use super::outgoing::Outgoing;
use super::pending::{Pending, Waiter};
use crate::protocol::{Dialect, Expected, Request};

/// Requests as they are written, and what is known of each until its reply has come. The bytes stay
/// for as long, because the keys are in them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) outgoing: Outgoing,
    /// The oldest first, whose reply comes next.
    pub(super) pending: VecDeque<Pending>,
    /// The earliest deadline of all that were added.
    pub(super) due: Option<Instant>,
    /// Whether it had to wait in the queue because the socket took no bytes.
    pub(super) waited: bool,
    /// When it was taken from the queue.
    pub(super) since: Option<Instant>,
}

impl Batch {
    /// Adds `request`, whose caller is told by `deadline` how it ended; without one, there is none.
    /// The request is of no more use then.
    pub(super) fn push(
        &mut self,
        request: &mut Request<'_>,
        dialect: Dialect,
        opaque: u32,
        waiter: Waiter,
        deadline: Option<Instant>,
    ) -> &Pending {
        let begin = self.outgoing.text().len();
        let length = self.outgoing.push(request, dialect, opaque);
        let key = request.key_of_read(dialect);
        let expected = request.expected(dialect, opaque);
        self.pending.push_back(Pending {
            room: matches!(expected, Expected::Meta { .. }).then(Box::default),
            expected,
            key,
            waiter,
            deadline,
            late: false,
            begin,
            length,
        });
        self.due = earlier(self.due, deadline);
        &self.pending[self.pending.len() - 1]
    }

    /// How many bytes it has in all.
    pub(super) fn len(&self) -> usize {
        self.outgoing.remaining()
    }

    /// Takes out requests. Nothing may be written yet.
    pub(super) fn take_out(&mut self, unwanted: impl Fn(&Pending) -> bool) -> Self {
        let mut taken = Self::default();
        if !self.pending.iter().any(&unwanted) {
            return taken;
        }
        let mut before = std::mem::take(self);
        (self.due, self.waited) = (before.due, before.waited);
        let mut rest = before.pending.into_iter().peekable();
        while let Some(mut pending) = rest.next() {
            let all = before.outgoing.text().len();
            let end = rest.peek().map_or(all, |next| next.begin);
            let part = before.outgoing.split(pending.begin..end);
            let batch = if unwanted(&pending) {
                &mut taken
            } else {
                &mut *self
            };
            pending.begin = batch.outgoing.text().len();
            batch.outgoing.append(part);
            batch.pending.push_back(pending);
        }
        taken
    }

    /// Whether everything was written, and every reply has come.
    pub(super) fn is_done(&self) -> bool {
        self.pending.is_empty() && !self.outgoing.has_remaining()
    }

    /// Nothing is left of it but its memory.
    pub(super) fn clear(&mut self) {
        self.outgoing.clear();
        self.pending.clear();
        (self.due, self.waited, self.since) = (None, false, None);
    }

    /// There will be no replies: tells every caller whether anything of its request was written.
    pub(super) fn lose(self) {
        let written = self.outgoing.written();
        for mut pending in self.pending {
            if pending.begin < written {
                pending.waiter.lose(Lost::Sent);
            }
        }
    }
}

/// The earlier of two moments, where there are any.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
