//! Where a key goes.

use cachekit_core::error::ErrorKind;

use super::Cluster;
use crate::config::Failover;

/// A node for one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its index.
    pub(crate) node: usize,
    /// Whether it stands in for the owner of the key, which is down.
    pub(crate) stand_in: bool,
}

/// A request that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tried {
    /// Where.
    pub(super) place: Place,
    /// How.
    pub(super) kind: ErrorKind,
    /// How many attempts there were.
    pub(super) attempts: usize,
}

impl Cluster {
    /// The owner of `route`, or the node that stands in for it. If none is up, the owner.
    pub(super) fn place(&self, route: &str) -> Place {
        let owner = self.owner(route);
        let stand_in = if self.nodes[owner.node].is_up() {
            None
        } else {
            self.stand_in(route)
        };
        stand_in.unwrap_or(owner)
    }

    /// The owner of `route`, up or not.
    pub(super) fn owner(&self, route: &str) -> Place {
        let node = self
            .ring
            .owner(route)
            .expect("a checked configuration has a server");
        Place {
            node,
            stand_in: false,
        }
    }

    /// The node that stands in for the owner of `route`, or would if the owner were down: the next
    /// one of the ring that is up.
    pub(super) fn stand_in(&self, route: &str) -> Option<Place> {
        if self.failover != Failover::Next || self.nodes.len() == 1 {
            return None;
        }
        let node = self
            .ring
            .order(route)
            .skip(1)
            .find(|&node| self.nodes[node].is_up())?;
        Some(Place {
            node,
            stand_in: true,
        })
    }

    /// Where to try again what had no effect: once at the same node, because its connection may
    /// have been an old one, and then at the one that stands in for a node that went down; not
    /// more often than there are nodes.
    pub(super) fn again(&self, route: &str, tried: Tried) -> Option<Place> {
        let place = self.place(route);
        let elsewhere = tried.attempts == 1 || place != tried.place;
        let worthwhile = elsewhere && tried.attempts <= self.nodes.len();
        (tried.kind == ErrorKind::Unavailable && worthwhile).then_some(place)
    }
}

impl Tried {
    /// Whether a request that may take effect twice is worth another attempt.
    pub(super) fn may_be_repeated(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Ambiguous)
    }
}
