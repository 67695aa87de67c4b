//! What goes to and fro between this process and one node.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::histogram::{Counts, Histogram};
use super::large_keys::LargeKeys;
use super::load::Load;
use crate::protocol::{LARGE_VALUE, Request};

/// A connection is given up when for this many timeouts no reply came in time.
const PATIENCE: u32 = 2;

/// What all connections to one node share: how long they wait, what they count, and which keys are
/// known to have large values. Written by the tasks that own the sockets, once for many replies.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(super) patience: Duration,
    pub(super) large_keys: LargeKeys,
    started: Instant,
    requests: AtomicU64,
    replies: AtomicU64,
    timeouts: AtomicU64,
    opened: AtomicU64,
    lost: AtomicU64,
    refused: AtomicU64,
    latency: Histogram,
    /// One for each connection that is open.
    loads: Mutex<Vec<Arc<Load>>>,
}

/// The traffic of one node, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Requests that are queued or wait for their reply.
    pub(crate) in_flight: usize,
    /// Their bytes, about.
    pub(crate) bytes_in_flight: usize,
    /// How long the oldest request without a reply has been waiting.
    pub(crate) oldest: Option<Duration>,
    /// Requests that were written, ever.
    pub(crate) requests: u64,
    /// Replies that were read.
    pub(crate) replies: u64,
    /// Callers whose time was over before their reply came.
    pub(crate) timeouts: u64,
    /// Connections that are open.
    pub(crate) connections: usize,
    /// Connections that were opened, ever.
    pub(crate) opened: u64,
    /// Those of them that ended before they were of no more use.
    pub(crate) lost: u64,
    /// Requests that the server did not understand: each is a mistake of this client.
    pub(crate) refused: u64,
    /// From when a request was taken up to its reply: below each duration, how many.
    pub(crate) latency: Vec<(Duration, u64)>,
}

/// What one connection has to tell, gathered until it is worth telling.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) replies: u64,
    pub(super) timeouts: u64,
    pub(super) latency: Counts,
}

impl Traffic {
    /// For a node whose calls have this long.
    pub(crate) fn new(timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            patience: timeout * PATIENCE,
            large_keys: LargeKeys::default(),
            started: Instant::now(),
            requests: AtomicU64::new(0),
            replies: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            latency: Histogram::default(),
            loads: Mutex::default(),
        })
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.loads().len()
    }

    /// Whether `request` has to do with a large value, as far as is known. A write is learned from.
    pub(crate) fn is_large(&self, request: &Request) -> bool {
        let keys = &self.large_keys;
        match request {
            Request::Get(get) => keys.contains(get.key.as_bytes()),
            Request::Delete(delete) => keys.contains(delete.key.as_bytes()),
            Request::GetMany(get) => {
                !keys.is_empty() && get.keys.iter().any(|key| keys.contains(key))
            }
            Request::Set(set) => {
                let was_large = keys.contains(set.key.as_bytes());
                keys.learn(set.key.as_bytes(), set.value.len());
                was_large || set.value.len() >= LARGE_VALUE
            }
            _ => false,
        }
    }

    /// How it is now.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the statistics of the client read it")
    )]
    pub(crate) fn snapshot(&self) -> Snapshot {
        let loads = self.loads();
        let oldest = loads.iter().map(|load| load.oldest()).filter(|&at| at > 0);
        let now = self.micros(Instant::now());
        Snapshot {
            in_flight: loads.iter().map(|load| load.requests()).sum(),
            bytes_in_flight: loads.iter().map(|load| load.bytes()).sum(),
            oldest: oldest
                .min()
                .map(|at| Duration::from_micros(now.saturating_sub(at))),
            requests: self.requests.load(Ordering::Relaxed),
            replies: self.replies.load(Ordering::Relaxed),
            timeouts: self.timeouts.load(Ordering::Relaxed),
            connections: loads.len(),
            opened: self.opened.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            latency: self.latency.buckets(),
        }
    }

    pub(super) fn opened(&self, load: &Arc<Load>) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.loads().push(Arc::clone(load));
    }

    /// A connection ended, whatever for.
    pub(super) fn closed(&self, load: &Arc<Load>) {
        self.loads().retain(|other| !Arc::ptr_eq(other, load));
    }

    /// A connection ended that was still of use.
    pub(super) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection ended because the server did not understand a request.
    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes in what one connection has to tell.
    pub(super) fn flush(&self, tally: &mut Tally) {
        for (total, count) in [
            (&self.requests, &mut tally.requests),
            (&self.replies, &mut tally.replies),
            (&self.timeouts, &mut tally.timeouts),
        ] {
            if *count > 0 {
                total.fetch_add(std::mem::take(count), Ordering::Relaxed);
            }
        }
        self.latency.flush(&mut tally.latency);
    }

    /// `moment` as a number, never 0.
    pub(super) fn micros(&self, moment: Instant) -> u64 {
        let micros = moment.saturating_duration_since(self.started).as_micros();
        u64::try_from(micros).unwrap_or(u64::MAX).max(1)
    }

    fn loads(&self) -> MutexGuard<'_, Vec<Arc<Load>>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
