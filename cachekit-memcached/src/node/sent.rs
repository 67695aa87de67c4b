//! A request on its way to one server, and what comes of it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use cachekit_core::error::ErrorKind;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Link, Node, lanes};
use crate::connection::{Answer, Exchange, Lost};
use crate::error::{Failure, Written};
use crate::protocol::{Reply, Request};

/// A request that was queued. Errors that the server answers are failures.
///
/// Cancel safety: dropping it leaves the connection in order, and hands back a lead that the server
/// gave.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    node: &'a Arc<Node>,
    exchange: Exchange,
    /// The task that owns the socket keeps the deadline, as long as its runtime runs. Of the runtime
    /// of the caller that is certain; where another one drives the connection, there is this.
    timer: Option<Pin<Box<Sleep>>>,
    changes: bool,
    /// Whether it has a value.
    stores: bool,
    written: Written,
    /// How many failures of the node had been counted before.
    seen: u64,
}

impl Node {
    /// Queues `request` now; the reply is waited for later. Once `deadline` is over, it is not written
    /// any more.
    pub(crate) fn send(
        self: &Arc<Self>,
        link: &Link,
        request: Request<'_>,
        deadline: Instant,
    ) -> Result<Sent<'_>, Failure> {
        if let Some(lacking) = request.lacking(link.connection.dialect()) {
            let detail = format!("it has only the classic commands, without {lacking}");
            return Err(Failure::new(ErrorKind::Unsupported, detail).at(&self.name));
        }
        let changes = request.changes();
        let stores = request.value().is_some();
        let written = if request.is_idempotent() {
            Written::Repeatable
        } else {
            Written::Once
        };
        let seen = self.health.failures();
        let shared = link.shared.load(Ordering::Relaxed);
        let foreign = shared && !link.connection.is_driven_here();
        let choice = link.lanes.choose(&link.connection, &self.traffic, &request);
        if let Some(lane) = choice.wanted.filter(|_| !foreign) {
            lanes::widen(self, link, lane);
        }
        let connection = choice.spare.as_ref().unwrap_or(&link.connection);
        match connection.send(request, deadline) {
            Ok(exchange) => Ok(Sent {
                node: self,
                exchange,
                timer: foreign.then(|| Box::pin(sleep_until(deadline))),
                changes,
                stores,
                written,
                seen,
            }),
            Err(lost) => Err(self.lost(lost, changes, written, seen)),
        }
    }

    fn lost(self: &Arc<Self>, lost: Lost, changes: bool, written: Written, seen: u64) -> Failure {
        let (kind, detail) = match lost {
            Lost::Full => (ErrorKind::Overloaded, "too much in flight"),
            Lost::Unsent => (ErrorKind::Unavailable, "the connection ended before"),
            Lost::Sent if changes => (ErrorKind::Ambiguous, "the connection ended meanwhile"),
            Lost::Sent => (ErrorKind::Unavailable, "the connection ended meanwhile"),
            Lost::Late { sent: false } => (ErrorKind::Timeout, "no time left to ask"),
            Lost::Late { sent: true } if changes => (ErrorKind::Ambiguous, "no reply in time"),
            Lost::Late { sent: true } => (ErrorKind::Timeout, "no reply in time"),
        };
        let failure = Failure::new(kind, detail);
        // A connection that had ended before tells nothing about the node: the next one will. Nor
        // does a call that came late.
        if matches!(lost, Lost::Sent | Lost::Late { sent: true }) {
            self.failed(seen, failure.written(written))
        } else {
            failure.at(&self.name)
        }
    }
}

impl Future for Sent<'_> {
    type Output = Result<Answer, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(reply) = Pin::new(&mut self.exchange).poll(context) {
            return Poll::Ready(self.understand(reply));
        }
        match &mut self.timer {
            Some(timer) => ready!(timer.as_mut().poll(context)),
            None => return Poll::Pending,
        }
        Poll::Ready(self.understand(Err(Lost::Late { sent: true })))
    }
}

impl Sent<'_> {
    fn understand(&self, reply: Result<Answer, Lost>) -> Result<Answer, Failure> {
        let &Self { node, changes, .. } = self;
        let answer = reply.map_err(|lost| node.lost(lost, changes, self.written, self.seen))?;
        node.health.answered();
        let (kind, text) = match answer.reply() {
            Reply::ServerError(text) if text.contains("too large") => (ErrorKind::TooLarge, text),
            Reply::ServerError(text) => (ErrorKind::Rejected, text),
            Reply::Refused(text) => (ErrorKind::Protocol, text),
            _ => return Ok(answer),
        };
        if self.stores && kind != ErrorKind::Protocol {
            node.refused_value();
        }
        Err(Failure::new(kind, text.clone()).at(&node.name))
    }
}
