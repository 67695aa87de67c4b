//! Servers that go while many callers are at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Want};
use cachekit_core::error::ErrorKind;
use cachekit_core::key::StoreKey;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Config, Memcached};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{SLOW, TTL, backend, config, eventually, key};

const TIMEOUT: Duration = Duration::from_secs(1);
const CALLERS: usize = 32;
/// Work before, and after, what happens to a server.
const SHARE: usize = 4_000;

fn four() -> [Server; 4] {
    [(); 4].map(|()| Server::start())
}

fn client(servers: &[Server]) -> Arc<Memcached> {
    let config = Config {
        timeout: TIMEOUT,
        connect_timeout: TIMEOUT,
        ..config(servers)
    };
    Arc::new(Memcached::new(config).unwrap())
}

/// Callers that each write and read keys of their own, with values that count up.
struct Load {
    callers: JoinSet<Seen>,
    calls: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

/// What callers saw.
#[derive(Debug, Default)]
struct Seen {
    failed: Vec<String>,
    old: usize,
    longest: Duration,
}

impl Load {
    fn start(client: &Arc<Memcached>) -> Self {
        let mut load = Self {
            callers: JoinSet::new(),
            calls: Arc::default(),
            over: Arc::default(),
        };
        for caller in 0..CALLERS {
            let (client, calls, over) = (
                Arc::clone(client),
                Arc::clone(&load.calls),
                Arc::clone(&load.over),
            );
            load.callers.spawn(async move {
                let keys: Vec<StoreKey> = (0..8)
                    .map(|number| key(format_args!("{caller}:{number}")))
                    .collect();
                let mut seen = Seen::default();
                let mut version = 0_u64;
                while !over.load(Ordering::Relaxed) {
                    version += 1;
                    seen.round(&client, &keys, version).await;
                    calls.fetch_add(2 * keys.len() + 1, Ordering::Relaxed);
                }
                seen
            });
        }
        load
    }

    /// Waits until so many more calls were made.
    async fn goes_on(&self, more: usize) {
        let until = self.calls.load(Ordering::Relaxed) + more;
        eventually(|| async { (self.calls.load(Ordering::Relaxed) >= until).then_some(()) }).await;
    }

    async fn end(self) -> Seen {
        self.over.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        for seen in self.callers.join_all().await {
            all.failed.extend(seen.failed);
            all.old += seen.old;
            all.longest = all.longest.max(seen.longest);
        }
        all
    }
}

impl Seen {
    /// Writes each key and reads it twice: what is found is what was written last.
    async fn round(&mut self, client: &Memcached, keys: &[StoreKey], version: u64) {
        for key in keys {
            let value = Bytes::from(version.to_string());
            self.call(client.set(key, value, TTL, None)).await;
            let lookup = self.call(client.get(key, Want::Value)).await;
            self.look(lookup.and_then(|lookup| lookup.found), version);
        }
        let began = Instant::now();
        for outcome in client.get_many(keys, Want::Value).await {
            match outcome {
                Ok(lookup) => self.look(lookup.found, version),
                Err(error) => self.failed.push(error.to_string()),
            }
        }
        self.longest = self.longest.max(began.elapsed());
    }

    async fn call<T>(&mut self, call: impl Future<Output = cachekit_core::Result<T>>) -> Option<T> {
        let began = Instant::now();
        let outcome = call.await;
        self.longest = self.longest.max(began.elapsed());
        outcome
            .inspect_err(|error| self.failed.push(error.to_string()))
            .ok()
    }

    fn look(&mut self, found: Option<cachekit_core::backend::Found>, version: u64) {
        let expected = version.to_string();
        self.old += usize::from(found.is_some_and(|found| found.value != expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_when_one_of_four_servers_is_killed() {
    let mut servers = four();
    // Nothing has to wait here.
    let client = Arc::new(backend(&servers));
    let load = Load::start(&client);
    load.goes_on(SHARE).await;
    servers[2].kill();
    load.goes_on(SHARE).await;
    servers[2].restart();
    load.goes_on(SHARE).await;
    let seen = load.end().await;
    assert_eq!(seen.failed, [""; 0]);
    assert_eq!(seen.old, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_bounded_and_nothing_old_is_read_when_one_of_four_servers_is_stopped() {
    let servers = four();
    let client = client(&servers);
    let load = Load::start(&client);
    load.goes_on(SHARE).await;
    servers[1].stop();
    load.goes_on(SHARE).await;
    // Longer than every timeout.
    let until = Instant::now() + 2 * TIMEOUT;
    eventually(|| async { (Instant::now() > until).then_some(()) }).await;
    servers[1].resume();
    load.goes_on(2 * SHARE).await;
    let seen = load.end().await;
    assert_eq!(seen.old, 0);
    assert!(seen.longest < TIMEOUT + SLOW, "{:?}", seen.longest);
}

#[tokio::test]
async fn a_stopped_server_is_ejected_within_as_many_timeouts_as_there_are_attempts() {
    let servers = four();
    let client = client(&servers);
    let keys: Vec<StoreKey> = (0..40).map(key).collect();
    client.get_many(&keys, Want::Value).await;
    servers[1].stop();
    let began = Instant::now();
    eventually(|| async {
        let asked = Instant::now();
        client.get_many(&keys, Want::Value).await;
        (asked.elapsed() < TIMEOUT / 4).then_some(())
    })
    .await;
    let attempts = Config::default().retry_attempts;
    assert!(
        began.elapsed() < TIMEOUT * attempts + SLOW,
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn when_all_servers_are_killed_every_call_fails_at_once() {
    let mut servers = four();
    let client = client(&servers);
    let keys: Vec<StoreKey> = (0..40).map(key).collect();
    client.get_many(&keys, Want::Value).await;
    servers.iter_mut().for_each(Server::kill);
    let began = Instant::now();
    for _ in 0..20 {
        for outcome in client.get_many(&keys, Want::Value).await {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unavailable);
        }
    }
    assert!(began.elapsed() < SLOW, "{:?}", began.elapsed());
    servers.iter_mut().for_each(Server::restart);
    eventually(|| async {
        let outcomes = client.get_many(&keys, Want::Value).await;
        outcomes.iter().all(Result::is_ok).then_some(())
    })
    .await;
}
