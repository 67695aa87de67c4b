//! One socket that many callers share.
//!
//! Callers write requests into a queue. One task owns the socket, and everything between the queue
//! and the replies: it takes what is queued in one write, and it hands each reply to the request that
//! has waited longest, because servers answer in order. A caller that goes away, or whose time is
//! over, leaves a closed channel behind; its reply is read all the same, so no later caller ever
//! gets it. Whatever makes the order doubtful (a reply that cannot be read, another opaque, an
//! answer nobody waits for) ends the connection.

mod alarm;
mod batch;
mod driver;
mod ended;
mod exchange;
mod histogram;
mod large_keys;
mod load;
mod outgoing;
mod pending;
mod queue;
#[cfg(test)]
mod tests;
mod traffic;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use crate::protocol::{Dialect, Request};
use driver::Driver;
use queue::Queue;

pub(crate) use exchange::{Answer, Exchange};
pub use histogram::Latency;
pub(crate) use traffic::Traffic;
pub use traffic::TrafficStats;

/// A handle to the socket; clones share it. The socket closes when the last one is gone and all
/// replies have come.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    handles: Arc<Handles>,
    dialect: Dialect,
}

/// All handles. With the last one goes the queue.
#[derive(Debug)]
struct Handles {
    shared: Arc<Shared>,
}

impl Drop for Handles {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

/// What the handles and the task that owns the socket share.
#[derive(Debug)]
struct Shared {
    queue: Queue,
    traffic: Arc<Traffic>,
    /// The one that drives the socket.
    runtime: Id,
    /// Whether it is closed when it was not used for a while.
    spare: AtomicBool,
}

/// How a request ended without a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The connection ended before anything of it was written.
    Unsent,
    /// The connection ended after it was written, at least in part.
    Sent,
    /// Its time was over.
    Late {
        /// Whether it was written, or may have been.
        sent: bool,
    },
    /// Too much is in flight; it was not taken.
    Full,
}

impl Connection {
    /// Starts a task on the current runtime that owns `stream`, and tells `traffic` what it does.
    pub(crate) fn open<S>(stream: S, traffic: &Arc<Traffic>) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shared = Arc::new(Shared {
            queue: Queue::default(),
            traffic: Arc::clone(traffic),
            runtime: Handle::current().id(),
            spare: AtomicBool::new(false),
        });
        traffic.opened(&shared);
        tokio::spawn(Driver::new(stream, Arc::clone(&shared)).run());
        Self {
            handles: Arc::new(Handles { shared }),
            dialect: Dialect::Meta,
        }
    }

    /// The same connection; what is sent through this handle is written in `dialect`.
    pub(crate) fn speaking(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether the task that owns the socket is there: its runtime lives and nothing went wrong.
    pub(crate) fn is_open(&self) -> bool {
        self.shared().queue.is_open()
    }

    /// Whether the current runtime drives the socket: while a caller of this runtime waits, it runs.
    pub(crate) fn is_driven_here(&self) -> bool {
        Handle::try_current().is_ok_and(|runtime| runtime.id() == self.shared().runtime)
    }

    /// About how many bytes are in flight, the expected replies included.
    pub(crate) fn in_flight(&self) -> usize {
        self.shared().queue.load.expected_bytes()
    }

    /// From now on the connection ends when it was not used for a while.
    pub(crate) fn close_when_idle(&self) {
        self.shared().spare.store(true, Ordering::Relaxed);
    }

    /// Queues `request` now; the reply comes through the [`Exchange`], by `deadline` as long as the
    /// runtime of this connection runs: it needs no timer of its own.
    pub(crate) fn send(&self, request: Request<'_>, deadline: Instant) -> Result<Exchange, Lost> {
        self.shared().queue.send(request, self.dialect, deadline)
    }

    fn shared(&self) -> &Shared {
        &self.handles.shared
    }
}
