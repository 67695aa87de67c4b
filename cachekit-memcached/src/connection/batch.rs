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
    /// The earliest deadline of its requests when it was taken.
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
        self.waited = before.waited;
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
            batch.due = earlier(batch.due, pending.deadline);
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::protocol::{LARGE_VALUE, samples};

    fn requests() -> [Request<'static>; 6] {
        let set = |length: usize| samples::set("written", vec![b'x'; length]);
        let large = || set(LARGE_VALUE);
        let get = samples::get("read");
        [set(1), large(), large(), get, set(0), large()]
    }

    /// All [`requests`], and what each is on the wire.
    fn filled() -> (Batch, Vec<Vec<u8>>) {
        let (mut batch, mut wire) = (Batch::default(), Vec::new());
        for (opaque, mut request) in (0..).zip(requests()) {
            let mut bytes = Vec::new();
            request.encode(Dialect::Meta, opaque, &mut bytes);
            wire.push(bytes);
            batch.push(&mut request, Dialect::Meta, opaque, Waiter::nobody(), None);
        }
        (batch, wire)
    }

    fn written(batch: &mut Batch) -> Vec<u8> {
        let length = batch.len();
        batch.outgoing.copy_to_bytes(length).to_vec()
    }

    #[test]
    fn whatever_is_taken_out_all_requests_stay_as_they_were() {
        for unwanted in 0..1_u32 << requests().len() {
            let (mut kept, wire) = filled();
            let is_unwanted = |opaque: u32| unwanted >> opaque & 1 == 1;
            let opaque = |pending: &Pending| match pending.expected {
                Expected::Meta { opaque } => opaque,
                _ => unreachable!("all are meta commands"),
            };
            let mut taken = kept.take_out(|pending| is_unwanted(opaque(pending)));
            for (batch, which) in [(&mut kept, false), (&mut taken, true)] {
                let of_batch = (0..).zip(&wire).filter(|one| is_unwanted(one.0) == which);
                let (opaques, wire): (Vec<u32>, Vec<_>) = of_batch.unzip();
                assert!(batch.pending.iter().map(opaque).eq(opaques));
                for pending in &batch.pending {
                    let encoded = &batch.outgoing.text()[pending.begin..];
                    let key = pending.key.map(|place| place.bytes(encoded));
                    assert!(key.is_none_or(|key| key == b"read"));
                }
                assert!(written(batch) == wire.into_iter().flatten().copied().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_request_is_sent_from_its_first_byte_on() {
        let (batch, wire) = filled();
        let begin = |place: usize| wire[..place].iter().map(Vec::len).sum::<usize>();
        let begins = (0..=wire.len()).map(begin);
        let cuts = begins.flat_map(|begin| [begin.saturating_sub(1), begin, begin + 1]);
        for cut in cuts.filter(|&cut| cut <= batch.len()) {
            let (mut batch, _) = filled();
            let ask = |pending: &mut Pending| {
                let (sender, reply) = oneshot::channel();
                pending.waiter = Waiter::new(sender);
                reply
            };
            let replies: Vec<_> = batch.pending.iter_mut().map(ask).collect();
            batch.outgoing.advance(cut);
            batch.lose();
            for (place, mut reply) in replies.into_iter().enumerate() {
                let lost = reply.try_recv().unwrap().unwrap_err();
                let sent = begin(place) < cut;
                assert_eq!(lost == Lost::Sent, sent, "{place} at {cut}");
                assert_eq!(lost == Lost::Unsent, !sent);
            }
        }
    }
}
