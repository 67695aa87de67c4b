//! The servers as one store: where a key goes, what happens when a server is away, and many keys
//! at once.

mod batch;
mod bulk;
mod call;
mod counter;
mod debts;
mod delete;
mod errand;
mod invalidate;
mod item;
mod join;
mod keys;
mod read;
mod route;
mod server;
mod span;
mod stats;
mod store;
mod touch;
mod trust;
mod unsettled;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachekit_core::backend::Ttl;
use cachekit_core::error::{ErrorKind, Result};
use tokio::time::Instant;

use crate::config::{Config, Failover};
use crate::connection::Answer;
use crate::error::Failure;
use crate::node::{Ejections, Link, Node, Tls};
use crate::protocol::{Dialect, Exptime, Key, Meta};
use crate::ring::Ring;

pub(crate) use batch::WINDOW_BYTES;
pub(crate) use call::Led;
pub(crate) use delete::delete;
pub(crate) use join::join_all;
pub(crate) use keys::{Keys, lease};
pub(crate) use route::{Place, Site};
pub(crate) use unsettled::Unsettled;

pub use item::Item;
pub use read::Value;
pub use server::Told;
pub use stats::Stats;
pub use store::{Payload, Stored, Swapped};

/// What lands on a stand-in lives no longer than this: when the owner is back, nobody looks there
/// any more, and nobody who saw no outage ever did.
const STAND_IN_TTL: Duration = Duration::from_secs(10);

/// A memcached client over any number of servers.
///
/// One `Client` serves a whole process: clones share its connections, and so do all callers, whose
/// requests travel together. Making one reaches for no server; the first calls connect. Each tokio
/// runtime that calls has connections of its own, so a client may outlive a runtime. A runtime
/// needs its drivers of I/O and time (`enable_all`): without the one of time, tokio panics.
///
/// # Keys
/// Any bytes but none at all. What stands on the wire is the key with [`Config::key_prefix`] in
/// front. A key that is longer than 250 bytes then, that has spaces or control bytes in it or that
/// is no UTF-8 is written as its readable beginning and a BLAKE3 hash; no other key is ever written
/// like that. [`Config::binary_keys`] knows another way. Keys are placed by their text; one that is
/// no UTF-8 by the text in which each of its bytes is the character of that number.
///
/// # Times
/// A [`Ttl`] is rounded up to whole seconds, and one over 30 days is taken for 30 days. The clock
/// of a server goes on once a second: an item may be gone up to a second early.
///
/// # Outcomes
/// That nothing is there is an answer; everything else is an error, whose
/// [`kind`](cachekit_core::error::Error::kind) tells what is known of the call:
///
/// | kind | |
/// |---|---|
/// | `Unavailable` | the server is away; nothing was done |
/// | `Timeout` | no answer in time; nothing was changed |
/// | `Ambiguous` | the change was sent and not answered: it may have happened |
/// | `Pending` | the deletion did not arrive; it is repeated before this client uses that server again |
/// | `Overloaded` | too much is in flight; nothing was sent |
/// | `Rejected` | the server refused: out of memory, a value that is no number |
/// | `TooLarge` | over the limit of the server; what was to be replaced is removed |
/// | `InvalidKey` | an empty key |
/// | `Protocol` | the peer does not speak as memcached does; the connection is closed |
/// | `Unsupported` | outside of a tokio runtime, or a command that this server does not have |
///
/// Under [`Failover::Miss`] a read whose server is away finds nothing, as that policy says; that of
/// [`get_and_touch`](Self::get_and_touch) is a write as well, and an error.
///
/// # Cancel safety
/// Every method: dropping the future leaves the client in order, and no other caller ever gets the
/// answer. A change whose future was dropped may or may not have happened.
#[derive(Clone)]
pub struct Client {
    pub(crate) cluster: Arc<Cluster>,
}

impl Client {
    /// A client for `config`. Reaches for no server, and needs no runtime.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](cachekit_core::error::ErrorKind::InvalidInput) says which fields
    /// are out of their range, or what is wrong with the certificates for TLS.
    pub fn new(config: Config) -> Result<Self> {
        config.check()?;
        let cluster = Arc::new(Cluster::new(config)?);
        Ok(Self { cluster })
    }
}

