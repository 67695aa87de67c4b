//! The task that owns a socket.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::pending::Pending;
use super::{Call, Shared, exchange};
use crate::protocol::{Decoder, Malformed, Reply};

/// One write takes requests until it has this many bytes.
const BATCH: usize = 256 * 1024;
/// A buffer that has grown beyond this is given back after use.
const KEEP: usize = 1024 * 1024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("closed by the server")]
    ByServer,
    #[error("closed: a reply is overdue")]
    Overdue,
    #[error("no longer used")]
    Unused,
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("a reply that nobody asked for")]
    Unasked,
    #[error("the server did not understand a request: {0}")]
    Refused(String),
}

/// Reads and writes until something ends it. Every request that is left then, and every one left
/// when the runtime drops this future, learns how far it had come.
pub(super) async fn drive<S: AsyncRead + AsyncWrite>(
    stream: S,
    mut calls: UnboundedReceiver<Call>,
    queue: WeakUnboundedSender<Call>,
    shared: Arc<Shared>,
) {
    // Dropped after the socket and before `calls`: requests fail in the order in which they came.
    let _fail_all = FailAll(&shared);
    let (reader, writer) = tokio::io::split(stream);
    let mut reading = pin!(read_replies(reader, &queue, &shared));
    let mut writing = pin!(write_requests(writer, &mut calls, &shared));
    let mut closing = pin!(shared.close.notified());
    let ended = poll_fn(|context| {
        if let Poll::Ready(ended) = reading.as_mut().poll(context) {
            return Poll::Ready(ended);
        }
        if let Poll::Ready(ended) = writing.as_mut().poll(context) {
            return Poll::Ready(ended);
        }
        closing.as_mut().poll(context).map(|()| Ended::Overdue)
    });
    match ended.await {
        Ended::Unused => {}
        ended @ (Ended::ByServer | Ended::Io(_) | Ended::Overdue) => {
            tracing::debug!(%ended, "memcached connection ended");
        }
        ended => tracing::warn!(%ended, "memcached connection ended: protocol violated"),
    }
}

struct FailAll<'a>(&'a Shared);

impl Drop for FailAll<'_> {
    fn drop(&mut self) {
        self.0.fifo.fail_all();
    }
}

/// Drains the queue into one write, again and again.
async fn write_requests<W: AsyncWrite + Unpin>(
    mut writer: W,
    calls: &mut UnboundedReceiver<Call>,
    shared: &Shared,
) -> Ended {
    let mut buffer = Vec::new();
    let mut batch = Vec::new();
    let mut opaque = 0_u32;
    while let Some(first) = calls.recv().await {
        // On a multi-threaded runtime this task is often woken by the first of many callers.
        // Letting the others queue first doubles what one write carries.
        if !calls.is_empty() || !shared.fifo.is_empty() {
            yield_now().await;
        }
        let now = Instant::now();
        let mut next = Some(first);
        while let Some(call) = next {
            let Call {
                request,
                dialect,
                waiter,
            } = call;
            if !waiter.is_forsaken() {
                opaque = opaque.wrapping_add(1);
                request.encode(dialect, opaque, &mut buffer);
                batch.push(Pending::new(request.expected(dialect, opaque), waiter, now));
            }
            next = if buffer.len() < BATCH {
                calls.try_recv().ok()
            } else {
                None
            };
        }
        // Before the write: the replies may come before it returns.
        shared.fifo.extend(batch.drain(..));
        if let Err(error) = write_all(&mut writer, &buffer).await {
            return error.into();
        }
        buffer.clear();
        buffer.shrink_to(KEEP);
    }
    Ended::Unused
}

async fn write_all<W: AsyncWrite + Unpin>(writer: &mut W, bytes: &[u8]) -> std::io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}

/// Hands each reply to the request that has waited longest.
async fn read_replies<R: AsyncRead + Unpin>(
    mut reader: R,
    queue: &WeakUnboundedSender<Call>,
    shared: &Shared,
) -> Ended {
    let mut decoder = Decoder::default();
    loop {
        match reader.read_buf(&mut decoder.room()).await {
            Ok(0) => return Ended::ByServer,
            Ok(_) => {}
            Err(error) => return error.into(),
        }
        loop {
            match shared.fifo.answered(&mut decoder) {
                Ok(None) => break,
                Ok(Some((pending, reply))) => {
                    if let Err(ended) = deliver(pending, reply, queue) {
                        return ended;
                    }
                }
                Err(malformed) => return malformed.map_or(Ended::Unasked, Into::into),
            }
        }
    }
}

fn deliver(
    mut pending: Pending,
    reply: Reply,
    queue: &WeakUnboundedSender<Call>,
) -> Result<(), Ended> {
    let refused = match &reply {
        Reply::Refused(text) if !pending.survives_refusal() => Some(text.clone()),
        _ => None,
    };
    let leads = pending.waiter.leads.take();
    if let Err(unread) = pending.waiter.give(reply)
        && let Some(key) = leads
    {
        exchange::hand_back(key, &unread, queue);
    }
    refused.map_or(Ok(()), |text| Err(Ended::Refused(text)))
}
