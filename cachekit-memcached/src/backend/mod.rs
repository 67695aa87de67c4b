//! The backend: keys, times, leads and errors of the cache, translated for the client.

mod keys;
mod lead;
mod lookup;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{
    Backend, Found, Health, Lookup, NewEntry, NodeHealth, NodeState, Renewed, Stored, Token, Ttl,
    Want,
};
use cachekit_core::error::{ErrorKind, Result};
use cachekit_core::key::StoreKey;

use crate::client::{Answered, Client, STAND_IN_TTL, Target, join_all};
use crate::config::{Config, Failover};
use crate::error::Failure;
use crate::node::Greeting;
use crate::protocol::{Code, Delete, Exptime, Get, Key, Meta, Request, Set, max_value_len};
use keys::Keys;
use lead::{Lead, Over};

/// Client flags of an empty entry. A stub, which holds the place of an entry that is being
/// computed, is empty too, and has none. The highest bit, because clients of other languages give
/// meanings to the low ones.
const EMPTY: u32 = 1 << 31;

/// Entries on memcached servers.
///
/// Building it reaches for no server; connections are made by the first calls. Each tokio runtime
/// has connections of its own, so one value may be used from many.
///
/// # Limits
/// - A ttl over 30 days is taken for 30 days.
/// - Times are exact to one second, rounded up.
/// - A value is at most the server's item size limit less 59 bytes less the key; one that is
///   larger is refused, and the entry it was to replace is removed.
/// - A key over 250 bytes, prefix included, is written as its beginning and a BLAKE3 hash.
///
/// # Leading
/// Reads that want the lead leave an empty item behind (`mg … N`), which fences writes by its CAS
/// number. A server that does not count these (`-C`) answers
/// [`Lead::Unfenced`](cachekit_core::backend::Lead::Unfenced). A lead over an entry that is still
/// there (stale, or given early) is not ended by the server when its time is over.
#[derive(Debug)]
pub struct Memcached {
    client: Client,
    keys: Keys,
    clamped: AtomicU64,
}

impl Memcached {
    /// A backend for `config`. Reaches for no server, and needs no runtime.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] says which field is out of its range.
    pub fn new(config: Config) -> Result<Self> {
        config.check()?;
        let client = Client::new(&config);
        let keys = Keys::new(config.key_prefix, config.hash_prefix);
        Ok(Self {
            client,
            keys,
            clamped: AtomicU64::new(0),
        })
    }

    /// How many entries were given a ttl over 30 days, and live for 30 days instead.
    /// [`Ttl::NEVER`] is not counted.
    #[must_use]
    pub fn clamped_ttls(&self) -> u64 {
        self.clamped.load(Ordering::Relaxed)
    }

    fn exptime(&self, ttl: Ttl) -> Exptime {
        let duration = ttl.duration();
        let first = !ttl.is_never()
            && Exptime::shortens(duration)
            && self.clamped.fetch_add(1, Ordering::Relaxed) == 0;
        if first {
            tracing::warn!(
                ?duration,
                "a ttl over 30 days: memcached keeps the entry for 30 days"
            );
        }
        Exptime::of(duration)
    }

    /// The entry to write, or [`ErrorKind::TooLarge`].
    fn entry(
        key: &Key,
        value: &Bytes,
        exptime: Exptime,
        cas: Option<u64>,
        target: Target<'_>,
    ) -> Result<Request, Failure> {
        let client_flags = if value.is_empty() { EMPTY } else { 0 };
        let limit = max_value_len(target.item_size_max(), key.as_bytes().len(), client_flags);
        if value.len() > limit {
            let detail = format!("{} bytes; its limit for this key is {limit}", value.len());
            return Err(Failure::new(ErrorKind::TooLarge, detail).at(target.node.name()));
        }
        let exptime = if target.place.stand_in {
            exptime.min(Exptime::of(STAND_IN_TTL))
        } else {
            exptime
        };
        let value = value.clone();
        Ok(Request::Set(Set {
            key: key.clone(),
            value,
            exptime,
            client_flags,
            cas,
        }))
    }

