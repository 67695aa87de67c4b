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
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::batch::Batch;
use super::ended::Ended;
use super::exchange::Answer;
use super::load::Share;
use super::outgoing::Outgoing;
use super::pending::Pending;
use super::traffic::Tally;
use super::{Lost, Shared};
use crate::protocol::{Decoder, Expected, LARGE_VALUE, Reply};

/// What to do next.
enum Step {
    /// Let others queue their requests first.
    Gather,
    End(Ended),
}

/// What there is in the queue.
enum Found {
    /// Nothing that can be written now. Who adds a request wakes this task.
    Nothing,
    /// Requests, and there may soon be more.
    Some,
    /// Requests that are to be written now.
    Batch(Batch),
    /// No handle is left, and no reply is to come.
    End,
}

/// A socket, and every request between the queue and its reply. All of it is this task's alone, so
/// whatever a caller does, the order of requests and replies stays as it is.
#[derive(Debug)]
pub(super) struct Driver<S> {
    stream: S,
    shared: Arc<Shared>,
    /// Taken from the queue, the oldest first. Of the last one some may still be to be written; of
    /// the others there are only replies to come.
    batches: VecDeque<Batch>,
    /// One that is done with, for its memory.
    empty: Batch,
    /// Whether what was written is to be flushed.
    unflushed: bool,
    incoming: Decoder,
    /// Whether this task is woken before others could queue their requests.
    hasty: bool,
    /// Whether others had their chance to queue.
    gathered: bool,
    alarm: Alarm,
    /// When a reply last came in time, or the first request was taken after a pause.
    in_time: Instant,
    /// When a request was last taken.
    used: Instant,
    /// What is done with and not yet said to the queue.
    done: Share,
    tally: Tally,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(stream: S, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let flavor = Handle::current().runtime_flavor();
        Self {
            stream,
            shared,
            batches: VecDeque::new(),
            empty: Batch::default(),
            unflushed: false,
            incoming: Decoder::default(),
            // With one thread tasks run in the order in which they were woken.
            hasty: flavor != RuntimeFlavor::CurrentThread,
            gathered: false,
            alarm: Alarm::new(),
            in_time: now,
            used: now,
            done: Share::default(),
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
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        if let Poll::Ready(ended) = self.poll_read(context) {
            return Poll::Ready(Step::End(ended));
        }
        let turn = loop {
            // What is half written is written first: until then nothing else may be.
            let writable = match self.poll_write(context) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(error)) => return Poll::Ready(Step::End(error.into())),
                Poll::Pending => false,
            };
            match self.look(context, writable) {
                Found::Nothing => break Poll::Pending,
                Found::Some => break Poll::Ready(Step::Gather),
                Found::Batch(batch) => self.take(batch),
                Found::End => return Poll::Ready(Step::End(Ended::Unused)),
            }
        };
        // However much there is to do, every turn keeps the time.
        match self.poll_time(context) {
            Poll::Ready(ended) => Poll::Ready(Step::End(ended)),
            Poll::Pending => turn,
        }
    }

    /// Looks what is in the queue, even while the server takes no bytes: a deadline is kept all the
    /// same.
    fn look(&mut self, context: &Context<'_>, writable: bool) -> Found {
        let Shared { queue, .. } = &*self.shared;
        let mut queued = queue.lock();
        queue.load.release(std::mem::take(&mut self.done));
        let due = queued.due();
        if !writable {
            queued.wait();
        }
        let idle = self.batches.is_empty();
        let found = match queued.count() {
            0 if idle && writable && !queue.is_open() => Found::End,
            count if count == 0 || !writable => {
                queued.sleep(context);
                Found::Nothing
            }
            // On a multi-threaded runtime this task is often woken by the first of many callers.
            // Letting the others queue first doubles what one write carries.
            count if self.hasty && (count > 1 || !idle) && !self.gathered => Found::Some,
            _ => Found::Batch(queued.take(std::mem::take(&mut self.empty))),
        };
        drop(queued);
        self.gathered = matches!(found, Found::Some);
        if let Some(due) = due {
            self.alarm.set(due);
        }
        found
    }

    /// Takes what is to be written together. Requests that had to wait in the queue and whose callers
    /// are gone are not written; nor are those whose time is over.
    fn take(&mut self, mut batch: Batch) {
        let now = Instant::now();
        self.used = now;
        if self.batches.is_empty() {
            self.in_time = now;
            self.alarm.set(now + self.shared.traffic.patience);
        }
        // To look at each costs as much as to take them all.
        if batch.waited || batch.due.is_some_and(|due| due <= now) {
            let gone = |pending: &Pending| pending.is_forsaken() || pending.is_late(now);
            for mut pending in batch.take_out(gone).pending {
                self.tally.timeouts += u64::from(pending.waiter.lose(Lost::Late { sent: false }));
                self.done.add(pending.share());
            }
        }
        self.tally.requests += batch.pending.len() as u64;
        batch.since = Some(now);
        if batch.is_done() {
            self.empty = batch;
        } else {
            self.batches.push_back(batch);
        }
        self.report();
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(batch) = self.batches.back_mut() {
            while batch.outgoing.has_remaining() {
                self.unflushed = true;
                if ready!(write(&mut self.stream, &mut batch.outgoing, context))? == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
            }
            // A server may answer before it has read everything.
            self.recycle();
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
        let (mut replies, mut bytes) = (0, 0);
        let delivered = loop {
            match self.deliver_one(now) {
                Ok(Some(length)) => {
                    replies += 1;
                    bytes += length;
                }
                Ok(None) => break Ok(()),
                Err(ended) => break Err(ended),
            }
        };
        // Large values leave a connection for all soon: they say nothing of what comes next.
        let spare = self.shared.spare.load(Ordering::Relaxed);
        let mean = bytes.checked_div(replies);
        if let Some(mean) = mean.filter(|&mean| spare || mean < LARGE_VALUE) {
            self.shared.queue.load.set_reply(mean);
        }
        self.report();
        delivered
    }

    /// Hands one reply over; how many bytes of values it has. `None`: none is there in full.
    fn deliver_one(&mut self, now: Instant) -> Result<Option<usize>, Ended> {
        let oldest = self.batches.front_mut();
        let Some(batch) = oldest.filter(|batch| !batch.pending.is_empty()) else {
            let asked = self.incoming.is_empty();
            return if asked { Ok(None) } else { Err(Ended::Unasked) };
        };
        let head = &mut batch.pending[0];
        if let Some(room) = head.room.take() {
            self.incoming.lend(room);
        }
        let Some(reply) = self.incoming.next(&head.expected)? else {
            return Ok(None);
        };
        let Some(pending) = batch.pending.pop_front() else {
            return Ok(None);
        };
        let Shared { traffic, .. } = &*self.shared;
        let encoded = &batch.outgoing.text()[pending.begin..];
        let key = pending.key.map(|place| place.bytes(encoded));
        let length = traffic
            .large_keys
            .learn_from(key, &pending.expected, &reply);
        self.tally.replies += 1;
        if let Some(since) = batch.since {
            self.tally.latency.add(now - since);
        }
        self.done.add(pending.share());
        if !pending.late {
            self.in_time = now;
        }
        let refused = refusal(&reply, &pending.expected);
        let key = || pending.key.map(|place| place.key(encoded));
        let answer = Answer::new(reply, key, &self.shared);
        pending.waiter.answer(Ok(answer));
        self.recycle();
        refused.map_or(Ok(Some(length)), Err)
    }

    /// Keeps the memory of the oldest batch, if it is done with.
    fn recycle(&mut self) {
        if let Some(mut done) = self.batches.pop_front_if(|batch| batch.is_done()) {
            done.clear();
            self.empty = done;
        }
    }
}

