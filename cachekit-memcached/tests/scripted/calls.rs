//! Every call that can be made: what a matrix goes over.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lookup, NewEntry, Token, Want};
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;
use cachekit_memcached::{Client, Config, Memcached, Statistics, Told, Value};

use super::peer::Peer;
use super::script::Script;
use super::{LEAD, TTL, eventually, key};

/// What a call came to, for each of its keys, in words.
pub(crate) type Outcome = Vec<Result<String>>;

pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// A way to ask for something.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    who: Who,
    /// Makes the call, and polls nothing.
    pub(crate) make: for<'a> fn(&'a Ready) -> Running<'a>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Backend,
    Client,
}

/// All calls. Whoever adds one to the crate adds its line.
#[rustfmt::skip]
pub(crate) const CALLS: &[Call] = &[
    Call::backend("get", |r| r.get(&r.keys[0], Want::Value)),
    Call::backend("get of a large value", |r| r.get(&r.large, Want::Value)),
    Call::backend("get of nothing", |r| r.get(&r.absent, Want::Value)),
    Call::backend("get, leading", |r| r.get(&r.keys[0], LEAD)),
    Call::backend("get, led by another", |r| r.get(&r.led, LEAD)),
    Call::backend("get_many", |r| r.get_many(Want::Value)),
    Call::backend("get_many, leading", |r| r.get_many(LEAD)),
    Call::backend("set", |r| r.set(&r.keys[0], 40, None)),
    Call::backend("set of a large value", |r| r.set(&r.large, LARGE, None)),
    Call::backend("set, led", |r| r.set(&r.led, 40, Some(&r.token))),
    Call::backend("set_many", |r| r.set_many()),
    Call::backend("expire", |r| one(r.backend.expire(&r.keys[0]))),
    Call::backend("expire_many", |r| many(r.backend.expire_many(&r.keys))),
    Call::backend("remove", |r| one(r.backend.remove(&r.keys[0]))),
    Call::backend("remove_many", |r| many(r.backend.remove_many(&r.keys))),
    Call::backend("renew", |r| one(r.backend.renew(&r.led, &r.token, TTL))),
    Call::backend("release", |r| one(r.backend.release(&r.led, &r.token))),
    Call::client("get", |r| r.read(&r.keys[0])),
    Call::client("get of a large value", |r| r.read(&r.large)),
    Call::client("get of nothing", |r| r.read(&r.absent)),
    Call::client("get_many", |r| r.read_many()),
    Call::client("set", |r| one(r.client.set(r.name(), r.body(), TTL))),
    Call::client("set_many", |r| many(r.client.set_many(r.items(), TTL))),
    Call::client("add", |r| one(r.client.add(r.name(), r.body(), TTL))),
    Call::client("replace", |r| one(r.client.replace(r.name(), r.body(), TTL))),
    Call::client("cas", |r| one(r.client.cas(r.name(), r.body(), TTL, r.cas))),
    Call::client("delete", |r| one(r.delete())),
    Call::client("delete_many", |r| many(r.delete_many())),
    Call::client("touch", |r| one(r.client.touch(r.name(), TTL))),
    Call::client("get_and_touch", |r| r.read_and_touch(&r.keys[0])),
    Call::client("item", |r| one(r.size_of_item())),
    Call::client("increment", |r| one(r.client.increment(COUNTER, 1))),
    Call::client("increment_or_create", |r| one(r.client.increment_or_create("new", 1, 7, TTL))),
    Call::client("decrement", |r| one(r.client.decrement(COUNTER, 1))),
    Call::client("decrement_or_create", |r| one(r.client.decrement_or_create("new", 1, 7, TTL))),
    Call::client("versions", |r| told(r.client.versions())),
    Call::client("stats", |r| told(r.client.server_stats(Statistics::Settings))),
];