    /// A write with a lead: to the node that gave it, and nowhere else.
    async fn fill(&self, key: &Key, value: Bytes, ttl: Ttl, token: &Token) -> Result<Stored> {
        const OPERATION: &str = "memcached set";
        let lead = Lead::of(token)?;
        let failed = |failure: Failure| failure.into_error(OPERATION);
        let Some(led) = self.client.led(lead.node, lead.run).await.map_err(failed)? else {
            return Ok(Stored::Superseded);
        };
        let exptime = self.exptime(ttl);
        let outcome = match Self::entry(key, &value, exptime, Some(lead.cas), led.target()) {
            Ok(request) => led.call(request).await,
            Err(refused) => Err(refused),
        };
        if let Err(failure) = &outcome
            && failure.kind == ErrorKind::TooLarge
        {
            let remove = Delete {
                key: key.clone(),
                cas: Some(lead.cas),
                stale: false,
            };
            led.call(Request::Delete(remove)).await.map_err(failed)?;
        }
        stored(&outcome.map_err(failed)?).map_err(failed)
    }

    /// Lets the stub of `lead` live for another `hold`. Where an entry stands, there is nothing to
    /// prolong.
    async fn prolong(&self, key: &Key, lead: Lead, hold: Exptime) -> Result<Renewed, Failure> {
        let Some(led) = self.client.led(lead.node, lead.run).await? else {
            return Ok(Renewed::Lost);
        };
        let touch = |touch| {
            Request::Get(Get {
                key: key.clone(),
                value: false,
                vivify: None,
                touch,
            })
        };
        // A touch cannot be fenced. So look first, and put back what was touched if it was changed
        // in between.
        let before = led.call(touch(None)).await?;
        let stands = |answered: &Answered| {
            answered
                .meta()
                .is_some_and(|meta| meta.cas == Some(lead.cas))
        };
        if !stands(&before) {
            return Ok(Renewed::Lost);
        }
        if !before.meta().is_some_and(Meta::is_stub) {
            return Ok(Renewed::Held);
        }
        let touched = led.call(touch(Some(hold))).await?;
        if stands(&touched) {
            return Ok(Renewed::Held);
        }
        let left = touched
            .meta()
            .and_then(|meta| meta.left)
            .and_then(|left| left.try_into().ok());
        if let Some(left) = left {
            led.call(touch(Some(Exptime::of(Duration::from_secs(left)))))
                .await?;
        }
        Ok(Renewed::Lost)
    }

    /// A value was refused: what it was to replace must not be served.
    async fn refuse(&self, key: &StoreKey, refused: Failure) -> Failure {
        let wire = match self.keys.wire(key) {
            Ok(wire) => wire,
            Err(_) => return refused,
        };
        let request = |_| delete(&wire, None, false);
        let routes = [self.keys.route(key)];
        let removed = self.client.invalidate_many(&routes, request).await;
        removed.into_iter().find_map(Result::err).unwrap_or(refused)
    }

    async fn invalidate_many(
        &self,
        keys: &[StoreKey],
        stale: bool,
        operation: &'static str,
    ) -> Vec<Result<()>> {
        let wires: Result<Vec<Key>> = keys.iter().map(|key| self.keys.wire(key)).collect();
        let wires = match wires {
            Ok(wires) => wires,
            Err(error) => return keys.iter().map(|_| Err(error.clone())).collect(),
        };
        let routes = self.routes(keys);
        let request = |index: usize| delete(&wires[index], None, stale);
        let results = self.client.invalidate_many(&routes, request).await;
        results
            .into_iter()
            .map(|result| result.map_err(|f| f.into_error(operation)))
            .collect()
    }

    fn routes<'a>(&self, keys: &'a [StoreKey]) -> Vec<Cow<'a, str>> {
        keys.iter().map(|key| self.keys.route(key)).collect()
    }

    /// What a read came to, under the policy for a node that is away.
    fn found(&self, outcome: Result<Answered, Failure>, want: Want) -> Result<Lookup> {
        match outcome.and_then(|answered| lookup::lookup(answered, want)) {
            Err(failure)
                if failure.kind == ErrorKind::Unavailable
                    && self.client.failover() == Failover::Miss =>
            {
                Ok(Lookup::miss(match want {
                    Want::Value => cachekit_core::backend::Lead::None,
                    Want::Lead { .. } => cachekit_core::backend::Lead::Unfenced,
                }))
            }
            outcome => outcome.map_err(|failure| failure.into_error("memcached get")),
        }
    }
}

fn delete(key: &Key, cas: Option<u64>, stale: bool) -> Request {
    Request::Delete(Delete {
        key: key.clone(),
        cas,
        stale,
    })
}

