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
