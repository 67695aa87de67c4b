//! Several futures at once.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Waits for all of `futures`, which run at the same time in this task; results are in order.
///
/// Cancel safety: dropping it drops them all.
pub(crate) async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures
        .into_iter()
        .map(|future| Running::new(future))
        .collect();
    poll_fn(|context| {
        let mut done = true;
        for future in &mut running {
            done &= future.is_done(context);
        }
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().map(Running::output).collect()
}

enum Running<F: Future> {
    Pending(Pin<Box<F>>),
    Done(F::Output),
}

impl<F: Future> Running<F> {
    fn new(future: F) -> Self {
        Self::Pending(Box::pin(future))
    }

    fn is_done(&mut self, context: &mut Context<'_>) -> bool {
        if let Self::Pending(future) = self
            && let Poll::Ready(output) = future.as_mut().poll(context)
        {
            *self = Self::Done(output);
        }
        matches!(self, Self::Done(_))
    }

    fn output(self) -> F::Output {
        match self {
            Self::Done(output) => output,
            Self::Pending(_) => unreachable!("all are done"),
        }
    }
}