impl Call {
    const fn backend(name: &'static str, make: for<'a> fn(&'a Ready) -> Running<'a>) -> Self {
        Self {
            name,
            who: Who::Backend,
            make,
        }
    }

    const fn client(name: &'static str, make: for<'a> fn(&'a Ready) -> Running<'a>) -> Self {
        Self {
            name,
            who: Who::Client,
            make,
        }
    }

    /// Whether a server without meta commands can do it as well.
    pub(crate) fn is_classic(&self) -> bool {
        !["set, led", "renew", "release", "item"].contains(&self.name)
    }

    pub(crate) fn is_of_a_large_value(&self) -> bool {
        self.name.ends_with("of a large value")
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.who, self.name)
    }
}

/// Large enough for a buffer, and a connection, of its own.
const LARGE: usize = 150_000;

/// The key of a number.
pub(crate) const COUNTER: &str = "counter";

/// A backend or a client that is connected, and entries for a call to find.
pub(crate) struct Ready {
    since: u32,
    who: Who,
    is_impatient: bool,
    backend: Memcached,
    client: Client,
    keys: Vec<StoreKey>,
    names: Vec<&'static str>,
    cas: u64,
    absent: StoreKey,
    large: StoreKey,
    led: StoreKey,
    token: Token,
}

impl Ready {
    /// Ready for `call`. Whatever `peer` held before is gone.
    pub(crate) async fn on(peer: &Peer, config: Config, call: &Call) -> Self {
        let names = vec!["key:0", "key:1", "key:2"];
        let keys: Vec<StoreKey> = names.iter().map(key).collect();
        let large = key("large");
        let mut held: Vec<_> = keys.iter().map(|key| (key, body(key, 20))).collect();
        let counter = key(COUNTER);
        held.push((&counter, Bytes::from_static(b"41")));
        if call.is_of_a_large_value() {
            held.push((&large, body(&large, LARGE)));
        }
        peer.hold(&held);
        peer.follow(Script::Honest);
        let mut ready = Self {
            since: peer.scene().next(),
            who: call.who,
            is_impatient: config.timeout < Duration::from_secs(1),
            backend: Memcached::new(config.clone()).unwrap(),
            client: Client::new(config).unwrap(),
            cas: peer.cas(&keys[0]).unwrap(),
            keys,
            names,
            absent: key("absent"),
            large,
            led: key("led"),
            token: Token::new(Vec::new()),
        };
        if call.who == Who::Backend {
            ready.token = ready.lead().await;
        }
        ready.next(&ready.large).await;
        if call.is_of_a_large_value() && peer.speaks_meta() {
            // They have a connection of their own, made after the first of them; nobody waits
            // for it.
            eventually(|| async {
                ready.next(&ready.large).await;
                let progress = peer.scene().progress();
                progress.has_asked(ready.since + 1, b"large").then_some(())
            })
            .await;
        }
        ready
    }

    /// The lead over a key that is not there, or the lease beside it.
    async fn lead(&self) -> Token {
        eventually(|| async {
            let lookup = self.backend.get(&self.led, LEAD).await.ok()?;
            lookup.lead.token()
        })
        .await
    }

    /// What the next call finds under `key`: its own value, or nothing.
    ///
    /// # Panics
    /// On the value of another key, and on an error: but for one of a short timeout, because that
    /// may be over on a busy machine, and after many of them the server is down for a moment.
    pub(crate) async fn next(&self, key: &StoreKey) -> String {
        eventually(|| async {
            let running = match self.who {
                Who::Backend => self.get(key, Want::Value),
                Who::Client => self.read(key),
            };
            match running.await.swap_remove(0) {
                Err(error) if self.is_impatient && error.is_retryable() => None,
                outcome => Some(outcome.unwrap()),
            }
        })
        .await
    }

    /// How many of its connections have ended.
    pub(crate) fn lost(&self, peer: &Peer) -> usize {
        let ended = peer.scene().progress().ended;
        ended.iter().filter(|&&number| number >= self.since).count()
    }

    /// What `peer` has under all keys: which version of each.
    pub(crate) fn versions(&self, peer: &Peer) -> Vec<Option<u64>> {
        let others = [
            &self.absent,
            &self.large,
            &self.led,
            &key(COUNTER),
            &key("new"),
        ];
        let keys = self.keys.iter().chain(others);
        keys.map(|key| peer.cas(key)).collect()
    }

