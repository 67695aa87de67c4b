//! How a store is, as it says itself.

/// How a store is, node by node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// One row a node; a store without nodes has one row.
    pub nodes: Vec<NodeHealth>,
}

/// How one node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeHealth {
    /// Its name: an address, a directory.
    pub name: String,
    /// Its state.
    pub state: NodeState,
    /// What else is worth telling: a version, a reason. Empty where there is nothing.
    pub detail: String,
}

/// The state of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeState {
    /// Answers.
    Up,
    /// Answers, but not everything works: no fencing, read-only, configured wrongly.
    Degraded,
    /// Does not answer.
    Down,
}

impl Health {
    /// A store of one node.
    #[must_use]
    pub fn single(name: impl Into<String>, state: NodeState, detail: impl Into<String>) -> Self {
        Self {
            nodes: vec![NodeHealth {
                name: name.into(),
                state,
                detail: detail.into(),
            }],
        }
    }

    /// `Up` if every node is up, `Down` if every node is down, else `Degraded`.
    #[must_use]
    pub fn state(&self) -> NodeState {
        let all = |state| self.nodes.iter().all(|node| node.state == state);
        if all(NodeState::Up) {
            NodeState::Up
        } else if all(NodeState::Down) {
            NodeState::Down
        } else {
            NodeState::Degraded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_degraded_when_one_of_two_nodes_is_down() {
        let node = |state| NodeHealth {
            name: String::new(),
            state,
            detail: String::new(),
        };
        let health = Health {
            nodes: vec![node(NodeState::Up), node(NodeState::Down)],
        };
        assert_eq!(health.state(), NodeState::Degraded);
    }
}
