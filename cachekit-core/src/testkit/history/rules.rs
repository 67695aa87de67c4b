//! What is promised.

use std::time::Duration;

/// What the store, its readers and the way of the test promise. By default: no L1, entries that do
/// not end, the lease of the cache, and no nodes that are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// For how long after an invalidation a process may give what it keeps for itself. Zero: there
    /// is no L1.
    pub l1_bound: Duration,
    /// How long an entry stays fresh at least, from the end of its computation: jitter, the window
    /// of early refreshes and what the store rounds off are taken off.
    pub ttl: Duration,
    /// For how long a leader who died keeps others from leading at most, where it was not renewed
    /// any more: with patience and jitter, without the second that stores count in.
    pub lease: Duration,
    /// How long a waiting reader pauses at most between two looks.
    pub poll: Duration,
    /// How long it takes at most from the moment when a reader gets the lead until the origin is
    /// asked, and from the answer of the origin until it is stored: with the time for which threads
    /// of a busy machine do not run.
    pub lag: Duration,
    /// Until how long after its beginning an invalidation without an end may take effect at most. If
    /// a node is lost meanwhile, until that has no effects any more.
    pub late: Duration,
    /// For how much longer an invalidation may be without effect if a node was lost around it; and
    /// how long after the return of a node its loss has effects at all.
    pub after_node_loss: Duration,
    /// How many computations of each key the loss of a node, with its return, excuses.
    pub computations_per_node_loss: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            l1_bound: Duration::ZERO,
            ttl: Duration::MAX,
            lease: Duration::from_secs(6),
            poll: Duration::from_millis(300),
            lag: Duration::from_secs(1),
            late: Duration::from_secs(10),
            after_node_loss: Duration::ZERO,
            computations_per_node_loss: 0,
        }
    }
}

/// Nanoseconds; what does not fit never ends.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
