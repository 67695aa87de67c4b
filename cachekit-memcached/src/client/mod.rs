//! The servers as one store: where a key goes, what happens when a server is away, and many keys
//! at once.

mod batch;
mod call;
mod debts;
mod invalidate;
mod join;
mod route;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use cachekit_core::error::ErrorKind;
use tokio::time::Instant;

use crate::config::{Config, Failover};
use crate::connection::Answer;
use crate::error::Failure;
use crate::node::{Ejections, Link, Node};
use crate::protocol::{Exptime, Meta};
use crate::ring::Rendezvous;

pub(crate) use call::Led;
pub(crate) use join::join_all;
pub(crate) use route::Place;

/// What lands on a stand-in lives no longer than this: when the owner is back, nobody looks there
/// any more, and nobody who saw no outage ever did.
const STAND_IN_TTL: Duration = Duration::from_secs(10);

/// All servers of the ring.
#[derive(Debug)]
pub(crate) struct Client {
    ring: Rendezvous,
    nodes: Vec<Arc<Node>>,
    failover: Failover,
    timeout: Duration,
}

/// Where a request is about to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) place: Place,
    pub(crate) node: &'a Arc<Node>,
    /// `None` of a node that was not reached: what would have been sent matters all the same.
    pub(crate) link: Option<&'a Link>,
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
        let ejections = Ejections::of(config.servers.len());
        Self {
            ring: Rendezvous::new(config.servers.iter().map(crate::config::Server::name)),
            nodes: config
                .servers
                .iter()
                .map(|server| Node::new(server, config, &ejections))
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
        if self.place.is_stand_in() {
            wanted.min(Exptime::of(STAND_IN_TTL))
        } else {
            wanted
        }
    }

    pub(crate) fn fenced(&self) -> bool {
        self.link.is_some_and(|link| link.greeting.fenced)
    }

    fn link(&self) -> Result<&Link, Failure> {
        self.link
            .ok_or_else(|| Failure::new(ErrorKind::Unavailable, "not connected"))
    }

    fn answered(&self, answer: Answer) -> Answered {
        Answered {
            answer,
            node: self.place.node,
            fenced: self.fenced(),
            run: self.link.map_or(0, |link| link.greeting.run),
        }
    }
}

impl Answered {
    pub(crate) const fn meta(&self) -> Option<&Meta> {
        self.answer.meta()
    }
}
