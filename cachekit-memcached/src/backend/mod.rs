//! The backend: keys, times, leads and errors of the cache, translated for the client.

mod health;
mod lead;
mod lease;
mod lookup;
mod overdue;
mod reader;
mod right;
mod write;

use std::borrow::Cow;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{
    self, Backend, Health, Lookup, NewEntry, Reason, Renewed, Stored, Token, Ttl, Want,
};
use cachekit_core::error::{ErrorKind, Result};
use cachekit_core::key::StoreKey;
use tokio::time::Instant;

use crate::client::{Client, Cluster, Target, WINDOW_BYTES, delete, join_all, lease};
use crate::config::{Config, Failover};
use crate::error::Failure;
use crate::protocol::{Delete, Key, Request};
use lookup::Seen;
use overdue::Overdue;
use reader::{Reader, lookups};
use right::Right;
use write::stored;

const GET: &str = "memcached get";
const SET: &str = "memcached set";
const EXPIRE: &str = "memcached expire";
const REMOVE: &str = "memcached remove";
const RENEW: &str = "memcached renew";
const RELEASE: &str = "memcached release";

/// How many entries of one batch are under way at once where each takes a way of its own; of
/// writes fewer that have [`WINDOW_BYTES`] together. Bounds what waits in memory.
const AT_ONCE: usize = 256;

/// Entries on memcached servers.
///
/// Building it reaches for no server; connections are made by the first calls. Each tokio runtime
/// has connections of its own to each server, up to [`Config::max_pool_size`], so one value may
/// be used from many runtimes, and outlives them. A runtime needs its drivers of I/O and time
/// (`enable_all`): without the one of time, tokio panics.
///
/// # Limits
/// - A ttl over 30 days is taken for 30 days.
/// - Times are rounded up to one second, and the server's clock goes on once a second: an entry
///   may be gone up to a second early, and one of a second's ttl at once.
/// - A value may have the server's item size limit less 59 bytes less the key; a larger one is
///   refused, and the entry it was to replace is removed.
/// - A key over 250 bytes, prefix included, is written as its beginning and a BLAKE3 hash.
///
/// # Leading
/// A read that wants the lead leaves an empty item behind (`mg … N`), and the CAS number of that
/// item fences the write. A lead over an entry that is still there, stale or
/// about to end, cannot be renewed: a reader whose process has seen the same lead for longer than
/// `hold` and `patience`, and up to a tenth more, takes it over within its read, two round trips
/// later. What a replaced leader writes is superseded. A lead given after
/// [`expire`](Backend::expire) during a computation would have what is left of the hold before: it
/// is renewed within its read, two round trips later.
///
/// A server that cannot fence (`-C`, before 1.6.13, classic commands only) is
/// [degraded](cachekit_core::backend::NodeState::Degraded), and answers
/// [`Lead::Unfenced`](backend::Lead::Unfenced) with a token: one reader adds a lease, an item beside
/// the entry, and the others are told [`Lead::Other`](backend::Lead::Other). A write looks whether
/// its lease stands, before and after, and takes itself back if not; in between its value may be
/// read. Removals, expirations and writes without a token end the lease first. Classic commands tell
/// no times: an entry that may end early is nobody's (`Unfenced` without a token), but for a reader
/// whose `early` is [`Duration::MAX`](std::time::Duration::MAX). A token is worth what the node and
/// the run are that gave it: it never writes to another.
///
/// # A server that is away
/// [`Failover`] says where its keys go. Removals and expirations go to the owner of the key and to
/// the server that stands in for it, and are an error if the owner did not get them: it may come
/// back with the old entry. A server that stands in keeps an entry for ten seconds at most,
/// whatever its ttl; so the time left is not told there, and no entry is about to end.
#[derive(Debug)]
pub struct Memcached {
    client: Client,
    overdue: Overdue,
}

impl Memcached {
    /// A backend for `config`. Reaches for no server, and needs no runtime.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] says which field is out of its range.
    pub fn new(config: Config) -> Result<Self> {
        Ok(Self {
            client: Client::new(config)?,
            overdue: Overdue::default(),
        })
    }

