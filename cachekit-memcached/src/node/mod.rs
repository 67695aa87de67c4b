//! One server: how it is, and the connections to it.

mod backoff;
mod dial;
mod greeting;
mod health;
mod lanes;
mod resolve;
mod slots;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;

use std::sync::{Arc, Weak};
use std::time::Duration;

use cachekit_core::error::ErrorKind;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::config::{Config, Credentials, Protocol, Server};
use crate::connection::{Answer, Connection, Exchange, Lost, Traffic};
use crate::error::Failure;
use crate::protocol::{Reply, Request};
use backoff::Backoff;
use dial::Dialer;
use health::Health;
use lanes::Lanes;
use resolve::{Platform, Resolve};
use slots::Slots;

pub(crate) use greeting::Greeting;
pub(crate) use tls::Tls;

/// One server of the ring.
#[derive(Debug)]
pub(crate) struct Node {
    name: Arc<str>,
    dialer: Dialer,
    credentials: Option<Credentials>,
    protocol: Protocol,
    connect_timeout: Duration,
    traffic: Arc<Traffic>,
    max_item_size: usize,
    health: Health,
    slots: Slots,
}

/// A connection, and what its server told when it was made.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    pub(crate) greeting: Greeting,
    lanes: Arc<Lanes>,
}

impl Node {
    pub(crate) fn new(server: &Server, config: &Config, tls: Option<&Tls>) -> Arc<Self> {
        Self::with_resolver(server, config, tls, Arc::new(Platform))
    }

