//! One server: how it is, and the connections to it.

mod backoff;
mod dial;
mod ejections;
mod events;
mod greeting;
mod health;
mod lanes;
mod owed;
mod recovery;
mod resolve;
mod sent;
mod slots;
mod stats;
#[cfg(all(test, unix))]
mod tests;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
mod trust;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachekit_core::error::ErrorKind;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::config::{Address, Config, Credentials, Protocol, Server};
use crate::connection::{Answer, Connection, Traffic};
use crate::error::{Failure, Fault};
use crate::protocol::{Key, Request};
use dial::Dialer;
use health::Health;
use lanes::Lanes;
use owed::Owed;
use recovery::Recovery;
use resolve::{Platform, Resolve};
use slots::{Attempt, Slots};
use stats::Counters;
use trust::Trust;

pub(crate) use ejections::Ejections;
pub(crate) use greeting::Greeting;
pub use health::State;
pub(crate) use owed::Debt;
pub(crate) use sent::Sent;
pub use stats::NodeStats;
pub(crate) use tls::Tls;

/// One server of the ring.
#[derive(Debug)]
pub(crate) struct Node {
    name: Arc<str>,
    address: Address,
    dialer: Dialer,
    credentials: Option<Credentials>,
    protocol: Protocol,
    connect_timeout: Duration,
    timeout: Duration,
    traffic: Arc<Traffic>,
    max_item_size: usize,
    health: Health,
    owed: Owed,
    counters: Counters,
    trust: Trust,
    /// Whether it could fence writes when it was last connected to.
    fenced: AtomicBool,
    recovery: Mutex<Option<Recovery>>,
    /// The key of the write that tells its CAS number.
    mark: Key<'static>,
    slots: Slots,
}

/// A connection, and what its server told when it was made.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    pub(crate) greeting: Greeting,
    lanes: Arc<Lanes>,
    /// Whether other runtimes than the one that drives it may use it.
    shared: AtomicBool,
}

impl Link {
    /// Its connection, and the others of the same runtime.
    fn connections(&self) -> Vec<Connection> {
        let mut connections = self.lanes.connections();
        connections.push(self.connection.clone());
        connections
    }

    /// Whether anything is in flight.
    fn is_busy(&self) -> bool {
        self.connections().iter().any(|one| one.in_flight() > 0)
    }
}

impl Node {
    /// `ejections` is shared by all nodes of the ring.
    pub(crate) fn new(
        server: &Server,
        config: &Config,
        tls: Option<&Tls>,
        ejections: &Arc<Ejections>,
    ) -> Arc<Self> {
        Self::with_resolver(server, config, tls, ejections, Arc::new(Platform))
    }

    fn with_resolver(
        server: &Server,
        config: &Config,
        tls: Option<&Tls>,
        ejections: &Arc<Ejections>,
        resolver: Arc<dyn Resolve>,
    ) -> Arc<Self> {
        let name = (*server.name()).into();
        let traffic = Traffic::new(&name, config.timeout);
        Arc::new(Self {
            name,
            address: server.address().clone(),
            dialer: Dialer::new(server.address(), tls.cloned(), resolver),
            credentials: config.credentials.clone(),
            protocol: config.protocol,
            connect_timeout: config.connect_timeout,
            timeout: config.timeout,
            traffic: Arc::clone(&traffic),
            max_item_size: config.max_item_size,
            health: Health::new(config.retry_attempts, Arc::clone(ejections)),
            owed: Owed::default(),
            counters: Counters::default(),
            trust: Trust::default(),
            fenced: AtomicBool::new(false),
            recovery: Mutex::default(),
            mark: recovery::mark(&config.key_prefix),
            slots: Slots::new(config.max_pool_size, traffic),
        })
    }

    pub(crate) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether calls are worth a try. While they are not, a prober is kept at work.
    pub(crate) fn is_up(self: &Arc<Self>) -> bool {
        let down = self.health.is_down();
        if down {
            self.probe_when_due();
        }
        !down
    }

    /// Whether its last call was answered.
    pub(crate) fn is_well(&self) -> bool {
        self.health.is_up()
    }

    /// Whether its keys are placed elsewhere: it is down, and not too many others are.
    pub(crate) fn is_ejected(self: &Arc<Self>) -> bool {
        !self.is_up() && self.health.is_ejected()
    }

    /// Whether it is down and its keys stay with it.
    pub(crate) fn keeps_keys(&self) -> bool {
        self.health.keeps_keys()
    }

    /// The `-I` of the server behind `link`, or what is configured.
    pub(crate) fn item_size_max(&self, link: Option<&Link>) -> usize {
        link.and_then(|link| link.greeting.item_size_max)
            .unwrap_or(self.max_item_size)
    }

    /// Whether leases may lie there in place of leads: it cannot fence writes, as far as is known.
    pub(crate) fn may_keep_leases(&self) -> bool {
        !self.fenced.load(Ordering::Acquire)
    }

