//! How each server is: up, degraded (by what), or down (why).

use std::sync::Arc;

use cachekit_core::backend::{Health, NodeHealth, NodeState};
use cachekit_core::error::ErrorKind;

use crate::client::{Cluster, join_all};
use crate::error::Failure;
use crate::node::{Greeting, Node, NodeStats, State};
use crate::protocol::Dialect;

/// Asks every server, all at the same time, also those that are down.
pub(super) async fn health(cluster: &Cluster) -> Health {
    let deadline = cluster.deadline();
    let ask = async |node: &Arc<Node>| {
        let asked = match node.ask(deadline).await {
            // A connection that had ended before tells nothing about the server: the next one will.
            Err(failure) if failure.kind == ErrorKind::Unavailable && node.is_up() => {
                node.ask(deadline).await
            }
            asked => asked,
        };
        of(node, asked)
    };
    Health {
        nodes: join_all(cluster.nodes().iter().map(ask).collect()).await,
    }
}

fn of(node: &Node, asked: Result<Greeting, Failure>) -> NodeHealth {
    let stats = node.stats();
    let (state, detail) = match asked {
        Ok(greeting) => answers(greeting, &stats),
        Err(failure) => fails(&failure, &stats),
    };
    NodeHealth {
        name: stats.name,
        state,
        detail,
    }
}

fn answers(greeting: Greeting, stats: &NodeStats) -> (NodeState, String) {
    let version = greeting
        .version
        .map_or_else(|| "no version told".to_owned(), |v| v.to_string());
    let mut details = vec![version];
    let lacks = greeting.lacks();
    details.extend(lacks.map(|why| format!("no fencing: {why}; readers wait by leases")));
    if greeting.dialect == Dialect::Classic {
        details.push("no times are told".to_owned());
    }
    details.extend(owes(stats));
    let state = if details.len() > 1 {
        NodeState::Degraded
    } else {
        NodeState::Up
    };
    (state, details.join(", "))
}

/// A server that did not answer this question is called all the same until that has happened often
/// enough.
fn fails(failure: &Failure, stats: &NodeStats) -> (NodeState, String) {
    let (state, what) = match stats.state {
        State::Up => (NodeState::Degraded, ""),
        State::Suspect => (NodeState::Degraded, "suspect: "),
        State::Down | State::Probing => (NodeState::Down, ""),
    };
    let mut details = vec![format!("{what}{}", failure.detail())];
    details.extend(owes(stats));
    (state, details.join(", "))
}

fn owes(stats: &NodeStats) -> Option<String> {
    (stats.owed > 0).then(|| format!("{} deletions not yet delivered", stats.owed))
}