    /// The client that this backend is made of: the same connections, keys and limits. What the
    /// cache wrote is found there under the text of its key.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    fn cluster(&self) -> &Cluster {
        &self.client.cluster
    }

    fn wire<'a>(&self, key: &'a StoreKey) -> Result<Key<'a>, Failure> {
        self.cluster().keys().wire(key.as_str().as_bytes())
    }

    fn wires<'a>(&self, keys: &'a [StoreKey]) -> Result<Vec<Key<'a>>, Failure> {
        keys.iter().map(|key| self.wire(key)).collect()
    }

    fn route<'a>(&self, key: &'a StoreKey) -> Cow<'a, str> {
        self.cluster().keys().route(key.route())
    }

    fn routes<'a>(&self, keys: &'a [StoreKey]) -> Vec<Cow<'a, str>> {
        keys.iter().map(|key| self.route(key)).collect()
    }

    fn reader<'a>(
        &'a self,
        key: &'a Key<'_>,
        route: &'a str,
        want: Want,
        deadline: Instant,
    ) -> Reader<'a> {
        Reader {
            cluster: self.cluster(),
            overdue: &self.overdue,
            key,
            route,
            want,
            deadline,
        }
    }

    /// What a read came to, under the policy for a node that is away.
    fn lookup(&self, outcome: Result<Lookup, Failure>, want: Want) -> Result<Lookup> {
        let missed = |failure: &Failure| {
            failure.kind == ErrorKind::Unavailable && self.cluster().failover() == Failover::Miss
        };
        match outcome {
            Err(failure) if missed(&failure) => Ok(Lookup::miss(match want {
                Want::Value => backend::Lead::None,
                Want::Lead { .. } => backend::Lead::Unfenced(None),
            })),
            outcome => outcome.map_err(|failure| failure.into_error(GET)),
        }
    }

    /// [`set`](Backend::set), over by `deadline`.
    async fn write(&self, entry: NewEntry, deadline: Instant) -> Result<Stored, Failure> {
        let NewEntry {
            key,
            value,
            ttl,
            lead,
        } = entry;
        let set = write::set(self.wire(&key)?, value, self.cluster().exptime(ttl));
        let (cluster, route) = (self.cluster(), self.route(&key));
        match lead.as_ref().map(Right::of) {
            Some(Some(right)) => right.fill(set, &route, cluster, deadline).await,
            // The token of another backend does not stand here.
            Some(None) => Ok(Stored::Superseded(Reason::Overtaken)),
            None => {
                cluster.end_lease(&set.key, &route, deadline).await;
                stored(&cluster.store(&set, &route, deadline).await?)
            }
        }
    }

    /// Marks the entries of `keys` as stale, or removes them.
    async fn invalidate(
        &self,
        keys: &[StoreKey],
        stale: bool,
        operation: &'static str,
    ) -> Vec<Result<()>> {
        let wires = match self.wires(keys) {
            Ok(wires) => wires,
            Err(failure) => return all(keys, &failure, operation),
        };
        let request = |index: usize| delete(&wires[index], None, stale);
        let (cluster, routes) = (self.cluster(), self.routes(keys));
        let lease = |index: usize| {
            Request::Delete(Delete {
                key: lease(&wires[index]),
                cas: None,
                stale: false,
            })
        };
        let outcomes = cluster
            .invalidate_entries(&routes, cluster.deadline(), request, lease)
            .await;
        let result = |outcome: Result<bool, Failure>| {
            outcome
                .map(drop)
                .map_err(|failure| failure.into_error(operation))
        };
        outcomes.into_iter().map(result).collect()
    }
}

