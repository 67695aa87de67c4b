//! One server: how it is, and the connections to it.

mod backoff;
mod dial;
mod ejections;
mod greeting;
mod health;
mod owed;
mod recovery;
mod slots;
mod trust;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachekit_core::error::ErrorKind;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::config::{Address, Config, Protocol, Server};
use crate::connection::{Answer, Connection, Exchange, Lost};
use crate::error::{Failure, Fault, Written};
use crate::protocol::{Key, Reply, Request};
use health::Health;
use owed::Owed;
use recovery::Recovery;
use slots::{Attempt, Slots};
use trust::Trust;

pub(crate) use ejections::Ejections;
pub(crate) use greeting::Greeting;
pub(crate) use health::Condition;
pub(crate) use owed::Debt;

/// A connection is given up when its oldest request has waited this many timeouts.
const PATIENCE: u32 = 2;

/// One server of the ring.
#[derive(Debug)]
pub(crate) struct Node {
    name: Arc<str>,
    address: Address,
    protocol: Protocol,
    connect_timeout: Duration,
    timeout: Duration,
    max_item_size: usize,
    health: Health,
    owed: Owed,
    /// How many deletions it was owed and got.
    replayed: AtomicU64,
    trust: Trust,
    recovery: Mutex<Option<Recovery>>,
    /// The key of the write that tells its CAS number.
    mark: Key,
    slots: Slots,
}

/// A connection, and what its server told when it was made.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    pub(crate) greeting: Greeting,
}