    /// Whether there are items that an outage may have made old.
    pub(crate) fn holds_old(&self) -> bool {
        self.trust.is_limited()
    }

    /// Whether an outage may have made the item with this CAS number old.
    pub(crate) fn is_old(&self, cas: u64) -> bool {
        !self.trust.covers(cas)
    }

    /// Does something with the connection of the current runtime, where there is one, nothing is to
    /// be waited for before, and no item is there that an outage may have made old.
    pub(crate) fn with_link<T>(&self, use_it: impl FnOnce(&Link) -> T) -> Option<T> {
        // In this order: doubt ends when it is known which items are old.
        if !self.is_ready() || self.holds_old() {
            return None;
        }
        self.slots
            .with_current(runtime().ok()?.id(), |link| use_it(link))
    }

    /// A connection for the current runtime; made if there is none. A node that is down fails at
    /// once, and one that is owed something gets that first.
    ///
    /// Cancel safety: the connection goes on being made, for whoever comes next.
    pub(crate) async fn link(self: &Arc<Self>, deadline: Instant) -> Result<Arc<Link>, Failure> {
        let runtime = runtime()?;
        loop {
            self.ready(deadline).await?;
            if let Some(link) = self.slots.link(&runtime) {
                return Ok(link);
            }
            let seen = self.health.failures();
            let attempt = self.attempt(&runtime);
            let Ok(outcome) = timeout_at(deadline, attempt.outcome()).await else {
                let late = Failure::new(ErrorKind::Timeout, "no connection in time");
                return Err(self.failed(seen, late));
            };
            let link = outcome?;
            if self.is_ready() {
                // Looked up, so that the next call finds it at once.
                return Ok(self.slots.link(&runtime).unwrap_or(link));
            }
        }
    }

    fn attempt(self: &Arc<Self>, runtime: &Handle) -> Attempt {
        self.slots.attempt(runtime, || {
            let node = Arc::clone(self);
            async move { node.reach().await }
        })
    }

    /// Sends `request` and waits for the reply. Errors that the server answers are failures.
    pub(crate) async fn call(
        self: &Arc<Self>,
        link: &Link,
        request: Request<'_>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        self.send(link, request, deadline)?.await
    }

    /// Asks the server whether it is there, whatever its state, and returns what it told.
    pub(crate) async fn ask(self: &Arc<Self>, deadline: Instant) -> Result<Greeting, Failure> {
        if self.health.is_down() {
            self.revive(deadline).await?;
        }
        let link = self.link(deadline).await?;
        self.call(&link, Request::Noop, deadline).await?;
        Ok(link.greeting)
    }

    /// Counts a failure of a call that began when `seen` failures had been counted.
    fn failed(self: &Arc<Self>, seen: u64, failure: Failure) -> Failure {
        let reason = failure.detail();
        let went_down = match failure.fault {
            Fault::Refused => self.health.refused(reason, &self.trust),
            Fault::Theirs => self.health.failed(seen, reason, &self.trust),
            Fault::Ours => false,
        };
        if went_down {
            self.went_down(reason);
        }
        failure.at(&self.name)
    }

    /// Whoever comes next makes a new connection: the old ones may be as good as dead.
    fn went_down(self: &Arc<Self>, reason: &str) {
        self.tell_down(reason);
        self.slots.clear();
        self.probe_when_due();
    }

    /// Makes a connection, and remembers how that went: nobody there is down at once, any other
    /// failure is counted.
    async fn reach(self: &Arc<Self>) -> Result<Arc<Link>, Failure> {
        let seen = self.health.failures();
        match self.connect(Instant::now() + self.connect_timeout).await {
            Ok(link) => {
                self.connected();
                self.trust.connected(link.greeting.run);
                self.fenced.store(link.greeting.fenced, Ordering::Release);
                Ok(link)
            }
            Err(failure) => Err(self.failed(seen, failure)),
        }
    }

    async fn connect(self: &Arc<Self>, deadline: Instant) -> Result<Arc<Link>, Failure> {
        let dialed = self.dialer.connect(deadline, &self.traffic).await?;
        let credentials = self.credentials.as_ref();
        let connection = dialed.connection;
        let greeting =
            greeting::exchange(&connection, credentials, self.protocol, deadline).await?;
        let link = Arc::new(Link {
            connection: connection.speaking(greeting.dialect),
            greeting,
            lanes: Arc::default(),
            shared: AtomicBool::new(false),
        });
        if let Some(peer) = dialed.peer {
            let (node, link) = (Arc::downgrade(self), Arc::downgrade(&link));
            tokio::spawn(resolve::watch(node, link, peer));
        }
        Ok(link)
    }
}

fn runtime() -> Result<Handle, Failure> {
    Handle::try_current()
        .map_err(|_| Failure::new(ErrorKind::Unsupported, "called outside of a tokio runtime"))
}