#[async_trait]
impl Backend for Memcached {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let wire = self.wire(key).map_err(|f| f.into_error(GET))?;
        let (cluster, route) = (self.cluster(), self.route(key));
        let request = |target: Target<'_>| Ok(lookup::request(&wire, want, target));
        let reader = self.reader(&wire, &route, want, cluster.deadline());
        let outcome = cluster.call(&route, reader.deadline, request).await;
        let outcome = match outcome.and_then(|answered| reader.seen(answered)) {
            // Boxed, because it is rare: the future of every read would have room for it.
            Ok(seen) if seen.next.is_some() => Box::pin(reader.go_on(seen)).await,
            seen => seen,
        };
        self.lookup(outcome.map(Seen::settle), want)
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        let entry = NewEntry {
            key: key.clone(),
            value,
            ttl,
            lead: lead.cloned(),
        };
        let outcome = self.write(entry, self.cluster().deadline()).await;
        outcome.map_err(|failure| failure.into_error(SET))
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        let keys = std::slice::from_ref(key);
        self.invalidate(keys, true, EXPIRE).await.swap_remove(0)
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        let keys = std::slice::from_ref(key);
        self.invalidate(keys, false, REMOVE).await.swap_remove(0)
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        let wire = self.wire(key).map_err(|f| f.into_error(RENEW))?;
        let Some(right) = Right::of(lead) else {
            return Ok(Renewed::Lost);
        };
        let (route, hold) = (self.route(key), lookup::hold(hold));
        let outcome = right.renew(&wire, &route, hold, self.cluster()).await;
        outcome.map_err(|failure| failure.into_error(RENEW))
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        let wire = self.wire(key).map_err(|f| f.into_error(RELEASE))?;
        let Some(right) = Right::of(lead) else {
            return Ok(());
        };
        let outcome = right.release(&wire, &self.route(key), self.cluster()).await;
        outcome.map_err(|failure| failure.into_error(RELEASE))
    }

    async fn get_many(&self, keys: &[StoreKey], want: Want) -> Vec<Result<Lookup>> {
        let wires = match self.wires(keys) {
            Ok(wires) => wires,
            Err(failure) => return all(keys, &failure, GET),
        };
        let request =
            |index: usize, target: Target<'_>| Ok(lookup::request(&wires[index], want, target));
        let (cluster, routes) = (self.cluster(), self.routes(keys));
        let deadline = cluster.deadline();
        let outcomes = cluster.call_many(&routes, deadline, request).await;
        let reader = |index: usize| self.reader(&wires[index], &routes[index], want, deadline);
        let outcomes = lookups(outcomes, reader).await.into_iter();
        outcomes.map(|outcome| self.lookup(outcome, want)).collect()
    }

    async fn set_many(&self, entries: Vec<NewEntry>) -> Vec<Result<Stored>> {
        let deadline = self.cluster().deadline();
        let mut results = Vec::with_capacity(entries.len());
        let mut entries = entries.into_iter();
        while entries.len() > 0 {
            let (mut together, mut bytes) = (Vec::new(), 0);
            while together.len() < AT_ONCE
                && bytes < WINDOW_BYTES
                && let Some(entry) = entries.next()
            {
                bytes += entry.value.len();
                together.push(self.write(entry, deadline));
            }
            let outcomes = join_all(together).await.into_iter();
            results.extend(outcomes.map(|outcome| outcome.map_err(|f| f.into_error(SET))));
        }
        results
    }

    async fn expire_many(&self, keys: &[StoreKey]) -> Vec<Result<()>> {
        self.invalidate(keys, true, EXPIRE).await
    }

    async fn remove_many(&self, keys: &[StoreKey]) -> Vec<Result<()>> {
        self.invalidate(keys, false, REMOVE).await
    }

    fn owner(&self, key: &StoreKey) -> Option<String> {
        Some(self.cluster().asked(&self.route(key)).to_owned())
    }

    async fn health(&self) -> Health {
        health::health(self.cluster()).await
    }
}

/// The same failure for each of `keys`.
fn all<T>(keys: &[StoreKey], failure: &Failure, operation: &'static str) -> Vec<Result<T>> {
    let error = failure.clone().into_error(operation);
    keys.iter().map(|_| Err(error.clone())).collect()
}
