//! How many nodes one process ejects.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One of so many nodes may be ejected, rounded up. When more fail, it is as likely that this
/// process is cut off; to place the keys of the whole fleet on the few nodes that are left would
/// only take those down as well.
const ONE_OF: usize = 2;

/// The places for ejected nodes, shared by all nodes of a ring.
#[derive(Debug)]
pub(crate) struct Ejections {
    most: usize,
    claimed: AtomicUsize,
}

impl Ejections {
    /// Of a ring of so many nodes.
    pub(crate) fn of(nodes: usize) -> Arc<Self> {
        Arc::new(Self {
            most: nodes.div_ceil(ONE_OF),
            claimed: AtomicUsize::new(0),
        })
    }

    /// Takes a place; `false` if there is none.
    pub(super) fn claim(&self) -> bool {
        let more = |claimed| (claimed < self.most).then_some(claimed + 1);
        self.claimed
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .is_ok()
    }

    pub(super) fn give_back(&self) {
        self.claimed.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_half_of_the_nodes_rounded_up_have_a_place() {
        for (nodes, most) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)] {
            let ejections = Ejections::of(nodes);
            let claimed = (0..nodes).filter(|_| ejections.claim()).count();
            assert_eq!(claimed, most, "of {nodes}");
            ejections.give_back();
            assert!(ejections.claim());
        }
    }
}
