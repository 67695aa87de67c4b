//! What a node has to tell of itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Node;
use super::health::State;
use crate::connection::TrafficStats;

/// One server as this client sees it, at one moment. What is counted is counted from when the
/// client was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStats {
    /// Its [name](crate::Server::name).
    pub name: String,
    /// Whether it is called.
    pub state: State,
    /// How long it has been in that state.
    pub state_age: Duration,
    /// The last failure that was counted against it, even if it is up again since; `None` if there
    /// was none. Never a key or a value.
    pub last_failure: Option<String>,
    /// Whether its keys are placed on other nodes, as far as [`Failover`](crate::Failover) says so.
    /// A node that is down keeps its keys while half of the nodes are ejected already.
    pub ejected: bool,
    /// How often it went down.
    pub ejections: u64,
    /// How often it was connected to after a connection had been lost, or after it had been down.
    pub reconnects: u64,
    /// Deletions that did not arrive and are delivered before it is called again.
    pub owed: usize,
    /// Deletions that did not arrive at first and were delivered later.
    pub replayed: u64,
    /// Values that were not stored because they were over the limit of the server, or because it
    /// had no memory for them.
    pub refused_values: u64,
    /// What goes to and fro.
    pub traffic: TrafficStats,
}

/// What is counted of a node.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) reconnects: AtomicU64,
    pub(super) replayed: AtomicU64,
    pub(super) refused_values: AtomicU64,
}

impl Node {
    /// How it is now. Waits for nothing but locks that are held for a few instructions.
    pub(crate) fn stats(&self) -> NodeStats {
        let condition = self.health.condition();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        NodeStats {
            name: self.name.to_string(),
            state: condition.state,
            state_age: Instant::now().saturating_duration_since(condition.since),
            last_failure: Some(condition.reason).filter(|reason| !reason.is_empty()),
            ejected: self.health.is_ejected(),
            ejections: condition.ejections,
            reconnects: count(&self.counters.reconnects),
            owed: self.owed.count(),
            replayed: count(&self.counters.replayed),
            refused_values: count(&self.counters.refused_values),
            traffic: self.traffic.stats(),
        }
    }

    /// A connection to it was made.
    pub(super) fn connected(&self) {
        if self.traffic.has_lost() || self.health.condition().ejections > 0 {
            self.counters.reconnects.fetch_add(1, Ordering::Relaxed);
            self.tell_reconnected();
        }
    }

    /// A value was not stored, for its size or for want of memory.
    pub(crate) fn refused_value(&self) {
        self.counters.refused_values.fetch_add(1, Ordering::Relaxed);
    }
}
