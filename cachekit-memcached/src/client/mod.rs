//! The servers as one store: where a key goes, what happens when a server is away, and many keys
//! at once.

mod batch;
mod call;
mod invalidate;
mod join;
mod route;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::{Config, Failover};
use crate::connection::Answer;
use crate::node::{Link, Node};
use crate::protocol::{Exptime, Meta};
use crate::ring::Ring;

pub(crate) use call::Led;
pub(crate) use join::join_all;
pub(crate) use route::Place;

/// What lands on a stand-in lives no longer than this: when the owner is back, nobody looks there
/// any more, and nobody who saw no outage ever did.
const STAND_IN_TTL: Duration = Duration::from_secs(10);

/// All servers of the ring.
#[derive(Debug)]
pub(crate) struct Client {
    ring: Ring,
    nodes: Vec<Arc<Node>>,
    failover: Failover,
    timeout: Duration,
}

/// Where a request is about to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) place: Place,
    pub(crate) node: &'a Arc<Node>,
    pub(crate) link: &'a Link,
}

/// A reply, and who gave it.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) node: usize,
    /// Whether the node can fence writes.
    pub(crate) fenced: bool,
    /// Which run of the node this is.
    pub(crate) run: u64,
}

impl Client {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            ring: Ring::new(config.hashing, &config.servers),
            nodes: config
                .servers
                .iter()
                .map(|server| Node::new(server, config))
                .collect(),
            failover: config.failover,
            timeout: config.timeout,
        }
    }

    pub(crate) fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    pub(crate) const fn failover(&self) -> Failover {
        self.failover
    }

    /// When a call that begins now has to be over.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }
}

impl Target<'_> {
    pub(crate) fn item_size_max(&self) -> usize {
        self.node.item_size_max(self.link)
    }

    /// How long what is to live for `wanted` lives here.
    pub(crate) fn exptime(&self, wanted: Exptime) -> Exptime {
        if self.place.stand_in {
            wanted.min(Exptime::of(STAND_IN_TTL))
        } else {
            wanted
        }
    }

    pub(crate) const fn fenced(&self) -> bool {
        self.link.greeting.fenced
    }

    fn answered(&self, answer: Answer) -> Answered {
        let greeting = self.link.greeting;
        Answered {
            answer,
            node: self.place.node,
            fenced: greeting.fenced,
            run: greeting.run,
        }
    }
}

impl Answered {
    pub(crate) const fn meta(&self) -> Option<&Meta> {
        self.answer.meta()
    }
}
