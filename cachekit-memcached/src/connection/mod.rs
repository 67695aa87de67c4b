//! One socket that many callers share.
//!
//! Callers append requests to a queue. One task owns the socket: it drains the queue into one
//! write, and it hands each reply to the request that has waited longest, because servers answer
//! in order. A caller that goes away leaves a closed channel behind; its reply is read all the
//! same, so no later caller ever gets it. Whatever makes the order doubtful (a reply that cannot
//! be read, another opaque, an answer nobody waits for) ends the connection.

mod driver;
mod exchange;
mod load;
mod pending;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, mpsc};

use crate::protocol::{Dialect, Request};
use load::Load;
use pending::{Fifo, Waiter};

pub(crate) use exchange::{Answer, Exchange};

/// A handle to the socket; clones share it. The socket closes when the last one is gone.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    queue: mpsc::UnboundedSender<Call>,
    shared: Arc<Shared>,
    dialect: Dialect,
}

/// A request on its way to the socket.
#[derive(Debug)]
struct Call {
    request: Request,
    dialect: Dialect,
    waiter: Waiter,
}

/// What the handles and the task that owns the socket share.
#[derive(Debug)]
struct Shared {
    fifo: Fifo,
    load: Arc<Load>,
    close: Notify,
}

/// How a request ended without a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Nothing of it was written.
    Unsent,
    /// It was written, at least in part.
    Sent,
    /// Too much is in flight; it was not taken.
    Full,
}

impl Connection {
    /// Starts a task on the current runtime that owns `stream`.
    pub(crate) fn open<S>(stream: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (queue, calls) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            fifo: Fifo::default(),
            load: Arc::default(),
            close: Notify::new(),
        });
        tokio::spawn(driver::drive(
            stream,
            calls,
            queue.downgrade(),
            Arc::clone(&shared),
        ));
        Self {
            queue,
            shared,
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
        !self.queue.is_closed()
    }

    /// Whether nothing is queued or waits for its reply.
    pub(crate) fn is_idle(&self) -> bool {
        self.shared.load.is_empty()
    }

    /// Queues `request` now; the reply comes through the [`Exchange`].
    pub(crate) fn send(&self, request: Request) -> Result<Exchange, Lost> {
        let permit = Load::admit(&self.shared.load, request.encoded_len()).ok_or(Lost::Full)?;
        let (waiter, exchange) = exchange::pair(&request, permit, self.queue.downgrade());
        self.queue
            .send(Call {
                request,
                dialect: self.dialect,
                waiter,
            })
            .map_err(|_| Lost::Unsent)?;
        Ok(exchange)
    }

    /// Tells that a caller gave up waiting. If the reply that is due next has been due for
    /// `patience` or longer, the connection is closed.
    pub(crate) fn gave_up(&self, patience: Duration) {
        if self
            .shared
            .fifo
            .head_age()
            .is_some_and(|age| age >= patience)
        {
            self.shared.close.notify_one();
        }
    }
}
