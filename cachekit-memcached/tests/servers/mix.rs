//! Calls of every kind at random, given up at random, while servers are killed, started again and
//! stopped: whatever is found must be what was written under that key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, Lookup, NewEntry, Want};
use cachekit_core::env::{Problems, Vars};
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Client, Config, Memcached, Value};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{DEADLINE, LEAD, TTL, config, key};

/// How many calls a test makes, unless `CACHEKIT_TEST_CALLS` says so.
const CALLS: u32 = 20_000;

const TASKS: u32 = 32;
const KEYS: u32 = 200;
/// Keys of a call for many.
const AT_ONCE: usize = 8;
/// After so many calls, the next thing happens to a server.
const QUIET: u32 = 1_000;

/// Numerical Recipes' generator: the same calls in every run.
struct Chance(u32);

impl Chance {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % limit
    }

    fn key(&mut self) -> StoreKey {
        key(format_args!("mix:{}", self.below(KEYS)))
    }

    /// A value of `key`: mostly small, sometimes large enough for a connection of its own.
    fn value(&mut self, key: &StoreKey) -> Bytes {
        let length = match self.below(50) {
            0 => 60_000 + self.below(60_000),
            1..=4 => self.below(20_000),
            _ => self.below(200),
        };
        let mut value = format!("{} {length} ", key.as_str()).into_bytes();
        value.resize(value.len() + length as usize, b'x');
        value.into()
    }
}

/// What all tasks share.
struct Mix {
    backend: Memcached,
    client: Client,
    /// How many calls did not fail.
    made: Arc<watch::Sender<u32>>,
    /// How many values were found.
    found: AtomicU32,
}

impl Mix {
    fn on(servers: &[Server]) -> Self {
        let config = Config {
            timeout: Duration::from_millis(100),
            ..config(servers)
        };
        Self {
            backend: Memcached::new(config.clone()).unwrap(),
            client: Client::new(config).unwrap(),
            made: Arc::new(watch::Sender::new(0)),
            found: AtomicU32::new(0),
        }
    }

    /// One call, to its end or not. Those that fail do not count: while servers are away, there
    /// are many.
    async fn call(&self, chance: &mut Chance) {
        let patience = Duration::from_micros(chance.below(400).into());
        let (leaves, forgets) = (chance.below(3) == 0, chance.below(500) == 0);
        let before = chance.0;
        let mut call = Box::pin(self.any(chance));
        let patience = if leaves { patience } else { DEADLINE };
        let outcome = tokio::time::timeout(patience, &mut call).await;
        assert!(
            leaves || outcome.is_ok(),
            "a call that does not end, made from {before}"
        );
        if outcome.is_err() && forgets {
            std::mem::forget(call);
        }
        if !matches!(outcome, Ok(Err(_))) {
            self.made.send_modify(|made| *made = made.saturating_add(1));
        }
        // A server that is down is found by another task.
        tokio::task::yield_now().await;
    }

    async fn any(&self, chance: &mut Chance) -> Result<()> {
        let key = chance.key();
        let value = chance.value(&key);
        match chance.below(24) {
            0..=4 => self.read(&key, Want::Value, value).await,
            5..=8 => self.read(&key, LEAD, value).await,
            9 => self.read_many(chance).await,
            10 => self.backend.set(&key, value, TTL, None).await.map(drop),
            11 => all(self.backend.set_many(entries(chance)).await),
            12 => self.backend.expire(&key).await,
            13 => self.backend.remove(&key).await,
            _ => self.any_of_client(key, value, chance).await,
        }
    }

    async fn any_of_client(&self, key: StoreKey, value: Bytes, chance: &mut Chance) -> Result<()> {
        let name = key.as_str();
        match chance.below(12) {
            0..=3 => self.own(&key, self.client.get(name).await),
            4 => self.client_read_many(chance).await,
            5 => self.own(&key, self.client.get_and_touch(name, TTL).await),
            6 => self.client.touch(name, TTL).await.map(drop),
            7 => self.client.add(name, value, TTL).await.map(drop),
            8 => self.client.replace(name, value, TTL).await.map(drop),
            9 => self.client.delete(name).await.map(drop),
            10 => self.swap(&key, value).await,
            _ => self.client.set(name, value, TTL).await,
        }
    }

    /// A read; a lead that it gives is used.
    async fn read(&self, key: &StoreKey, want: Want, value: Bytes) -> Result<()> {
        let lookup = self.backend.get(key, want).await?;
        self.looked_up(key, &lookup);
        if let Lead::Mine(token) = lookup.lead {
            self.backend.set(key, value, TTL, Some(&token)).await?;
        }
        Ok(())
    }

    async fn swap(&self, key: &StoreKey, value: Bytes) -> Result<()> {
        if let Some(read) = self.client.get(key.as_str()).await? {
            self.found(key, &read.data);
            let _ = self.client.cas(key.as_str(), value, TTL, read.cas).await?;
        }
        Ok(())
    }

