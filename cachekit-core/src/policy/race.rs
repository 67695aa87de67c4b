//! Two futures, of which one counts.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

/// What completes first, and `preferred` if both are there. The other is dropped.
pub(crate) async fn race<T>(
    preferred: impl Future<Output = T>,
    other: impl Future<Output = T>,
) -> T {
    let (mut preferred, mut other) = (pin!(preferred), pin!(other));
    poll_fn(|context| match preferred.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(output),
        Poll::Pending => other.as_mut().poll(context),
    })
    .await
}

/// What both come to.
pub(crate) async fn both<A, B>(
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(output) = one.as_mut().poll(context)
        {
            first = Some(output);
        }
        if second.is_none()
            && let Poll::Ready(output) = other.as_mut().poll(context)
        {
            second = Some(output);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// What the first of them comes to; none of them: nothing ever. The others are dropped.
pub(crate) async fn first<T, Fut: Future<Output = T>>(futures: impl IntoIterator<Item = Fut>) -> T {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    poll_fn(|context| {
        let mut polled = futures
            .iter_mut()
            .map(|future| future.as_mut().poll(context));
        polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// What each of them comes to, in their order; all are under way at the same time.
pub(crate) async fn all<T, Fut: Future<Output = T>>(
    futures: impl IntoIterator<Item = Fut>,
) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).map(Some).collect();
    let mut outputs: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if let Some(running) = future
                && let Poll::Ready(ready) = running.as_mut().poll(context)
            {
                (*future, *output) = (None, Some(ready));
            }
        }
        match futures.iter().all(Option::is_none) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

/// What those of them come to that are first, in the order of all; the others are to be polled on.
pub(crate) async fn some<T, Fut: Future<Output = T> + Unpin>(
    futures: Vec<Fut>,
) -> Vec<Result<T, Fut>> {
    let mut all: Vec<Result<T, Fut>> = futures.into_iter().map(Err).collect();
    poll_fn(|context| {
        for one in &mut all {
            if let Err(future) = one
                && let Poll::Ready(output) = Pin::new(future).poll(context)
            {
                *one = Ok(output);
            }
        }
        match all.is_empty() || all.iter().any(Result::is_ok) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    all
}
