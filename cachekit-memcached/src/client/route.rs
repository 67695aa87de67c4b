//! Where a key goes.

use super::Client;
use crate::config::Failover;

/// A node for one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its index.
    pub(crate) node: usize,
    /// Whether it stands in for the owner of the key, which is down.
    pub(crate) stand_in: bool,
}

impl Client {
    /// The owner of `route`, or the node that stands in for it. If none is up, the owner.
    pub(super) fn place(&self, route: &str) -> Place {
        let owner = self.owner(route);
        if self.nodes[owner].is_up() {
            return Place {
                node: owner,
                stand_in: false,
            };
        }
        self.stand_in(route).unwrap_or(Place {
            node: owner,
            stand_in: false,
        })
    }

    /// The owner of `route`, up or not.
    pub(super) fn owner(&self, route: &str) -> usize {
        self.ring
            .owner(route)
            .expect("a checked configuration has a server")
    }

    /// The node that other processes take for the owner's stand-in, or would if the owner were
    /// down: the next one of the ring that is up.
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
}
