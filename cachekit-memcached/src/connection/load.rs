//! How much may be in flight on one connection.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The most requests that are queued or wait for their reply.
pub(super) const MAX_REQUESTS: usize = 32_768;
/// Requests are taken as long as fewer bytes than this are queued or wait for their reply.
pub(super) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What is in flight. Callers add to it, and the task that owns the socket takes away, once for many:
/// both while they hold the lock of the queue. Anybody may look.
#[derive(Debug, Default)]
pub(super) struct Load {
    requests: AtomicUsize,
    bytes: AtomicUsize,
    /// How long a reply is, on average; of the last ones more than of those before.
    reply: AtomicUsize,
    /// When the oldest was taken up, in microseconds since the node was made; 0 for none.
    oldest: AtomicU64,
}

/// A part of it; by default that of a request which was not asked for admission. It does not go away
/// by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    requests: usize,
    bytes: usize,
}

impl Load {
    /// Whether no further request is let in. As long as there is room, one is, however large it is.
    pub(super) fn is_full(&self) -> bool {
        self.requests() >= MAX_REQUESTS || self.bytes() >= MAX_BYTES
    }

    /// So much more is in flight. Two threads may not do this at a time, nor
    /// [`release`](Self::release).
    pub(super) fn admit(&self, share: Share) {
        let (requests, bytes) = (self.requests(), self.bytes());
        self.requests
            .store(requests + share.requests, Ordering::Relaxed);
        self.bytes.store(bytes + share.bytes, Ordering::Relaxed);
    }

    /// So much is done with.
    pub(super) fn release(&self, share: Share) {
        if share.requests > 0 {
            let (requests, bytes) = (self.requests(), self.bytes());
            self.requests
                .store(requests - share.requests, Ordering::Relaxed);
            self.bytes.store(bytes - share.bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// About how many bytes are in flight when the replies are.
    pub(super) fn expected_bytes(&self) -> usize {
        self.bytes() + self.requests() * self.reply.load(Ordering::Relaxed)
    }

    /// The last replies had so many bytes on average.
    pub(super) fn set_reply(&self, bytes: usize) {
        let before = self.reply.load(Ordering::Relaxed);
        let mean = before - before / 8 + bytes / 8;
        self.reply.store(mean, Ordering::Relaxed);
    }

    pub(super) fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Relaxed)
    }

    pub(super) fn set_oldest(&self, micros: u64) {
        self.oldest.store(micros, Ordering::Relaxed);
    }
}

impl Share {
    /// That of one request of so many bytes.
    pub(super) const fn of(bytes: usize) -> Self {
        Self { requests: 1, bytes }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_connection_takes_no_more_until_something_is_done() {
        let load = Load::default();
        (0..MAX_REQUESTS).for_each(|_| load.admit(Share::of(1)));
        assert!(load.is_full());
        load.release(Share::of(1));
        assert!(!load.is_full());
    }

    #[test]
    fn one_request_over_the_limit_of_bytes_is_let_in_and_no_second() {
        let load = Load::default();
        let large = Share::of(2 * MAX_BYTES);
        load.admit(large);
        assert!(load.is_full());
        load.release(large);
        assert!(!load.is_full());
    }
}