/// Some bytes; how many.
fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    outgoing: &mut Outgoing,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if outgoing.has_values() {
        return pin!(stream.write_buf(outgoing)).poll(context);
    }
    // One piece goes faster as such.
    let written = ready!(Pin::new(stream).poll_write(context, outgoing.chunk()))?;
    outgoing.advance(written);
    Poll::Ready(Ok(written))
}

/// Whether the connection ends because the server did not take a request.
fn refusal(reply: &Reply, expected: &Expected) -> Option<Ended> {
    match (reply, expected) {
        (Reply::Refused(_), expected) if expected.survives_refusal() => None,
        // From here on it answers nothing.
        (Reply::Refused(_), Expected::Admission) => Some(Ended::NotAdmitted),
        (Reply::Refused(_), _) => Some(Ended::Refused),
        _ => None,
    }
}

impl<S> Driver<S> {
    /// Tells what was done to those who look from outside.
    fn report(&mut self) {
        let Shared { queue, traffic, .. } = &*self.shared;
        let oldest = self.batches.front();
        let waiting = oldest.filter(|batch| !batch.pending.is_empty());
        let since = waiting.and_then(|batch| batch.since);
        let oldest = since.map_or(0, |since| traffic.micros(since));
        queue.load.set_oldest(oldest);
        traffic.flush(&mut self.tally);
    }
}

impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        // Those who now learn that theirs failed find the connection gone, and queue nothing more.
        let unwritten = self.shared.queue.end();
        let Shared { traffic, .. } = &*self.shared;
        traffic.flush(&mut self.tally);
        traffic.closed(&self.shared);
        for batch in self.batches.drain(..) {
            batch.lose();
        }
        drop(unwritten);
    }
}