    pub(crate) fn keys(&self) -> &[StoreKey] {
        &self.keys
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

    fn read<'a>(&'a self, key: &'a StoreKey) -> Running<'a> {
        Box::pin(async move {
            let value = self.client.get(key.as_str()).await;
            vec![value.map(|value| own(key, value.map(|value| value.data).as_ref()))]
        })
    }

    fn read_and_touch<'a>(&'a self, key: &'a StoreKey) -> Running<'a> {
        Box::pin(async move {
            let value = self.client.get_and_touch(key.as_str(), TTL).await;
            vec![value.map(|value| own(key, value.map(|value| value.data).as_ref()))]
        })
    }

    async fn size_of_item(&self) -> Result<Option<usize>> {
        let item = self.client.item(self.name()).await?;
        Ok(item.map(|item| item.size))
    }

    fn read_many(&self) -> Running<'_> {
        Box::pin(async move {
            let values = self.client.get_many(&self.names).await;
            let found = |(value, key): (Result<Option<Value>>, _)| {
                Ok(own(key, value?.map(|value| value.data).as_ref()))
            };
            values.into_iter().zip(&self.keys).map(found).collect()
        })
    }

    /// Whether there was something is not told: where an answer is lost, the deletion is sent again,
    /// and finds nothing the second time.
    async fn delete(&self) -> Result<()> {
        self.client.delete(self.name()).await.map(drop)
    }

    async fn delete_many(&self) -> Vec<Result<()>> {
        let outcomes = self.client.delete_many(&self.names).await;
        outcomes
            .into_iter()
            .map(|outcome| outcome.map(drop))
            .collect()
    }

    fn name(&self) -> &'static str {
        self.names[0]
    }

    fn body(&self) -> Bytes {
        body(&self.keys[0], 40)
    }

    fn items(&self) -> Vec<(&'static str, Bytes)> {
        let bodies = self.keys.iter().map(|key| body(key, 40));
        self.names.iter().copied().zip(bodies).collect()
    }

    fn set<'a>(&'a self, key: &'a StoreKey, length: usize, lead: Option<&'a Token>) -> Running<'a> {
        one(self.backend.set(key, body(key, length), TTL, lead))
    }

    fn set_many(&self) -> Running<'_> {
        let entries = self.keys.iter().map(|key| entry(key.clone(), 40));
        many(self.backend.set_many(entries.collect()))
    }

    /// Writes more than the sockets between us and the peer take, in values that are not large.
    pub(crate) fn fill(&self) -> Running<'_> {
        let entries = (0..100).map(|number| entry(key(format_args!("filler:{number}")), 60_000));
        match self.who {
            Who::Backend => many(self.backend.set_many(entries.collect())),
            Who::Client => {
                let items = entries.map(|entry| (entry.key.as_str().to_owned(), entry.value));
                many(self.client.set_many(items.collect::<Vec<_>>(), TTL))
            }
        }
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

/// That there was an answer: what a server tells of itself is never the same for long.
fn told<'a, T: 'a>(told: impl Future<Output = Vec<Told<T>>> + Send + 'a) -> Running<'a> {
    let show = |told: Told<T>| told.answer.map(|_| "told".to_owned());
    Box::pin(async move { told.await.into_iter().map(show).collect() })
}

fn found(key: &StoreKey, lookup: &Lookup) -> String {
    own(key, lookup.found.as_ref().map(|found| &found.value))
}

/// # Panics
/// If `value` is that of another key than `key`, or a part of one.
fn own(key: &StoreKey, value: Option<&Bytes>) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let length = value.len();
    assert!(*value == body(key, length), "the value of another key");
    format!("{length} bytes")
}

fn entry(key: StoreKey, length: usize) -> NewEntry {
    NewEntry {
        value: body(&key, length),
        key,
        ttl: TTL,
        lead: None,
    }
}

/// A value that names its key, of `length` bytes.
pub(crate) fn body(key: &StoreKey, length: usize) -> Bytes {
    let mut body = format!("{} ", key.as_str()).into_bytes();
    body.resize(length.max(body.len()), b'x');
    body.into()
}
