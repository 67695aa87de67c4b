//! Every call that can be made: what a matrix goes over.

use std::pin::Pin;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, Lookup, NewEntry, Token, Want};
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;
use cachekit_memcached::Memcached;

use super::peer::Peer;
use super::{LEAD, TTL, key};

/// What a call came to, for each of its keys, in words.
pub(crate) type Outcome = Vec<Result<String>>;

pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Makes a call, and polls nothing.
pub(crate) type Make = for<'a> fn(&'a Ready) -> Running<'a>;

/// All calls. Whoever adds one to the crate adds its line.
pub(crate) const CALLS: &[(&str, Make)] = &[
    ("get", |r| r.get(&r.keys[0], Want::Value)),
    ("get of a large value", |r| r.get(&r.large, Want::Value)),
    ("get of nothing", |r| r.get(&r.absent, Want::Value)),
    ("get, leading", |r| r.get(&r.keys[0], LEAD)),
    ("get, led by another", |r| r.get(&r.led, LEAD)),
    ("get_many", |r| r.get_many(Want::Value)),
    ("get_many, leading", |r| r.get_many(LEAD)),
    ("set", |r| r.set(&r.keys[0], 40, None)),
    ("set of a large value", |r| r.set(&r.large, LARGE, None)),
    ("set, led", |r| r.set(&r.led, 40, Some(&r.token))),
    ("set_many", |r| r.set_many()),
    ("expire", |r| one(r.backend.expire(&r.keys[0]))),
    ("expire_many", |r| many(r.backend.expire_many(&r.keys))),
    ("remove", |r| one(r.backend.remove(&r.keys[0]))),
    ("remove_many", |r| many(r.backend.remove_many(&r.keys))),
    ("renew", |r| one(r.backend.renew(&r.led, &r.token, TTL))),
    ("release", |r| one(r.backend.release(&r.led, &r.token))),
];

/// Large enough for a buffer, and a connection, of its own.
const LARGE: usize = 300_000;

/// A backend that is connected, and entries for every call to find.
pub(crate) struct Ready {
    pub(crate) backend: Memcached,
    pub(crate) keys: Vec<StoreKey>,
    absent: StoreKey,
    large: StoreKey,
    led: StoreKey,
    token: Token,
}

impl Ready {
    /// Whatever `peer` held before is gone.
    pub(crate) async fn on(peer: &Peer, backend: Memcached) -> Self {
        let keys = (0..3).map(|number| key(format_args!("key:{number}")));
        let keys: Vec<StoreKey> = keys.collect();
        let (absent, large, led) = (key("absent"), key("large"), key("led"));
        peer.clear();
        for key in &keys {
            peer.put(key, &body(key, 20));
        }
        peer.put(&large, &body(&large, LARGE));
        let Lead::Mine(token) = backend.get(&led, LEAD).await.unwrap().lead else {
            panic!("nobody leads yet");
        };
        // Where large values have a connection of their own, it is there after the first.
        for _ in 0..2 {
            backend.get(&large, Want::Value).await.unwrap();
        }
        Self {
            backend,
            keys,
            absent,
            large,
            led,
            token,
        }
    }

    /// What `peer` has under all keys.
    pub(crate) fn held_by(&self, peer: &Peer) -> Vec<String> {
        let others = [&self.absent, &self.large, &self.led];
        let keys = self.keys.iter().chain(others);
        keys.map(|key| peer.holds(key)).collect()
    }

    fn get<'a>(&'a self, key: &'a StoreKey, want: Want) -> Running<'a> {
        Box::pin(async move {
            let lookup = self.backend.get(key, want).await;
            vec![lookup.map(|lookup| found(key, &lookup))]
        })
    }

    fn get_many(&self, want: Want) -> Running<'_> {
        Box::pin(async move {
            let lookups = self.backend.get_many(&self.keys, want).await;
            let found = |(lookup, key): (Result<Lookup>, _)| Ok(found(key, &lookup?));
            lookups.into_iter().zip(&self.keys).map(found).collect()
        })
    }

    fn set<'a>(&'a self, key: &'a StoreKey, length: usize, lead: Option<&'a Token>) -> Running<'a> {
        one(self.backend.set(key, body(key, length).into(), TTL, lead))
    }

    fn set_many(&self) -> Running<'_> {
        let entry = |key: &StoreKey| NewEntry {
            key: key.clone(),
            value: body(key, 40).into(),
            ttl: TTL,
            lead: None,
        };
        let entries = self.keys.iter().map(entry).collect();
        many(self.backend.set_many(entries))
    }
}

fn one<'a, T: std::fmt::Debug + Send + 'a>(
    call: impl Future<Output = Result<T>> + Send + 'a,
) -> Running<'a> {
    Box::pin(async { vec![call.await.map(|outcome| format!("{outcome:?}"))] })
}

fn many<'a, T: std::fmt::Debug + Send + 'a>(
    call: impl Future<Output = Vec<Result<T>>> + Send + 'a,
) -> Running<'a> {
    let show = |outcome: Result<T>| outcome.map(|outcome| format!("{outcome:?}"));
    Box::pin(async move { call.await.into_iter().map(show).collect() })
}

/// # Panics
/// If what was found is the value of another key, or a part of one.
fn found(key: &StoreKey, lookup: &Lookup) -> String {
    let Some(found) = &lookup.found else {
        return "nothing".to_owned();
    };
    let length = found.value.len();
    assert!(found.value == body(key, length), "the value of another key");
    format!("{length} bytes")
}

/// A value that names its key, of `length` bytes.
fn body(key: &StoreKey, length: usize) -> Bytes {
    format!("{:x<length$}", format_args!("{} ", key.as_str())).into()
}
