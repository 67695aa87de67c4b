//! What this client has done, and how its servers are as far as it knows.

use std::sync::atomic::Ordering;

use super::Client;
use crate::node::NodeStats;

/// A client at one moment. What is counted is counted from when the client was made, over all of
/// its clones.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Each server, in the order of the configuration.
    pub nodes: Vec<NodeStats>,
    /// How many items were given a ttl over 30 days, and live for 30 days instead.
    /// [`Ttl::NEVER`](crate::Ttl::NEVER) is not counted.
    pub clamped_ttls: u64,
}

impl Client {
    /// How this client is. Asks no server, and waits for nothing: it may be called from anywhere,
    /// once a second or more often. What the servers count themselves is in
    /// [`server_stats`](Self::server_stats).
    ///
    /// The numbers of a connection are those of its last write or read: they are put together once
    /// for many requests.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            nodes: self.cluster.nodes.iter().map(|node| node.stats()).collect(),
            clamped_ttls: self.cluster.clamped.load(Ordering::Relaxed),
        }
    }
}
