//! The one timer of a connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Rings once, at or before the earliest moment that it was set to.
#[derive(Debug)]
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    at: Option<Instant>,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self {
            sleep: Box::pin(sleep(Duration::ZERO)),
            at: None,
        }
    }

    /// Lets it ring at `moment`, unless it rings earlier.
    pub(super) fn set(&mut self, moment: Instant) {
        if self.at.is_none_or(|at| moment < at) {
            self.sleep.as_mut().reset(moment);
            self.at = Some(moment);
        }
    }

    /// Ready when it rings; then it is no longer set.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.at.is_none() {
            return Poll::Pending;
        }
        ready!(self.sleep.as_mut().poll(context));
        self.at = None;
        Poll::Ready(())
    }
}
