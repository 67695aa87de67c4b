//! The task that owns a socket.

mod deadlines;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::Buf as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{self, UnboundedReceiver, WeakUnboundedSender};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::Shared;
use super::alarm::Alarm;
use super::ended::Ended;
use super::load::Share;
use super::outgoing::Outgoing;
use super::pending::{Call, Pending};
use super::traffic::Tally;
use crate::protocol::{Decoder, Expected, LARGE_VALUE, Reply};

/// One write takes requests until it has this many bytes.
const BATCH: usize = 256 * 1024;
/// So many requests are taken from the queue at a time.
const TAKE: usize = 128;

/// What to do next.
enum Step {
    /// Let others queue their requests first.
    Gather,
    End(Ended),
}

/// A socket, and every request between the queue and its reply. All of it is this task's alone, so
/// whatever a caller does, the order of requests and replies stays as it is.
#[derive(Debug)]
pub(super) struct Driver<S> {
    stream: S,
    shared: Arc<Shared>,
    calls: UnboundedReceiver<Call>,
    queue: WeakUnboundedSender<Call>,
    /// Just taken from the queue.
    received: Vec<Call>,
    /// Taken from the queue, and not yet into `outgoing`.
    waiting: VecDeque<Call>,
    outgoing: Outgoing,
    /// Whether what was written is to be flushed.
    unflushed: bool,
    /// Taken into `outgoing`, the oldest first, whose reply comes next.
    fifo: VecDeque<Pending>,
    incoming: Decoder,
    opaque: u32,
    /// Whether others had their chance to queue.
    gathered: bool,
    alarm: Alarm,
    /// When a reply last came in time, or the first request was taken after a pause.
    in_time: Instant,
    /// When a request was last taken.
    used: Instant,
    tally: Tally,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(
        stream: S,
        calls: UnboundedReceiver<Call>,
        queue: WeakUnboundedSender<Call>,
        shared: Arc<Shared>,
    ) -> Self {
        let now = Instant::now();
        Self {
            stream,
            shared,
            calls,
            queue,
            received: Vec::new(),
            waiting: VecDeque::new(),
            outgoing: Outgoing::default(),
            unflushed: false,
            fifo: VecDeque::new(),
            incoming: Decoder::default(),
            opaque: 0,
            gathered: false,
            alarm: Alarm::new(),
            in_time: now,
            used: now,
            tally: Tally::default(),
        }
    }

    /// Reads and writes until something ends it. Every request that is left then, and every one
    /// left when the runtime drops this future, learns how far it had come.
    pub(super) async fn run(mut self) {
        let ended = loop {
            match poll_fn(|context| self.poll(context)).await {
                Step::Gather => yield_now().await,
                Step::End(ended) => break ended,
            }
        };
        ended.tell(&self.shared.traffic);
        let mut queue = self.close_queue();
        drop(self);
        // A caller on another thread may have been let into the queue and not have put its request
        // there yet. To drop the queue would leave that request inside for as long as there are
        // handles, and one of them is in the hands of that caller, who waits.
        while queue.recv().await.is_some() {}
    }