fn stored(answered: &Answered) -> Result<Stored, Failure> {
    match answered.meta().map(|meta| meta.code) {
        Some(Code::Done) => Ok(Stored::Stored),
        Some(Code::Exists | Code::NotFound) => Ok(Stored::Superseded),
        _ => Err(lookup::unexpected()),
    }
}

#[async_trait]
impl Backend for Memcached {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let wire = self.keys.wire(key)?;
        let route = self.keys.route(key);
        let request = |target: Target<'_>| Ok(lookup::request(&wire, want, target));
        self.found(self.client.call(&route, request).await, want)
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        let wire = self.keys.wire(key)?;
        if let Some(token) = lead {
            return self.fill(&wire, value, ttl, token).await;
        }
        let exptime = self.exptime(ttl);
        let request = |target: Target<'_>| Self::entry(&wire, &value, exptime, None, target);
        let outcome = self.client.call(&self.keys.route(key), request).await;
        let outcome = match outcome.and_then(|answered| stored(&answered)) {
            Err(failure) if failure.kind == ErrorKind::TooLarge => {
                Err(self.refuse(key, failure).await)
            }
            outcome => outcome,
        };
        outcome.map_err(|failure| failure.into_error("memcached set"))
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        let keys = std::slice::from_ref(key);
        self.invalidate_many(keys, true, "memcached expire")
            .await
            .swap_remove(0)
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        let keys = std::slice::from_ref(key);
        self.invalidate_many(keys, false, "memcached remove")
            .await
            .swap_remove(0)
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        let wire = self.keys.wire(key)?;
        let lead = Lead::of(lead)?;
        let outcome = self.prolong(&wire, lead, lookup::hold(hold)).await;
        outcome.map_err(|failure| failure.into_error("memcached renew"))
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        let wire = self.keys.wire(key)?;
        let lead = Lead::of(lead)?;
        let stale = match lead.over {
            Over::Stub => false,
            Over::Stale => true,
            // To mark a fresh entry would make it stale. It is there until its ttl is over.
            Over::Fresh => return Ok(()),
        };
        let failed = |failure: Failure| failure.into_error("memcached release");
        if let Some(led) = self.client.led(lead.node, lead.run).await.map_err(failed)? {
            led.call(delete(&wire, Some(lead.cas), stale))
                .await
                .map_err(failed)?;
        }
        Ok(())
    }

    async fn get_many(&self, keys: &[StoreKey], want: Want) -> Vec<Result<Lookup>> {
        let wires: Result<Vec<Key>> = keys.iter().map(|key| self.keys.wire(key)).collect();
        let wires = match wires {
            Ok(wires) => wires,
            Err(error) => return keys.iter().map(|_| Err(error.clone())).collect(),
        };
        let request =
            |index: usize, target: Target<'_>| Ok(lookup::request(&wires[index], want, target));
        let outcomes = self.client.call_many(&self.routes(keys), request).await;
        outcomes
            .into_iter()
            .map(|outcome| self.found(outcome, want))
            .collect()
    }

    async fn expire_many(&self, keys: &[StoreKey]) -> Vec<Result<()>> {
        self.invalidate_many(keys, true, "memcached expire").await
    }

    async fn remove_many(&self, keys: &[StoreKey]) -> Vec<Result<()>> {
        self.invalidate_many(keys, false, "memcached remove").await
    }

    async fn health(&self) -> Health {
        let deadline = self.client.deadline();
        let ask = async |node: &std::sync::Arc<crate::node::Node>| {
            let (state, detail) = match node.ask(deadline).await {
                Ok(greeting) => state_of(greeting),
                Err(failure) => (NodeState::Down, failure.detail().to_owned()),
            };
            NodeHealth {
                name: node.name().to_string(),
                state,
                detail,
            }
        };
        Health {
            nodes: join_all(self.client.nodes().iter().map(ask).collect()).await,
        }
    }
}

fn state_of(greeting: Greeting) -> (NodeState, String) {
    let version = greeting
        .version
        .map(|version| version.to_string())
        .unwrap_or_default();
    if greeting.fenced {
        (NodeState::Up, version)
    } else {
        (
            NodeState::Degraded,
            format!("{version}, counts no CAS numbers: writes are not fenced"),
        )
    }
}
