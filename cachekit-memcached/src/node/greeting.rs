//! The first exchange on a connection: what the server is, and what it can do.

use cachekit_core::error::ErrorKind;
use tokio::time::{Instant, timeout_at};

use crate::config::{Credentials, Protocol};
use crate::connection::{Answer, Connection, Lost};
use crate::error::Failure;
use crate::protocol::{Dialect, Reply, Request, Statistics, Version};

/// What a server with a file of users answers to whoever is not in it.
const UNAUTHENTICATED: &str = "unauthenticated";

/// What a server told about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) dialect: Dialect,
    /// `None` where it tells none, or one that is none of memcached's.
    pub(crate) version: Option<Version>,
    /// Its `-I`.
    pub(crate) item_size_max: Option<usize>,
    /// Whether it can fence writes, and so lead.
    pub(crate) fenced: bool,
    /// Tells one run of the server from another; 0 where it does not tell. CAS numbers begin
    /// again with each run.
    pub(crate) run: u64,
}

impl Greeting {
    /// Why no write can be fenced; `None`: it can.
    pub(crate) fn lacks(&self) -> Option<&'static str> {
        match self.dialect {
            _ if self.fenced => None,
            Dialect::Classic => Some("it has only classic commands"),
            Dialect::Meta if !counts_rightly(self.version) => {
                Some("it deletes by CAS number only from 1.6.13")
            }
            Dialect::Meta => Some("it counts no CAS numbers (-C)"),
        }
    }

    /// Whether it can read and touch in one command: every memcached but one that tells that it is
    /// too old.
    pub(crate) fn touches_while_reading(&self) -> bool {
        self.version.is_none_or(|version| version >= Version::GAT)
    }
}

/// Whether deletions by CAS number do what they should, as far as the version tells.
fn counts_rightly(version: Option<Version>) -> bool {
    version.is_none_or(|version| version >= Version::FENCING)
}

/// Says who we are, where that is configured, and asks what `protocol` says: in one round trip, and
/// in another only where something else than memcached answers.
pub(super) async fn exchange(
    connection: &Connection,
    credentials: Option<&Credentials>,
    protocol: Protocol,
    deadline: Instant,
) -> Result<Greeting, Failure> {
    let exchange = async {
        // Queued before what is asked, so that it travels with it.
        let admission = credentials
            .map(|credentials| {
                connection.send(Request::Authenticate(credentials.clone()), deadline)
            })
            .transpose()
            .map_err(lost)?;
        let greeting = match protocol {
            Protocol::Auto => ask_what_it_speaks(connection, deadline).await,
            Protocol::Meta => ask_for_meta(connection, deadline).await,
            Protocol::Classic => {
                let told = ask_everything(connection, deadline).await;
                told.map(|told| told.greeting(Dialect::Classic))
            }
        };
        // Who is refused is not answered: of the two failures this one tells why.
        if let Some(admission) = admission {
            admitted(&admission.await.map_err(lost)?)?;
        }
        greeting
    };
    match timeout_at(deadline, exchange).await {
        Ok(greeting) => greeting,
        Err(_) => Err(Failure::new(
            ErrorKind::Timeout,
            "no answer to the first request in time",
        )),
    }
}

fn admitted(answer: &Answer) -> Result<(), Failure> {
    match answer.reply() {
        Reply::Meta(_) => Ok(()),
        Reply::Refused(text) if text == UNAUTHENTICATED => Err(Failure::new(
            ErrorKind::Rejected,
            "it does not take this user name and password",
        )),
        other => Err(unexpected(other)),
    }
}

async fn ask_what_it_speaks(
    connection: &Connection,
    deadline: Instant,
) -> Result<Greeting, Failure> {
    let told = ask_everything(connection, deadline).await?;
    let dialect = dialect_of(connection, told.version, deadline).await?;
    Ok(told.greeting(dialect))
}

async fn ask_for_meta(connection: &Connection, deadline: Instant) -> Result<Greeting, Failure> {
    let answer = connection
        .send(Request::Noop, deadline)
        .map_err(lost)?
        .await;
    match answer.map_err(lost)?.reply() {
        Reply::Noop => Ok(Greeting {
            dialect: Dialect::Meta,
            version: None,
            item_size_max: None,
            fenced: true,
            run: 0,
        }),
        other => Err(unexpected(other)),
    }
}

