//! Callers whose time is over, servers that keep nobody's time, and connections with nothing to do.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::{Driver, Ended};
use crate::connection::load::Share;

/// A spare connection is closed when it was not used for so long.
const SPARE_FOR: Duration = Duration::from_secs(30);

impl<S> Driver<S> {
    /// Whether the time of somebody is over, and what follows.
    pub(super) fn poll_time(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        while self.alarm.poll(context).is_ready() {
            let now = Instant::now();
            let timeouts = self.fail_late(now);
            let next = self.next_deadline();
            if let Some(earliest) = next {
                self.alarm.set(earliest);
            }
            if !self.fifo.is_empty() {
                let overdue = self.in_time + self.shared.traffic.patience;
                if now < overdue {
                    self.alarm.set(overdue);
                } else if timeouts > 0 || next.is_none() {
                    // Not while the time of all who wait is still running: they would be told of a
                    // lost connection, and not that the server is late.
                    return Poll::Ready(Ended::Overdue);
                }
            } else if self.waiting.is_empty() {
                self.rest(now);
            }
        }
        Poll::Pending
    }

    /// Tells every caller whose time is over; how many there were.
    fn fail_late(&mut self, now: Instant) -> u64 {
        let mut over = Share::default();
        let mut timeouts = 0;
        for pending in &mut self.fifo {
            timeouts += u64::from(pending.check_time(now));
        }
        self.waiting.retain_mut(|call| {
            let late = call.is_late(now);
            if late {
                over.add(call.share);
                timeouts += u64::from(call.lose());
            }
            !late
        });
        self.tally.timeouts += timeouts;
        self.report(over);
        timeouts
    }

    /// When the time of the next caller is over.
    fn next_deadline(&self) -> Option<Instant> {
        let waited_for = self.fifo.iter().filter(|pending| !pending.late);
        let written = waited_for.filter_map(|pending| pending.deadline);
        let unwritten = self.waiting.iter().filter_map(|call| call.deadline);
        written.chain(unwritten).min()
    }

    /// Nothing is in flight, and was not for a while: gives memory back, and closes a connection
    /// that is only there for times of much to do.
    fn rest(&mut self, now: Instant) {
        self.incoming.release();
        self.outgoing.release();
        self.received = Vec::new();
        self.waiting = VecDeque::new();
        self.fifo = VecDeque::new();
        if self.shared.spare.load(Ordering::Relaxed) {
            let idle = self.used + SPARE_FOR;
            if idle <= now {
                self.calls.close();
            } else {
                self.alarm.set(idle);
            }
        }
    }
}