impl Client {
    /// The text that decides on which node the item of `key` lies; empty where there is but one.
    fn route<'a>(&self, key: &'a [u8]) -> Cow<'a, str> {
        if self.cluster.nodes.len() == 1 {
            return Cow::Borrowed("");
        }
        self.cluster.keys.route(keys::text(key))
    }

    fn routes<'a, K: AsRef<[u8]>>(&self, keys: &'a [K]) -> Vec<Cow<'a, str>> {
        keys.iter().map(|key| self.route(key.as_ref())).collect()
    }

    fn wires<'a, K: AsRef<[u8]>>(&self, keys: &'a [K]) -> Vec<Result<Key<'a>, Failure>> {
        let wire = |key: &'a K| self.cluster.keys.wire(key.as_ref());
        keys.iter().map(wire).collect()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.cluster.nodes.iter().map(|node| node.name()).collect();
        f.debug_struct("Client").field("servers", &servers).finish()
    }
}

/// All servers of the ring.
#[derive(Debug)]
pub(crate) struct Cluster {
    ring: Ring,
    nodes: Vec<Arc<Node>>,
    failover: Failover,
    timeout: Duration,
    keys: Keys,
    clamped: AtomicU64,
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
    pub(crate) place: Place,
    /// Whether the node can fence writes.
    pub(crate) fenced: bool,
    /// Which run of the node this is.
    pub(crate) run: u64,
}

impl Cluster {
    fn new(config: Config) -> Result<Self> {
        let tls = config.tls.as_ref().map(Tls::load).transpose()?;
        let ejections = Ejections::of(config.servers.len());
        Ok(Self {
            ring: Ring::new(config.hashing, &config.servers),
            nodes: config
                .servers
                .iter()
                .map(|server| Node::new(server, &config, tls.as_ref(), &ejections))
                .collect(),
            failover: config.failover,
            timeout: config.timeout,
            keys: Keys::new(config.key_prefix, config.hash_prefix, config.binary_keys),
            clamped: AtomicU64::new(0),
        })
    }

    pub(crate) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How long an item with `ttl` is to live.
    pub(crate) fn exptime(&self, ttl: Ttl) -> Exptime {
        let duration = ttl.duration();
        let first = !ttl.is_never()
            && Exptime::shortens(duration)
            && self.clamped.fetch_add(1, Ordering::Relaxed) == 0;
        if first {
            tracing::warn!(
                ?duration,
                "a ttl over 30 days: memcached keeps the item for 30 days"
            );
        }
        Exptime::of(duration)
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

/// A reply that fits no request of its kind.
pub(crate) fn unexpected() -> Failure {
    Failure::new(ErrorKind::Protocol, "expected the reply to another command")
}

impl Target<'_> {
    /// How long what is to live for `wanted` lives here.
    pub(crate) fn exptime(&self, wanted: Exptime) -> Exptime {
        if self.place.is_stand_in() {
            wanted.min(Exptime::of(STAND_IN_TTL))
        } else {
            wanted
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.link
            .map_or(Dialect::Meta, |link| link.greeting.dialect)
    }

    pub(crate) fn fenced(&self) -> bool {
        self.link.is_some_and(|link| link.greeting.fenced)
    }

    /// Whether a lease may lie there beside an entry.
    pub(crate) fn may_keep_leases(&self) -> bool {
        self.link
            .map_or_else(|| self.node.may_keep_leases(), |link| !link.greeting.fenced)
    }

    fn link(&self) -> Result<&Link, Failure> {
        self.link
            .ok_or_else(|| Failure::new(ErrorKind::Unavailable, "not connected"))
    }

    /// Which run of the node this is.
    fn run(&self) -> u64 {
        self.link.map_or(0, |link| link.greeting.run)
    }
}

impl Answered {
    /// Whether its reader was given the right to compute what is to replace a stale item.
    fn leads_over_stale(&self) -> bool {
        let leads = |meta: &Meta| meta.won && meta.stale && !meta.is_stub();
        self.meta().is_some_and(leads)
    }

    pub(crate) const fn meta(&self) -> Option<&Meta> {
        self.answer.meta()
    }

    /// Who gave it.
    pub(crate) const fn site(&self) -> Site {
        Site {
            node: self.place.node,
            run: self.run,
        }
    }
}
