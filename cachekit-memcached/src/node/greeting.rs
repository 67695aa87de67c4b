//! The first exchange on a connection: what the server is, and what it can do.

use cachekit_core::error::ErrorKind;
use tokio::time::{Instant, timeout_at};

use crate::config::Protocol;
use crate::connection::{Answer, Connection, Lost};
use crate::error::Failure;
use crate::protocol::{Reply, Request, Version};

/// What a server told about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) version: Option<Version>,
    /// Its `-I`.
    pub(crate) item_size_max: Option<usize>,
    /// Whether it counts CAS numbers. Without them (`-C`) no write can be fenced.
    pub(crate) fenced: bool,
    /// Tells one run of the server from another; 0 where it does not tell. CAS numbers begin
    /// again with each run.
    pub(crate) run: u64,
}

/// Asks what `protocol` says, in one round trip.
pub(super) async fn exchange(
    connection: &Connection,
    protocol: Protocol,
    deadline: Instant,
) -> Result<Greeting, Failure> {
    let exchange = async {
        match protocol {
            Protocol::Auto => ask_everything(connection).await,
            Protocol::Meta => ask_nothing(connection).await,
            Protocol::Classic => Err(Failure::new(
                ErrorKind::Unsupported,
                "the classic commands are not spoken yet",
            )),
        }
    };
    match timeout_at(deadline, exchange).await {
        Ok(greeting) => greeting,
        Err(_) => Err(Failure::new(
            ErrorKind::Timeout,
            "no answer to the first request in time",
        )),
    }
}

async fn ask_nothing(connection: &Connection) -> Result<Greeting, Failure> {
    let answer = connection
        .send(Request::Noop)
        .map_err(lost)?
        .await
        .map_err(lost)?;
    match answer.reply() {
        Reply::Noop => Ok(Greeting {
            version: None,
            item_size_max: None,
            fenced: true,
            run: 0,
        }),
        other => Err(unexpected(other)),
    }
}

async fn ask_everything(connection: &Connection) -> Result<Greeting, Failure> {
    // All are queued before the first is awaited.
    let version = connection.send(Request::Version).map_err(lost)?;
    let settings = connection.send(Request::StatsSettings).map_err(lost)?;
    let stats = connection.send(Request::Stats).map_err(lost)?;
    let version = version_of(version.await.map_err(lost)?.reply())?;
    let settings = settings.await.map_err(lost)?;
    let stats = stats.await.map_err(lost)?;
    Ok(Greeting {
        version: Some(version),
        item_size_max: row(&settings, "item_size_max"),
        fenced: row(&settings, "cas_enabled").is_none_or(|enabled: String| enabled != "no"),
        run: run_of(&stats).unwrap_or(0),
    })
}

fn version_of(reply: &Reply) -> Result<Version, Failure> {
    let Reply::Version(text) = reply else {
        return Err(unexpected(reply));
    };
    match Version::parse(text) {
        Some(version) if version >= Version::META => Ok(version),
        _ => {
            let detail = format!("version {text}; the meta commands need 1.6.10 or later");
            Err(Failure::new(ErrorKind::Unsupported, detail))
        }
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
    };
    Failure::new(ErrorKind::Unavailable, detail)
}

fn unexpected(reply: &Reply) -> Failure {
    match reply {
        Reply::Refused(text) if text.contains("Too many open connections") => {
            Failure::new(ErrorKind::Overloaded, "it has too many open connections")
        }
        Reply::Refused(text) | Reply::ServerError(text) => {
            Failure::new(ErrorKind::Rejected, text.clone())
        }
        _ => Failure::new(ErrorKind::Protocol, "no answer to the first request"),
    }
}
