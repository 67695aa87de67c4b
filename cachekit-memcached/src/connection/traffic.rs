//! What goes to and fro between this process and one node.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::histogram::{Counts, Histogram, Latency};
use super::large_keys::LargeKeys;
use super::load::Load;
use crate::protocol::{LARGE_VALUE, Request};

/// A connection is given up when for this many timeouts no reply came in time.
const PATIENCE: u32 = 2;

/// What all connections to one node share: how long they wait, what they count, and which keys are
/// known to have large values. Written by the tasks that own the sockets, once for many replies.
#[derive(Debug)]
pub(crate) struct Traffic {
    /// Its name, for events.
    pub(super) node: Arc<str>,
    pub(super) patience: Duration,
    pub(super) large_keys: LargeKeys,
    started: Instant,
    requests: AtomicU64,
    replies: AtomicU64,
    timeouts: AtomicU64,
    opened: AtomicU64,
    lost: AtomicU64,
    refused: AtomicU64,
    violations: AtomicU64,
    latency: Histogram,
    /// One for each connection that is open.
    open: Mutex<Vec<Arc<Shared>>>,
}

/// The traffic of one node, at one moment. What is counted is counted from when the client was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrafficStats {
    /// Requests that are queued or wait for their reply.
    pub in_flight: usize,
    /// Their bytes, about.
    pub bytes_in_flight: usize,
    /// How long the oldest request that was written and not answered has been waiting; `None` if
    /// there is none.
    pub queue_age: Option<Duration>,
    /// Requests that were written.
    pub requests: u64,
    /// Replies that were read.
    pub replies: u64,
    /// Callers whose time was over before their reply came.
    pub timeouts: u64,
    /// Connections that are open.
    pub connections: usize,
    /// Connections that were opened.
    pub opened: u64,
    /// Those of them that ended while they were still of use.
    pub lost: u64,
    /// Connections that were closed because the server did not understand a request
    /// (`CLIENT_ERROR`): each is a mistake of this client.
    pub refused_requests: u64,
    /// Connections that were closed because of a reply that cannot be read, or that nobody asked for.
    pub protocol_violations: u64,
    /// From when a request was written up to its reply.
    pub latency: Latency,
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
    /// For the node of this name, whose calls have this long.
    pub(crate) fn new(node: &Arc<str>, timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            node: Arc::clone(node),
            patience: timeout * PATIENCE,
            large_keys: LargeKeys::default(),
            started: Instant::now(),
            requests: AtomicU64::new(0),
            replies: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            violations: AtomicU64::new(0),
            latency: Histogram::default(),
            open: Mutex::default(),
        })
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.open().len()
    }

    /// Whether `request` has to do with a large value, as far as is known. A write is learned from.
    pub(crate) fn is_large(&self, request: &Request<'_>) -> bool {
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
    pub(crate) fn stats(&self) -> TrafficStats {
        let open = self.open();
        let loads = || open.iter().map(|connection| &connection.queue.load);
        let oldest = loads().map(Load::oldest).filter(|&at| at > 0);
        let now = self.micros(Instant::now());
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TrafficStats {
            in_flight: loads().map(Load::requests).sum(),
            bytes_in_flight: loads().map(Load::bytes).sum(),
            queue_age: oldest
                .min()
                .map(|at| Duration::from_micros(now.saturating_sub(at))),
            requests: count(&self.requests),
            replies: count(&self.replies),
            timeouts: count(&self.timeouts),
            connections: open.len(),
            opened: count(&self.opened),
            lost: count(&self.lost),
            refused_requests: count(&self.refused),
            protocol_violations: count(&self.violations),
            latency: self.latency.latency(),
        }
    }

    /// Whether a connection has ended that was still of use.
    pub(crate) fn has_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed) > 0
    }

    pub(super) fn opened(&self, connection: &Arc<Shared>) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.open().push(Arc::clone(connection));
    }

    /// A connection ended, whatever for.
    pub(super) fn closed(&self, connection: &Arc<Shared>) {
        self.open().retain(|other| !Arc::ptr_eq(other, connection));
    }

    /// A connection ended that was still of use.
    pub(super) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection ended because the server did not understand a request.
    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection ended because of a reply that is none.
    pub(super) fn violated(&self) {
        self.violations.fetch_add(1, Ordering::Relaxed);
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

    fn open(&self) -> MutexGuard<'_, Vec<Arc<Shared>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
