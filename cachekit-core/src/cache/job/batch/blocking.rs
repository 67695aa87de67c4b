//! A batch on the thread of its caller.

use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::task::unconstrained;

use super::{Batch, Mode, Outcome};
use crate::cache::form::Form;

impl<V, E, F> Batch<V, E, F>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
    F: Form<V>,
{
    /// Computes on this thread. The computation itself cannot be left when the time of its caller is
    /// over.
    pub(crate) fn blocking(
        mut self,
        mut origin: impl FnMut(Vec<usize>) -> Vec<Outcome<V, E>>,
    ) -> Vec<Outcome<V, E>> {
        self.mode = Mode::Blocking;
        run_here(self.inline(|missing| {
            // What it calls may block this thread: no lock is held here, and nothing else is polled.
            ready(origin(missing))
        }))
    }
}

/// Wakes a thread.
struct Bell {
    thread: Thread,
    rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Runs `future` to its end on this thread: what it waits for happens elsewhere. The task that this
/// thread may be in the middle of has a budget of tokio's, which is spent for good while it is
/// blocked: nothing would be ready any more.
fn run_here<T>(future: impl Future<Output = T>) -> T {
    let bell = Arc::new(Bell {
        thread: thread::current(),
        rung: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&bell));
    let mut future = pin!(unconstrained(future));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        // Parking may end for no reason.
        while !bell.rung.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}
