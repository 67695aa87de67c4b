//! One of four servers stands still for longer than any timeout, and goes on.
//!
//! Each key has one caller that writes it, and each value says which write it is, so that a read
//! can tell whether it came from before a write that was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Client, Ttl};

use crate::Failed;
use crate::cells::Figures;
use crate::cells::histogram::Histogram;
use crate::cells::machine::{now, pass};
use crate::memcached::cell::Cell;
use crate::memcached::trials::outage::Fleet;

/// Reads of a value that was replaced or removed, as the caller had been told, before they began.
pub(crate) const STALE: &str = "stale";
/// Reads of another key's value.
pub(crate) const WRONG: &str = "wrong";
/// The longest call less the timeout.
pub(crate) const BEYOND: &str = "over timeout ms";
/// From the stop until no call waits for that server any more, less `RETRY_ATTEMPTS` timeouts.
pub(crate) const EJECTED: &str = "ejection ms";
/// Seconds until the server has answered calls again; those of the wait if it never has.
pub(crate) const RETURNED: &str = "back after s";

const TTL: Ttl = Ttl::from_secs(3_600);
const CALLERS: usize = 32;
const KEYS_OF_A_CALLER: usize = 50;
/// Timeouts that the server stands still.
const STOPPED: u32 = 4;
/// How long it may take to come back into use, and how long the load lasts after that.
const RETURN: Duration = Duration::from_secs(30);
const AFTER: Duration = Duration::from_secs(3);
/// How often the returning server is looked at, and after how many gets it is back in use: more
/// than may have waited in its sockets.
const LOOK: Duration = Duration::from_millis(100);
const GETS: u64 = 1_000;

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    stale: AtomicU64,
    wrong: AtomicU64,
}

/// What one caller saw.
#[derive(Debug, Default)]
struct Seen {
    times: Histogram,
    /// When the last call ended that waited for longer than half of the timeout.
    waited: Option<Instant>,
}

/// Gets, sets and deletes.
pub(crate) fn run(cell: &Cell) -> Result<Figures, Failed> {
    let fleet = Fleet::start(cell)?;
    let timeout = fleet.config.timeout;
    let attempts = fleet.config.retry_attempts.max(1);
    let client = Client::new(fleet.config.clone())?;
    let shared = Arc::new(Shared::default());
    cell.runtime()?.block_on(async {
        let callers = (0..CALLERS).map(|index| {
            let caller = Writer::new(index, client.clone());
            tokio::spawn(caller.run(Arc::clone(&shared), timeout / 2))
        });
        let callers: Vec<_> = callers.collect();
        pass(timeout).await;
        let stopped = now();
        fleet.victim().stop();
        pass(timeout * STOPPED).await;
        fleet.victim().resume();
        let returned = back_in_use(fleet.victim()).await;
        pass(if cell.quick { timeout } else { AFTER }).await;
        shared.over.store(true, Ordering::Relaxed);
        let (mut times, mut waited) = (Histogram::default(), stopped);
        for caller in callers {
            let seen = caller.await??;
            times.add(&seen.times);
            waited = waited.max(seen.waited.unwrap_or(stopped));
        }
        let milliseconds =
            |time: Duration, less: Duration| (time.as_secs_f64() - less.as_secs_f64()) * 1e3;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        Ok(Figures::from([
            (STALE.to_owned(), count(&shared.stale)),
            (WRONG.to_owned(), count(&shared.wrong)),
            (BEYOND.to_owned(), milliseconds(times.longest(), timeout)),
            (
                EJECTED.to_owned(),
                milliseconds(waited - stopped, timeout * attempts),
            ),
            (RETURNED.to_owned(), returned.as_secs_f64()),
        ]))
    })
}

/// How long it takes until the server answers gets again.
async fn back_in_use(server: &Server) -> Duration {
    let began = now();
    let gets = server.stat("cmd_get");
    let mut looks = tokio::time::interval(LOOK);
    while now().saturating_duration_since(began) < RETURN {
        looks.tick().await;
        if server.stat("cmd_get") > gets + GETS {
            break;
        }
    }
    now().saturating_duration_since(began)
}

/// The one writer of some keys.
#[derive(Debug)]
struct Writer {
    client: Client,
    keys: Vec<Versions>,
}

/// The writes of one key.
#[derive(Debug)]
struct Versions {
    key: String,
    /// The last that was begun.
    begun: u64,
    /// The oldest that may still be read.
    oldest: u64,
}

impl Writer {
    fn new(index: usize, client: Client) -> Self {
        let keys = (0..KEYS_OF_A_CALLER).map(|n| Versions {
            key: format!("writer-{index:03}:key-{n:015}"),
            begun: 0,
            oldest: 0,
        });
        Self {
            client,
            keys: keys.collect(),
        }
    }

    async fn run(mut self, shared: Arc<Shared>, long: Duration) -> Result<Seen, Failed> {
        let mut seen = Seen::default();
        let mut random = fastrand::Rng::new();
        while !shared.over.load(Ordering::Relaxed) {
            let versions = random.choice(&mut self.keys).ok_or("no keys")?;
            let began = now();
            match random.u8(..20) {
                0 => versions.delete(&self.client).await,
                1..5 => versions.set(&self.client).await,
                _ => versions.get(&self.client, &shared).await,
            }
            let ended = now();
            let time = ended.saturating_duration_since(began);
            seen.times.record(time);
            if time > long {
                seen.waited = Some(ended);
            }
        }
        Ok(seen)
    }
}

impl Versions {
    async fn set(&mut self, client: &Client) {
        self.begun += 1;
        let value = format!("{} {:070}", self.key, self.begun);
        if client.set(&self.key, value, TTL).await.is_ok() {
            self.oldest = self.begun;
        }
    }

    async fn delete(&mut self, client: &Client) {
        if client.delete(&self.key).await.is_ok() {
            self.oldest = self.begun + 1;
        }
    }

    /// An error and a miss are no stale value.
    async fn get(&self, client: &Client, shared: &Shared) {
        let Ok(Some(value)) = client.get(&self.key).await else {
            return;
        };
        let text = std::str::from_utf8(&value.data).unwrap_or_default();
        let version = text.split_once(' ').filter(|(key, _)| *key == self.key);
        match version.and_then(|(_, version)| version.parse::<u64>().ok()) {
            Some(version) if version < self.oldest => shared.stale.fetch_add(1, Ordering::Relaxed),
            Some(_) => 0,
            None => shared.wrong.fetch_add(1, Ordering::Relaxed),
        };
    }
}