/// What a server answered to everything that is asked.
struct Told {
    version: Option<Version>,
    settings: Answer,
    stats: Answer,
}

async fn ask_everything(connection: &Connection, deadline: Instant) -> Result<Told, Failure> {
    // All are queued before the first is awaited.
    let version = connection.send(Request::Version, deadline).map_err(lost)?;
    let settings = Request::Stats(Statistics::Settings);
    let settings = connection.send(settings, deadline).map_err(lost)?;
    let stats = Request::Stats(Statistics::General);
    let stats = connection.send(stats, deadline).map_err(lost)?;
    Ok(Told {
        version: version_of(version.await.map_err(lost)?.reply())?,
        settings: settings.await.map_err(lost)?,
        stats: stats.await.map_err(lost)?,
    })
}

impl Told {
    fn greeting(&self, dialect: Dialect) -> Greeting {
        let cas_enabled: Option<String> = row(&self.settings, "cas_enabled");
        Greeting {
            dialect,
            version: self.version,
            item_size_max: row(&self.settings, "item_size_max"),
            fenced: dialect == Dialect::Meta
                && counts_rightly(self.version)
                && cas_enabled.is_none_or(|enabled| enabled != "no"),
            run: run_of(&self.stats).unwrap_or(0),
        }
    }
}

/// The version, or `None` where something answers that is not memcached.
fn version_of(reply: &Reply) -> Result<Option<Version>, Failure> {
    match reply {
        Reply::Version(text) => Ok(Version::parse(text)),
        // `ERROR` alone: it does not know the command.
        Reply::Refused(text) if text.is_empty() => Ok(None),
        other => Err(unexpected(other)),
    }
}

/// The version decides; where there is none, an empty meta command does.
async fn dialect_of(
    connection: &Connection,
    version: Option<Version>,
    deadline: Instant,
) -> Result<Dialect, Failure> {
    if let Some(version) = version {
        let meta = version >= Version::META;
        return Ok(if meta {
            Dialect::Meta
        } else {
            Dialect::Classic
        });
    }
    let answer = connection
        .send(Request::Noop, deadline)
        .map_err(lost)?
        .await;
    match answer.map_err(lost)?.reply() {
        Reply::Noop => Ok(Dialect::Meta),
        Reply::Refused(_) => Ok(Dialect::Classic),
        other => Err(unexpected(other)),
    }
}

/// A statistic, where the server tells it.
fn row<T: std::str::FromStr>(answer: &Answer, name: &str) -> Option<T> {
    let Reply::Stats(rows) = answer.reply() else {
        return None;
    };
    rows.iter().find(|(row, _)| row == name)?.1.parse().ok()
}

/// The moment at which the server started, and its process id.
fn run_of(stats: &Answer) -> Option<u64> {
    let time: u64 = row(stats, "time")?;
    let uptime: u64 = row(stats, "uptime")?;
    let pid: u64 = row(stats, "pid")?;
    Some((time.wrapping_sub(uptime) << 32) ^ pid)
}

fn lost(lost: Lost) -> Failure {
    let detail = match lost {
        Lost::Full => return Failure::new(ErrorKind::Overloaded, "too much in flight"),
        Lost::Unsent | Lost::Sent => "closed before the first reply",
        Lost::Late { .. } => {
            return Failure::new(ErrorKind::Timeout, "no answer to the first request in time");
        }
    };
    Failure::new(ErrorKind::Unavailable, detail)
}

fn unexpected(reply: &Reply) -> Failure {
    match reply {
        Reply::Refused(text) if text.contains("Too many open connections") => {
            Failure::new(ErrorKind::Overloaded, "it has too many open connections")
        }
        Reply::Refused(text) if text == UNAUTHENTICATED => Failure::new(
            ErrorKind::Rejected,
            "it asks for a user name and a password",
        ),
        Reply::Refused(text) | Reply::ServerError(text) => {
            Failure::new(ErrorKind::Rejected, text.clone())
        }
        _ => Failure::new(ErrorKind::Protocol, "no answer to the first request"),
    }
}
