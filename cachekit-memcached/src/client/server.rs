//! What servers tell about themselves.

use std::sync::Arc;

use cachekit_core::error::{Error, Result};

use super::span::CallSpan;
use super::{Client, join_all, unexpected};
use crate::error::Failure;
use crate::node::Node;
use crate::protocol::{Reply, Request, Statistics};

const VERSION: &str = "memcached versions";
const STATS: &str = "memcached server_stats";

/// What one server answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Told<T> {
    /// Its [name](crate::Server::name).
    pub server: String,
    /// The answer, or why there is none.
    pub answer: Result<T>,
}

impl Client {
    /// The version of each server, as it tells it: `1.6.18`. In the order of the configuration; a
    /// server that is away has an error and no other has.
    pub async fn versions(&self) -> Vec<Told<String>> {
        let version = |reply: &Reply| match reply {
            Reply::Version(version) => Some(version.clone()),
            _ => None,
        };
        self.tell(&Request::Version, version, VERSION).await
    }

    /// What each server counts itself about `what`: names and values, as it tells them. In the order
    /// of the configuration; a server that is away has an error and no other has. What this client
    /// counts is in [`stats`](Self::stats).
    pub async fn server_stats(&self, what: Statistics) -> Vec<Told<Vec<(String, String)>>> {
        let rows = |reply: &Reply| match reply {
            Reply::Stats(rows) => Some(rows.clone()),
            _ => None,
        };
        self.tell(&Request::Stats(what), rows, STATS).await
    }

    async fn tell<T>(
        &self,
        request: &Request<'_>,
        answer: impl Fn(&Reply) -> Option<T> + Sync,
        operation: &'static str,
    ) -> Vec<Told<T>> {
        let deadline = self.cluster.deadline();
        let ask = async |node: &Arc<Node>| {
            let span = CallSpan::at(node);
            span.operation(request.operation());
            let asked = async {
                let link = node.link(deadline).await?;
                let replied = node.call(&link, request.clone(), deadline).await?;
                answer(replied.reply()).ok_or_else(unexpected)
            };
            asked.await.inspect_err(|failure| span.failed(failure))
        };
        let nodes = self.cluster.nodes();
        let answers = join_all(nodes.iter().map(ask).collect()).await;
        let told = |(node, answer): (&Arc<Node>, Result<T, Failure>)| Told {
            server: node.name().to_string(),
            answer: answer.map_err(|failure| -> Error { failure.into_error(operation) }),
        };
        nodes.iter().zip(answers).map(told).collect()
    }
}