impl Node {
    /// `ejections` is shared by all nodes of the ring.
    pub(crate) fn new(server: &Server, config: &Config, ejections: &Arc<Ejections>) -> Arc<Self> {
        Arc::new(Self {
            name: (*server.name()).into(),
            address: server.address().clone(),
            protocol: config.protocol,
            connect_timeout: config.connect_timeout,
            timeout: config.timeout,
            max_item_size: config.max_item_size,
            health: Health::new(config.retry_attempts, Arc::clone(ejections)),
            owed: Owed::default(),
            replayed: AtomicU64::new(0),
            trust: Trust::default(),
            recovery: Mutex::default(),
            mark: recovery::mark(&config.key_prefix),
            slots: Slots::new(config.max_pool_size),
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

    /// How it is, and how it came to be so.
    #[expect(dead_code, reason = "for the statistics of a client")]
    pub(crate) fn condition(&self) -> Condition {
        self.health.condition()
    }

    /// How many deletions it is owed, and how many it was owed and got.
    #[expect(dead_code, reason = "for the statistics of a client")]
    pub(crate) fn debts(&self) -> (usize, u64) {
        (self.owed.count(), self.replayed.load(Ordering::Relaxed))
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

    /// Whether there are items that an outage may have made old.
    pub(crate) fn holds_old(&self) -> bool {
        self.trust.is_limited()
    }

    /// Whether an outage may have made the item with this CAS number old.
    pub(crate) fn is_old(&self, cas: u64) -> bool {
        !self.trust.covers(cas)
    }

    /// A connection for the current runtime; made if there is none. A node that is down fails at
    /// once, and one that is owed something gets that first.
    ///
    /// Cancel safety: the connection goes on being made, for whoever comes next.
    pub(crate) async fn link(self: &Arc<Self>, deadline: Instant) -> Result<Arc<Link>, Failure> {
        let runtime = runtime()?;
        loop {
            self.ready(deadline).await?;
            let seen = self.health.failures();
            let attempt = self.attempt(&runtime);
            if let Some(link) = attempt.link() {
                return Ok(link);
            }
            let Ok(outcome) = timeout_at(deadline, attempt.outcome()).await else {
                let late = Failure::new(ErrorKind::Timeout, "no connection in time");
                return Err(self.failed(seen, late));
            };
            let link = outcome?;
            if self.is_ready() {
                return Ok(link);
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
        // Of a call that is over by now the node knows nothing: that is no failure of it.
        if Instant::now() >= deadline {
            return Err(Failure::new(ErrorKind::Timeout, "no time left to ask").at(&self.name));
        }
        if let Some(lacking) = request.lacking(link.connection.dialect()) {
            let detail = format!("it has only the classic commands, without {lacking}");
            return Err(Failure::new(ErrorKind::Unsupported, detail).at(&self.name));
        }
        let changes = request.changes();
        let written = if request.is_idempotent() {
            Written::Repeatable
        } else {
            Written::Once
        };
        let seen = self.health.failures();
        let connection = link.connection.clone();
        match connection.send(request) {
            Ok(exchange) => Ok(Sent {
                node: Arc::clone(self),
                connection,
                exchange,
                deadline,
                changes,
                written,
                seen,
            }),
            Err(lost) => Err(self.lost(lost, changes, written, seen)),
        }
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

    fn lost(self: &Arc<Self>, lost: Lost, changes: bool, written: Written, seen: u64) -> Failure {
        let (kind, detail) = match lost {
            Lost::Full => (ErrorKind::Overloaded, "too much in flight"),
            Lost::Unsent => (ErrorKind::Unavailable, "the connection ended before"),
            Lost::Sent if changes => (ErrorKind::Ambiguous, "the connection ended meanwhile"),
            Lost::Sent => (ErrorKind::Unavailable, "the connection ended meanwhile"),
        };
        let failure = Failure::new(kind, detail);
        // A connection that had ended before tells nothing about the node: the next one will.
        if lost == Lost::Sent {
            self.failed(seen, failure.written(written))
        } else {
            failure.at(&self.name)
        }
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
        tracing::warn!(node = %self.name, reason, "memcached node is down");
        self.slots.clear();
        self.probe_when_due();
    }

    /// Makes a connection, and remembers how that went: nobody there is down at once, any other
    /// failure is counted.
    async fn reach(self: &Arc<Self>) -> Result<Arc<Link>, Failure> {
        let seen = self.health.failures();
        let deadline = Instant::now() + self.connect_timeout;
        let outcome = async {
            let connection = dial::connect(&self.address, deadline).await?;
            let greeting = greeting::exchange(&connection, self.protocol, deadline).await?;
            Ok(Link {
                connection: connection.speaking(greeting.dialect),
                greeting,
            })
        };
        match outcome.await {
            Ok(link) => {
                self.health.connected();
                self.trust.connected(link.greeting.run);
                Ok(Arc::new(link))
            }
            Err(failure) => Err(self.failed(seen, failure)),
        }
    }
}

fn runtime() -> Result<Handle, Failure> {
    Handle::try_current()
        .map_err(|_| Failure::new(ErrorKind::Unsupported, "called outside of a tokio runtime"))
}

/// A request that was queued.
#[derive(Debug)]
pub(crate) struct Sent {
    node: Arc<Node>,
    connection: Connection,
    exchange: Exchange,
    deadline: Instant,
    changes: bool,
    written: Written,
    seen: u64,
}

impl Sent {
    /// Waits for the reply until the deadline.
    pub(crate) async fn answer(self) -> Result<Answer, Failure> {
        let Self {
            node,
            connection,
            exchange,
            deadline,
            changes,
            written,
            seen,
        } = self;
        let answer = match timeout_at(deadline, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(lost)) => return Err(node.lost(lost, changes, written, seen)),
            Err(_) => {
                connection.gave_up(node.timeout * PATIENCE);
                let kind = if changes {
                    ErrorKind::Ambiguous
                } else {
                    ErrorKind::Timeout
                };
                let late = Failure::new(kind, "no reply in time").written(written);
                return Err(node.failed(seen, late));
            }
        };
        node.health.answered();
        let (kind, text) = match answer.reply() {
            Reply::ServerError(text) if text.contains("too large") => (ErrorKind::TooLarge, text),
            Reply::ServerError(text) => (ErrorKind::Rejected, text),
            Reply::Refused(text) => (ErrorKind::Protocol, text),
            _ => return Ok(answer),
        };
        Err(Failure::new(kind, text.clone()).at(&node.name))
    }
}