    /// Takes no further requests; those that are in the queue go with it.
    fn close_queue(&mut self) -> UnboundedReceiver<Call> {
        self.calls.close();
        let (_, empty) = mpsc::unbounded_channel();
        std::mem::replace(&mut self.calls, empty)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        loop {
            if let Poll::Ready(ended) = self.poll_read(context) {
                return Poll::Ready(Step::End(ended));
            }
            // What is half written is written first: until then nothing else may be.
            let writable = match self.poll_write(context) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(error)) => return Poll::Ready(Step::End(error.into())),
                Poll::Pending => false,
            };
            self.poll_calls(context);
            if let Poll::Ready(ended) = self.poll_time(context) {
                return Poll::Ready(Step::End(ended));
            }
            if self.waiting.is_empty() {
                let closed = self.calls.is_closed() && self.calls.is_empty();
                let unused = closed && writable && self.fifo.is_empty();
                return if unused {
                    Poll::Ready(Step::End(Ended::Unused))
                } else {
                    Poll::Pending
                };
            }
            if !writable {
                return Poll::Pending;
            }
            // On a multi-threaded runtime this task is often woken by the first of many callers.
            // Letting the others queue first doubles what one write carries.
            let alone = self.waiting.len() == 1 && self.fifo.is_empty();
            if !alone && !std::mem::replace(&mut self.gathered, true) {
                return Poll::Ready(Step::Gather);
            }
            self.gathered = false;
            self.take();
        }
    }

    /// Takes requests from the queue; whether it is closed and empty. That goes on while the
    /// server takes no bytes: a deadline is kept all the same.
    fn poll_calls(&mut self, context: &mut Context<'_>) -> bool {
        loop {
            let received = self.calls.poll_recv_many(context, &mut self.received, TAKE);
            match received {
                Poll::Ready(0) => return true,
                Poll::Ready(_) => {}
                Poll::Pending => return false,
            }
            let deadlines = self.received.iter().filter_map(|call| call.deadline);
            if let Some(earliest) = deadlines.min() {
                self.alarm.set(earliest);
            }
            self.waiting.extend(self.received.drain(..));
        }
    }

    /// Puts requests into one write. Those whose callers are gone are not written.
    fn take(&mut self) {
        let now = Instant::now();
        self.used = now;
        if self.fifo.is_empty() {
            self.in_time = now;
            self.alarm.set(now + self.shared.traffic.patience);
        }
        let mut over = Share::default();
        while self.outgoing.remaining() < BATCH
            && let Some(mut call) = self.waiting.pop_front()
        {
            if call.is_forsaken() || call.is_late(now) {
                over.add(call.share);
                self.tally.timeouts += u64::from(call.lose());
                continue;
            }
            self.opaque = self.opaque.wrapping_add(1);
            let begin = self.outgoing.taken();
            self.outgoing.push(&call.request, call.dialect, self.opaque);
            self.fifo.push_back(call.taken(self.opaque, begin, now));
            self.tally.requests += 1;
        }
        self.report(over);
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.outgoing.has_remaining() {
            self.unflushed = true;
            let written = pin!(self.stream.write_buf(&mut self.outgoing)).poll(context);
            if ready!(written)? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        loop {
            let mut room = self.incoming.room();
            let read = pin!(self.stream.read_buf(&mut room)).poll(context);
            let delivered = match ready!(read) {
                Ok(0) if self.incoming.is_empty() => Err(Ended::ByServer),
                Ok(0) => Err(Ended::Cut),
                Ok(_) => self.deliver(),
                Err(error) => Err(error.into()),
            };
            if let Err(ended) = delivered {
                return Poll::Ready(ended);
            }
        }
    }

    /// Hands each reply that is there to the request that has waited longest.
    fn deliver(&mut self) -> Result<(), Ended> {
        let now = Instant::now();
        let mut done = Share::default();
        let (mut replies, mut bytes) = (0, 0);
        let delivered = loop {
            match self.next_reply() {
                Ok(None) => break Ok(()),
                Err(ended) => break Err(ended),
                Ok(Some((pending, reply))) => {
                    done.add(pending.share);
                    replies += 1;
                    bytes += self.shared.traffic.large_keys.learn_from(&pending, &reply);
                    self.tally.latency.add(now - pending.since);
                    if !pending.late {
                        self.in_time = now;
                    }
                    if let Err(ended) = self.answer(pending, reply) {
                        break Err(ended);
                    }
                }
            }
        };
        // Large values leave a connection for all soon: they say nothing of what comes next.
        let spare = self.shared.spare.load(Ordering::Relaxed);
        let mean = bytes.checked_div(replies);
        if let Some(mean) = mean.filter(|&mean| spare || mean < LARGE_VALUE) {
            self.shared.load.set_reply(mean);
        }
        self.tally.replies += replies as u64;
        self.report(done);
        delivered
    }

    fn next_reply(&mut self) -> Result<Option<(Pending, Reply)>, Ended> {
        let Some(head) = self.fifo.front() else {
            let asked = self.incoming.is_empty();
            return if asked { Ok(None) } else { Err(Ended::Unasked) };
        };
        let reply = self.incoming.next(&head.expected)?;
        Ok(reply.and_then(|reply| Some((self.fifo.pop_front()?, reply))))
    }

    fn answer(&self, pending: Pending, reply: Reply) -> Result<(), Ended> {
        let refused = match (&reply, &pending.expected) {
            (Reply::Refused(_), expected) if expected.survives_refusal() => None,
            // From here on it answers nothing.
            (Reply::Refused(_), Expected::Admission) => Some(Ended::NotAdmitted),
            (Reply::Refused(_), _) => Some(Ended::Refused),
            _ => None,
        };
        pending.answer(reply, &self.queue);
        refused.map_or(Ok(()), Err)
    }
}

impl<S> Driver<S> {
    /// Tells what was done to those who look from outside.
    fn report(&mut self, done: Share) {
        let Shared { load, traffic, .. } = &*self.shared;
        load.release(done);
        let oldest = self
            .fifo
            .front()
            .map_or(0, |head| traffic.micros(head.since));
        load.set_oldest(oldest);
        traffic.flush(&mut self.tally);
    }
}

impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        // No request is to be queued any more by those who now learn that theirs failed.
        self.calls.close();
        let written = self.outgoing.written();
        for pending in self.fifo.drain(..) {
            pending.lose(written);
        }
        let Shared { load, traffic, .. } = &*self.shared;
        traffic.flush(&mut self.tally);
        traffic.closed(load);
    }
}
