//! Two futures, of which one counts.

use std::future::{Future, poll_fn};
use std::pin::pin;
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
