//! The backend on real servers that are full, small, slow, stopped, killed or started again.

mod aborts;
mod believed;
mod commands;
mod counters;
mod early;
#[path = "../eventually/mod.rs"]
mod eventually;
mod explain;
mod items;
mod lanes;
mod leases;
mod limits;
mod load;
mod many;
mod mix;
mod options;
mod outage;
mod peers;
mod returning;
mod runtimes;
mod stats;
mod takeover;
mod versions;

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Found, Lead, Renewed, Stored, Token, Ttl, Want};
use cachekit_core::key::StoreKey;
use cachekit_memcached::testkit::{Server, addresses};
use cachekit_memcached::{Config, Memcached};
use tokio::time::Instant;

use eventually::eventually;

const TTL: Ttl = Ttl::from_secs(300);
const LEAD: Want = Want::Lead {
    hold: Ttl::from_secs(30),
    early: Duration::ZERO,
    patience: Duration::ZERO,
};

/// A hold that lasts for a second at least: servers count seconds, and may be late by one.
const RENEWED: Ttl = Ttl::from_secs(3);

/// Longer than a machine is ever busy.
const PATIENCE: Duration = Duration::from_secs(20);
/// For how long a busy machine may not run a test: less than it waits for a server.
const SLOW: Duration = Duration::from_secs(10);

/// How long a test waits for what has to happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// Patient: a machine that is busy is no reason for a timeout. Tests of servers that stand still are
/// as impatient as they say.
fn config(servers: &[Server]) -> Config {
    Config {
        timeout: PATIENCE,
        connect_timeout: PATIENCE,
        ..Config::of_servers(addresses(servers)).unwrap()
    }
}

fn backend(servers: &[Server]) -> Memcached {
    Memcached::new(config(servers)).unwrap()
}

fn key(text: impl std::fmt::Display) -> StoreKey {
    StoreKey::new(text.to_string()).unwrap()
}

async fn set(backend: &Memcached, key: &StoreKey, value: &str) {
    let value = Bytes::copy_from_slice(value.as_bytes());
    assert_eq!(
        backend.set(key, value, TTL, None).await.unwrap(),
        Stored::Stored
    );
}

async fn found(backend: &Memcached, key: &StoreKey) -> Option<Found> {
    backend.get(key, Want::Value).await.unwrap().found
}

async fn value(backend: &Memcached, key: &StoreKey) -> Option<Bytes> {
    found(backend, key).await.map(|found| found.value)
}

async fn take_lead(backend: &Memcached, key: &StoreKey) -> Token {
    match backend.get(key, LEAD).await.unwrap().lead {
        Lead::Mine(token) => token,
        other => panic!("{other:?}"),
    }
}

/// Polls `call` so often, while its replies come in, and drops it then. Whether it has ended.
async fn polled<T>(times: usize, call: impl Future<Output = T>) -> bool {
    let mut call = Box::pin(call);
    for _ in 0..times {
        let poll = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready()));
        if poll.await {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

/// What `call` comes to while nobody answers, in no time: where all wait, the clock of this process
/// moves on to the end of the next wait.
async fn unanswered<T>(call: impl Future<Output = T>) -> T {
    tokio::time::pause();
    let outcome = call.await;
    tokio::time::resume();
    outcome
}

/// Tries with one key after the other, until this machine was not too busy. Each time the clock of
/// `server` has just ticked: after a pause of the machine, it is late.
async fn eventually_in_time(server: &Server, test: impl AsyncFn(StoreKey) -> bool) {
    let mut keys = (0..).map(key);
    eventually(|| {
        let tried = test(keys.next().expect("numbers do not end"));
        async {
            let second = server.stat("time");
            eventually(|| async { (server.stat("time") != second).then_some(()) }).await;
            tried.await.then_some(())
        }
    })
    .await;
}

async fn fill(backend: &Memcached, key: &StoreKey, value: &'static str, lead: &Token) -> Stored {
    let value = Bytes::from_static(value.as_bytes());
    backend.set(key, value, TTL, Some(lead)).await.unwrap()
}

/// What a fill comes to after `time`, in which the leader renews its lead again and again and the other
/// reads in vain. `None` if this machine was too busy to renew in time.
async fn filled_after(
    time: Duration,
    (leader, other): (&Memcached, &Memcached),
    key: &StoreKey,
    lead: &Token,
    want: Want,
) -> Option<Stored> {
    let (began, mut before) = (Instant::now(), Instant::now());
    let late = |before: Instant| before.elapsed() > Duration::from_millis(500);
    while began.elapsed() < time {
        let now = Instant::now();
        let renewed = leader.renew(key, lead, RENEWED).await.unwrap();
        let looked = other.get(key, want).await.unwrap();
        if late(before) {
            return None;
        }
        before = now;
        assert_eq!(renewed, Renewed::Held);
        assert_eq!(looked.lead, Lead::Other);
    }
    let filled = fill(leader, key, "slow", lead).await;
    (!late(before)).then_some(filled)
}

/// Waits until `server` has `count` connections beside the one that asks. A server lets go of a
/// connection a moment after it was closed, so one look may see those of earlier looks.
async fn connected(server: &Server, count: u64) {
    eventually(|| async { (server.stat("curr_connections") == count + 1).then_some(()) }).await;
}
