//! How much may be in flight on one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most requests that are queued or wait for their reply.
pub(super) const MAX_REQUESTS: usize = 32_768;
/// Requests are taken as long as fewer bytes than this are queued or wait for their reply.
pub(super) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What is in flight.
#[derive(Debug, Default)]
pub(super) struct Load {
    requests: AtomicUsize,
    bytes: AtomicUsize,
}

/// A request's share of the load, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    load: Arc<Load>,
    bytes: usize,
}

impl Load {
    pub(super) fn is_empty(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }

    /// A permit for one request of so many bytes, or `None` if the connection is full. One
    /// request is let in however large it is.
    pub(super) fn admit(load: &Arc<Self>, bytes: usize) -> Option<Permit> {
        let requests = load.requests.fetch_add(1, Ordering::Relaxed);
        let before = load.bytes.fetch_add(bytes, Ordering::Relaxed);
        let permit = Permit {
            load: Arc::clone(load),
            bytes,
        };
        (requests < MAX_REQUESTS && before < MAX_BYTES).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.load.requests.fetch_sub(1, Ordering::Relaxed);
        self.load.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_connection_takes_no_more_and_a_dropped_permit_makes_room() {
        let load = Arc::new(Load::default());
        let mut permits: Vec<_> = (0..MAX_REQUESTS).map(|_| Load::admit(&load, 1)).collect();
        assert!(permits.iter().all(Option::is_some));
        assert!(Load::admit(&load, 1).is_none());
        permits.pop();
        assert!(Load::admit(&load, 1).is_some());
    }

    #[test]
    fn one_request_over_the_limit_of_bytes_is_let_in_and_no_second() {
        let load = Arc::new(Load::default());
        let large = Load::admit(&load, 2 * MAX_BYTES);
        assert!(large.is_some());
        assert!(Load::admit(&load, 1).is_none());
        drop(large);
        assert!(Load::admit(&load, 1).is_some());
    }
}