    async fn read_many(&self, chance: &mut Chance) -> Result<()> {
        let keys: Vec<StoreKey> = (0..AT_ONCE).map(|_| chance.key()).collect();
        let want = if chance.below(2) == 0 {
            LEAD
        } else {
            Want::Value
        };
        let lookups = self.backend.get_many(&keys, want).await;
        for (key, lookup) in keys.iter().zip(&lookups) {
            if let Ok(lookup) = lookup {
                self.looked_up(key, lookup);
            }
        }
        all(lookups)
    }

    async fn client_read_many(&self, chance: &mut Chance) -> Result<()> {
        let keys: Vec<StoreKey> = (0..AT_ONCE).map(|_| chance.key()).collect();
        let names: Vec<&str> = keys.iter().map(StoreKey::as_str).collect();
        let values = self.client.get_many(&names).await;
        let each = keys.iter().zip(values);
        all(each.map(|(key, value)| self.own(key, value)))
    }

    fn found(&self, key: &StoreKey, value: &[u8]) {
        assert!(is_own(key, value), "another value than one of this key");
        self.found.fetch_add(1, Ordering::Relaxed);
    }

    fn own(&self, key: &StoreKey, read: Result<Option<Value>>) -> Result<()> {
        if let Some(value) = read? {
            self.found(key, &value.data);
        }
        Ok(())
    }

    fn looked_up(&self, key: &StoreKey, lookup: &Lookup) {
        if let Some(found) = &lookup.found {
            self.found(key, &found.value);
        }
    }
}

/// The first error, if there is one.
fn all<T>(outcomes: impl IntoIterator<Item = Result<T>>) -> Result<()> {
    outcomes
        .into_iter()
        .try_for_each(|outcome| outcome.map(drop))
}

fn entries(chance: &mut Chance) -> Vec<NewEntry> {
    let entry = |_| {
        let key = chance.key();
        NewEntry {
            value: chance.value(&key),
            key,
            ttl: TTL,
            lead: None,
        }
    };
    (0..AT_ONCE).map(entry).collect()
}

/// Whether `value` is one of `key`, whole.
fn is_own(key: &StoreKey, value: &[u8]) -> bool {
    let mut words = value.splitn(3, |&byte| byte == b' ');
    let (name, length, rest) = (words.next(), words.next(), words.next());
    let length = length.and_then(|length| std::str::from_utf8(length).ok()?.parse().ok());
    name == Some(key.as_str().as_bytes())
        && rest.is_some_and(|rest| length == Some(rest.len()) && rest.iter().all(|&b| b == b'x'))
}

/// Something happens to a server all the time, until this is dropped.
struct Disturbance {
    made: Arc<watch::Sender<u32>>,
    thread: Option<JoinHandle<()>>,
}

/// In place of the count of calls: there are no more.
const OVER: u32 = u32::MAX;

impl Disturbance {
    fn of(servers: [Server; 3], made: &Arc<watch::Sender<u32>>) -> Self {
        let seen = made.subscribe();
        Self {
            made: Arc::clone(made),
            thread: Some(std::thread::spawn(move || disturb(servers, seen))),
        }
    }
}

impl Drop for Disturbance {
    fn drop(&mut self) {
        self.made.send_replace(OVER);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Kills, starts, stops and resumes `servers` in turn, each time after some calls more.
fn disturb(mut servers: [Server; 3], mut made: watch::Receiver<u32>) {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut after = |calls: u32| {
        let made = runtime.block_on(made.wait_for(|&made| made >= calls));
        made.is_ok_and(|made| *made != OVER)
    };
    for round in 0_u32.. {
        let server = &mut servers[round as usize % 3];
        let begin = round * 4 * QUIET;
        if !after(begin + QUIET) {
            return;
        }
        server.kill();
        after(begin + 2 * QUIET);
        server.restart();
        after(begin + 3 * QUIET);
        server.stop();
        after(begin + 4 * QUIET);
        server.resume();
    }
}

fn calls() -> u32 {
    let mut problems = Problems::default();
    let given = Vars::from_process(&mut problems);
    assert_eq!(problems, Problems::default());
    given.get("CACHEKIT_TEST_CALLS").map_or(CALLS, |calls| {
        calls
            .parse()
            .expect("CACHEKIT_TEST_CALLS is a number of calls")
    })
}

async fn nobody_finds_the_value_of_another_key() {
    let calls = calls();
    let servers = [Server::start(), Server::start(), Server::start()];
    let mix = Arc::new(Mix::on(&servers));
    let disturbance = Disturbance::of(servers, &mix.made);
    let mut tasks = JoinSet::new();
    for seed in 0..TASKS {
        let mix = Arc::clone(&mix);
        tasks.spawn(async move {
            let mut chance = Chance(seed);
            while *mix.made.borrow() < calls {
                mix.call(&mut chance).await;
            }
        });
    }
    tasks.join_all().await;
    let found = mix.found.load(Ordering::Relaxed);
    assert!(
        found > calls / 4,
        "{found} values were found: the servers were hardly there"
    );
    drop(disturbance);
}

#[tokio::test]
async fn nobody_finds_the_value_of_another_key_on_one_thread() {
    nobody_finds_the_value_of_another_key().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_finds_the_value_of_another_key_on_two_threads() {
    nobody_finds_the_value_of_another_key().await;
}