    fn with_resolver(
        server: &Server,
        config: &Config,
        tls: Option<&Tls>,
        resolver: Arc<dyn Resolve>,
    ) -> Arc<Self> {
        let traffic = Traffic::new(config.timeout);
        Arc::new(Self {
            name: (*server.name()).into(),
            dialer: Dialer::new(server.address(), tls.cloned(), resolver),
            credentials: config.credentials.clone(),
            protocol: config.protocol,
            connect_timeout: config.connect_timeout,
            traffic: Arc::clone(&traffic),
            max_item_size: config.max_item_size,
            health: Health::new(config.retry_attempts),
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

    /// The `-I` of the server behind `link`.
    pub(crate) fn item_size_max(&self, link: &Link) -> usize {
        link.greeting.item_size_max.unwrap_or(self.max_item_size)
    }

    /// A connection for the current runtime; made if there is none. A node that is down fails at
    /// once.
    ///
    /// Cancel safety: the connection goes on being made, for whoever comes next.
    pub(crate) async fn link(self: &Arc<Self>, deadline: Instant) -> Result<Arc<Link>, Failure> {
        let runtime = runtime()?;
        if !self.is_up() {
            return Err(Failure::new(ErrorKind::Unavailable, "down").at(&self.name));
        }
        let seen = self.health.failures();
        let attempt = self.slots.attempt(&runtime, || {
            let node = Arc::clone(self);
            async move { node.reach().await }
        });
        if let Some(link) = attempt.link() {
            return Ok(link);
        }
        match timeout_at(deadline, attempt.outcome()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.failed(
                seen,
                Failure::new(ErrorKind::Timeout, "no connection in time"),
            )),
        }
    }

    /// Sends `request` and waits for the reply. Errors that the server answers are failures.
    pub(crate) async fn call(
        self: &Arc<Self>,
        link: &Link,
        request: Request,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        self.send(link, request, deadline)?.answer().await
    }

    /// Queues `request` now, unless `deadline` is over; the reply is waited for later.
    pub(crate) fn send(
        self: &Arc<Self>,
        link: &Link,
        request: Request,
        deadline: Instant,
    ) -> Result<Sent, Failure> {
        if let Some(lacking) = request.lacking(link.connection.dialect()) {
            let detail = format!("it has only the classic commands, without {lacking}");
            return Err(Failure::new(ErrorKind::Unsupported, detail).at(&self.name));
        }
        let changes = request.changes();
        let seen = self.health.failures();
        let foreign = !link.connection.is_driven_here();
        let choice = link.lanes.choose(&link.connection, &self.traffic, &request);
        if let Some(lane) = choice.wanted.filter(|_| !foreign) {
            lanes::widen(self, link, lane);
        }
        let connection = choice.spare.as_ref().unwrap_or(&link.connection);
        match connection.send(request, deadline) {
            Ok(exchange) => Ok(Sent {
                node: Arc::clone(self),
                exchange,
                deadline,
                foreign,
                changes,
                seen,
            }),
            Err(lost) => Err(self.lost(lost, changes, seen)),
        }
    }

    /// Asks the server whether it is there, whatever its state, and returns what it told.
    pub(crate) async fn ask(self: &Arc<Self>, deadline: Instant) -> Result<Greeting, Failure> {
        if self.health.is_down() {
            let outcome = timeout_at(deadline, self.reach()).await;
            let late = |_| Failure::new(ErrorKind::Timeout, "no connection in time");
            let link = outcome.map_err(late)??;
            self.slots.keep(&runtime()?, Arc::clone(&link));
            return Ok(link.greeting);
        }
        let link = self.link(deadline).await?;
        self.call(&link, Request::Noop, deadline).await?;
        Ok(link.greeting)
    }

    fn lost(self: &Arc<Self>, lost: Lost, changes: bool, seen: u64) -> Failure {
        let (kind, detail) = match lost {
            Lost::Full => (ErrorKind::Overloaded, "too much in flight"),
            Lost::Unsent => (ErrorKind::Unavailable, "the connection ended before"),
            Lost::Sent if changes => (ErrorKind::Ambiguous, "the connection ended meanwhile"),
            Lost::Sent => (ErrorKind::Unavailable, "the connection ended meanwhile"),
            Lost::Late { sent: false } => (ErrorKind::Timeout, "no time left to ask"),
            Lost::Late { sent: true } if changes => (ErrorKind::Ambiguous, "no reply in time"),
            Lost::Late { sent: true } => (ErrorKind::Timeout, "no reply in time"),
        };
        let failure = Failure::new(kind, detail);
        // A connection that had ended before tells nothing about the node: the next one will. Nor
        // does a call that came late.
        if matches!(lost, Lost::Sent | Lost::Late { sent: true }) {
            self.failed(seen, failure)
        } else {
            failure.at(&self.name)
        }
    }

    /// Counts a failure of a call that began when `seen` failures had been counted.
    fn failed(self: &Arc<Self>, seen: u64, failure: Failure) -> Failure {
        if self.health.failed(seen) {
            self.went_down(failure.detail());
        }
        failure.at(&self.name)
    }

    /// Whoever comes next makes a new connection: the old ones may be as good as dead.
    fn went_down(self: &Arc<Self>, reason: &str) {
        tracing::warn!(node = %self.name, reason, "memcached node is down");
        self.slots.clear();
        self.probe_when_due();
    }

    /// Makes a connection, and remembers how that went: nobody there is down at once, any other
    /// failure is counted, and a connection that comes about shows that the node is up.
    async fn reach(self: &Arc<Self>) -> Result<Arc<Link>, Failure> {
        let seen = self.health.failures();
        let deadline = Instant::now() + self.connect_timeout;
        let outcome = async {
            let dialed = self
                .dialer
                .connect(deadline, &self.traffic)
                .await
                .inspect_err(|failure| {
                    if failure.kind == ErrorKind::Unavailable && self.health.refused() {
                        self.went_down(failure.detail());
                    }
                })?;
            let credentials = self.credentials.as_ref();
            let connection = dialed.connection;
            let greeting =
                greeting::exchange(&connection, credentials, self.protocol, deadline).await?;
            let link = Arc::new(Link {
                connection: connection.speaking(greeting.dialect),
                greeting,
                lanes: Arc::default(),
            });
            if let Some(peer) = dialed.peer {
                tokio::spawn(resolve::watch(
                    Arc::downgrade(self),
                    Arc::downgrade(&link),
                    peer,
                ));
            }
            Ok(link)
        };
        match outcome.await {
            Ok(link) => {
                self.up_again(self.health.reached());
                Ok(link)
            }
            Err(failure) => Err(self.failed(seen, failure)),
        }
    }

    fn up_again(&self, was_down: bool) {
        if was_down {
            tracing::info!(node = %self.name, "memcached node is up again");
        }
    }

    /// Starts the prober unless one is at work.
    fn probe_when_due(self: &Arc<Self>) {
        if let Ok(runtime) = runtime()
            && self.health.claim_probe(self.connect_timeout)
        {
            runtime.spawn(probe(Arc::downgrade(self)));
        }
    }
}

/// Tries to reach a node that is down, again and again, until it answers or nobody has it any
/// more. If its runtime ends or stands still, a later call starts another.
async fn probe(node: Weak<Node>) {
    let mut backoff = Backoff::default();
    while let Some(pause) = announce(&node, &mut backoff) {
        tokio::time::sleep(pause).await;
        let Some(node) = node.upgrade() else { return };
        if node.health.is_down()
            && let Ok(link) = node.reach().await
        {
            node.slots.keep(&Handle::current(), link);
        }
    }
}

/// How long to wait before the next probe, said to others as well; `None` if none is needed.
fn announce(node: &Weak<Node>, backoff: &mut Backoff) -> Option<Duration> {
    let node = node.upgrade()?;
    if !node.health.is_down() {
        node.health.probed();
        return None;
    }
    let pause = backoff.next();
    node.health.probing(pause + node.connect_timeout);
    Some(pause)
}

fn runtime() -> Result<Handle, Failure> {
    Handle::try_current()
        .map_err(|_| Failure::new(ErrorKind::Unsupported, "called outside of a tokio runtime"))
}

/// A request that was queued.
#[derive(Debug)]
pub(crate) struct Sent {
    node: Arc<Node>,
    exchange: Exchange,
    deadline: Instant,
    /// Whether another runtime drives the connection.
    foreign: bool,
    changes: bool,
    seen: u64,
}

impl Sent {
    /// Waits for the reply until the deadline.
    pub(crate) async fn answer(self) -> Result<Answer, Failure> {
        let Self {
            node,
            exchange,
            deadline,
            foreign,
            changes,
            seen,
        } = self;
        // The task that owns the socket keeps the deadline, as long as its runtime runs: of this
        // runtime that is certain.
        let outcome = if foreign {
            let late = Err(Lost::Late { sent: true });
            timeout_at(deadline, exchange).await.unwrap_or(late)
        } else {
            exchange.await
        };
        let answer = outcome.map_err(|lost| node.lost(lost, changes, seen))?;
        node.up_again(node.health.answered());
        let (kind, text) = match answer.reply() {
            Reply::ServerError(text) if text.contains("too large") => (ErrorKind::TooLarge, text),
            Reply::ServerError(text) => (ErrorKind::Rejected, text),
            Reply::Refused(text) => (ErrorKind::Protocol, text),
            _ => return Ok(answer),
        };
        Err(Failure::new(kind, text.clone()).at(&node.name))
    }
}
