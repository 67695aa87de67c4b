//! Callers whose time is over, servers that keep nobody's time, and connections with nothing to do.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::{Batch, Driver, Ended, Lost, Shared};

/// A spare connection is closed when it was not used for so long.
const SPARE_FOR: Duration = Duration::from_secs(30);

impl<S> Driver<S> {
    /// Whether the time of somebody is over, and what follows.
    pub(super) fn poll_time(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        while self.alarm.poll(context).is_ready() {
            let now = Instant::now();
            let late = self.fail_late(now);
            let next = self.next_deadline();
            if let Some(earliest) = next {
                self.alarm.set(earliest);
            }
            if !self.batches.is_empty() {
                let overdue = self.in_time + self.shared.traffic.patience;
                if now < overdue {
                    self.alarm.set(overdue);
                } else if late || next.is_none() {
                    // Not while the time of all is still running: they would be told of a lost
                    // connection, and not that the server is late. Those who are gone count as
                    // well, or callers who never wait so long would keep the connection for ever.
                    return Poll::Ready(Ended::Overdue);
                }
            } else {
                self.rest(now);
            }
        }
        Poll::Pending
    }

    /// Tells every caller whose time is over; whether there was one, even if it is gone.
    fn fail_late(&mut self, now: Instant) -> bool {
        let mut late = false;
        let unwritten = self.shared.queue.take_late(now).into_iter();
        for mut pending in unwritten.flat_map(|batch| batch.pending) {
            late = true;
            self.tally.timeouts += u64::from(pending.waiter.lose(Lost::Late { sent: false }));
        }
        for pending in self.batches.iter_mut().flat_map(|batch| &mut batch.pending) {
            if pending.turns_late(now) {
                late = true;
                let told = pending.waiter.lose(Lost::Late { sent: true });
                self.tally.timeouts += u64::from(told);
            }
        }
        self.report();
        late
    }

    /// When the time of the next caller is over.
    fn next_deadline(&self) -> Option<Instant> {
        let written = self.batches.iter().flat_map(|batch| &batch.pending);
        let waited_for = written.filter(|pending| !pending.late);
        let queued = self.shared.queue.lock();
        let all = waited_for.chain(queued.requests());
        all.filter_map(|pending| pending.deadline).min()
    }

    /// Nothing waits for a reply: gives memory back, and closes a connection that is only there for
    /// times of much to do and was not used for a while.
    fn rest(&mut self, now: Instant) {
        self.incoming.release();
        self.empty = Batch::default();
        self.batches = VecDeque::new();
        let Shared { queue, spare, .. } = &*self.shared;
        let idle = queue.lock().release();
        if idle && spare.load(Ordering::Relaxed) {
            let over = self.used + SPARE_FOR;
            if over <= now {
                queue.close();
            } else {
                self.alarm.set(over);
            }
        }
    }
}
