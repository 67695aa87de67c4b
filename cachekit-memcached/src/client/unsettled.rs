//! Items that were written and may have to go again.

use std::sync::Arc;

use super::call::Led;
use crate::node::{Debt, Node};
use crate::protocol::Key;

/// An item that nobody knows to be right before [`settle`](Self::settle) is called. If that does not
/// happen, because a call failed or its future was dropped, the node is owed its deletion.
#[derive(Debug)]
pub(crate) struct Unsettled<'a> {
    node: &'a Arc<Node>,
    key: Key<'a>,
    settled: bool,
}

impl<'a> Led<'a> {
    /// The item of `key` is about to be written at this node.
    pub(crate) const fn unsettled(&self, key: Key<'a>) -> Unsettled<'a> {
        Unsettled {
            node: self.node,
            key,
            settled: false,
        }
    }
}

impl Unsettled<'_> {
    /// The item is right, or gone.
    pub(crate) fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.node.owe_write(&self.key, Debt::new());
        }
    }
}
