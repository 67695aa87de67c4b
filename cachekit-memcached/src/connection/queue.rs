//! Where callers leave their requests.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Lost;
use super::batch::Batch;
use super::exchange::Exchange;
use super::load::Load;
use super::pending::{Pending, Waiter};
use crate::protocol::{Dialect, Request};

/// One write takes requests until it has this many bytes.
const BATCH: usize = 256 * 1024;

/// Requests that the task that owns the socket did not take yet. A caller writes its own into the
/// bytes that go out: all that is left to the task is to take them, many at once.
#[derive(Debug)]
pub(super) struct Queue {
    /// While it is locked nobody is woken and no value is dropped: what others do then may take
    /// long, or need this lock.
    queued: Mutex<Queued>,
    /// Whether requests are taken. Changed only while `queued` is locked.
    open: AtomicBool,
    /// Added to and taken from only while `queued` is locked.
    pub(super) load: Load,
}

/// What is in a queue.
#[derive(Debug, Default)]
pub(super) struct Queued {
    /// Those that have as many bytes as one write takes, the oldest first.
    full: VecDeque<Batch>,
    /// What is added to.
    last: Batch,
    opaque: u32,
    /// The task that owns the socket, while it waits for requests.
    sleeper: Option<Waker>,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            queued: Mutex::default(),
            open: AtomicBool::new(true),
            load: Load::default(),
        }
    }
}

impl Queue {
    /// Adds `request`, written in `dialect`. Its caller is told by `deadline` how it ended.
    pub(super) fn send(
        &self,
        mut request: Request<'_>,
        dialect: Dialect,
        deadline: Instant,
    ) -> Result<Exchange, Lost> {
        let (sender, reply) = oneshot::channel();
        let mut queued = self.lock();
        if !self.is_open() {
            return Err(Lost::Unsent);
        }
        if self.load.is_full() {
            return Err(Lost::Full);
        }
        let waiter = Waiter::new(sender);
        let pending = queued.push(&mut request, dialect, waiter, Some(deadline));
        self.load.admit(pending.share());
        wake(queued);
        Ok(Exchange::new(reply))
    }

    /// Adds a request that nobody waits for, and that takes no part in the load. Once the queue is
    /// closed it is forgotten.
    pub(super) fn send_unasked(&self, mut request: Request<'_>) {
        let mut queued = self.lock();
        if self.is_open() {
            // Only the meta commands know leads, which are what this is about.
            queued.push(&mut request, Dialect::Meta, Waiter::nobody(), None);
            wake(queued);
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Takes no further requests. Those that are there are still to be taken.
    pub(super) fn close(&self) {
        let queued = self.lock();
        self.open.store(false, Ordering::Relaxed);
        wake(queued);
    }

    /// Takes no further requests; those that are there are returned, and never written.
    pub(super) fn end(&self) -> Queued {
        let mut queued = self.lock();
        self.open.store(false, Ordering::Relaxed);
        std::mem::take(&mut *queued)
    }

    /// Takes out the requests whose time is over.
    pub(super) fn take_late(&self, now: Instant) -> Vec<Batch> {
        let mut queued = self.lock();
        let Queued { full, last, .. } = &mut *queued;
        let batches = full.iter_mut().chain([last]);
        let late = batches.map(|batch| batch.take_out(|pending| pending.is_late(now)));
        let late: Vec<Batch> = late.collect();
        for pending in late.iter().flat_map(|batch| &batch.pending) {
            self.load.release(pending.share());
        }
        late
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queued> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the task that owns the socket when others can have the lock.
fn wake(mut queued: MutexGuard<'_, Queued>) {
    let sleeper = queued.sleeper.take();
    drop(queued);
    if let Some(sleeper) = sleeper {
        sleeper.wake();
    }
}

impl Queued {
    fn push(
        &mut self,
        request: &mut Request<'_>,
        dialect: Dialect,
        waiter: Waiter,
        deadline: Option<Instant>,
    ) -> &Pending {
        if self.last.len() >= BATCH {
            self.full.push_back(std::mem::take(&mut self.last));
        }
        self.opaque = self.opaque.wrapping_add(1);
        self.last
            .push(request, dialect, self.opaque, waiter, deadline)
    }

    /// Takes as many requests as one write takes, the oldest; `empty` is filled next.
    pub(super) fn take(&mut self, empty: Batch) -> Batch {
        let full = self.full.pop_front();
        full.unwrap_or_else(|| std::mem::replace(&mut self.last, empty))
    }

    /// How many requests there are.
    pub(super) fn count(&self) -> usize {
        self.batches().map(|batch| batch.pending.len()).sum()
    }

    /// All requests.
    pub(super) fn requests(&self) -> impl Iterator<Item = &Pending> {
        self.batches().flat_map(|batch| &batch.pending)
    }

    fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.full.iter().chain([&self.last])
    }

    /// When the time of the first of its callers is over; or earlier, if that one is gone.
    pub(super) fn due(&self) -> Option<Instant> {
        self.batches().filter_map(|batch| batch.due).min()
    }

    /// What is in it could not be taken, because the socket took no bytes.
    pub(super) fn wait(&mut self) {
        let batches = self.full.iter_mut().chain([&mut self.last]);
        batches.for_each(|batch| batch.waited = true);
    }

    /// The next one who adds a request wakes the task of `context`.
    pub(super) fn sleep(&mut self, context: &Context<'_>) {
        match &mut self.sleeper {
            Some(sleeper) => sleeper.clone_from(context.waker()),
            None => self.sleeper = Some(context.waker().clone()),
        }
    }

    /// Whether there is nothing in it. Then it gives memory back.
    pub(super) fn release(&mut self) -> bool {
        let empty = self.count() == 0;
        if empty {
            self.full = VecDeque::new();
            self.last = Batch::default();
        }
        empty
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::protocol::{LARGE_VALUE, samples};

    /// Bytes whose owner looks, when it is dropped, whether the lock is there to be had.
    struct Owner {
        bytes: Vec<u8>,
        queue: Arc<Queue>,
        free: Arc<AtomicBool>,
    }

    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }

    impl Drop for Owner {
        fn drop(&mut self) {
            let free = self.queue.queued.try_lock().is_ok();
            self.free.store(free, Ordering::Relaxed);
        }
    }

    #[test]
    fn no_value_is_dropped_while_others_cannot_have_the_lock() {
        for length in [1, LARGE_VALUE] {
            let (queue, now) = (Arc::new(Queue::default()), Instant::now());
            let free = Arc::default();
            let owner = Owner {
                bytes: vec![b'v'; length],
                queue: Arc::clone(&queue),
                free: Arc::clone(&free),
            };
            let set = samples::set("k", Bytes::from_owner(owner));
            let _exchange = queue.send(set, Dialect::Meta, now);
            let late = queue.take_late(now);
            drop(late);
            assert!(free.load(Ordering::Relaxed), "{length} bytes");
        }
    }

    #[test]
    fn what_is_taken_out_leaves_no_deadline_behind() {
        let (queue, now) = (Queue::default(), Instant::now());
        let [soon, later] = [1, 2].map(|seconds| now + Duration::from_secs(seconds));
        let _exchanges = [soon, later].map(|due| queue.send(Request::Noop, Dialect::Meta, due));
        assert_eq!(queue.lock().due(), Some(soon));
        queue.take_late(soon);
        assert_eq!(queue.lock().due(), Some(later));
        queue.take_late(later);
        assert_eq!(queue.lock().due(), None);
    }
}
