//! Those who read the same entries in different ways.

use std::sync::Arc;
use std::time::Duration;

use cachekit::config::Config;
use cachekit::{Cache, Error, Function, Key, Policy};
use cachekit_core::backend::{Backend, Lead, Ttl, Want};
use cachekit_core::key::StoreKey;
use cachekit_memcached::{Config as Servers, Memcached};

use crate::Failed;
use crate::memcached::caller::Caller;
use crate::memcached::keys::Keys;

/// What the cache asks for on behalf of a function with a ttl of an hour: the hold of a lead, and
/// the grace with the early window of what takes a second.
pub(super) const LEAD: Want = Want::Lead {
    hold: Ttl::from_secs(6),
    early: Duration::from_secs(3_604),
    patience: Duration::from_secs(2),
};

static VALUES: Function =
    Function::new(module_path!(), "values").policy(Policy::new().ttl(Duration::from_secs(3_600)));

/// A caller of the backend.
#[derive(Clone)]
pub(in crate::memcached) struct Reader {
    backend: Arc<Memcached>,
    want: Want,
}

/// A caller of a cache.
#[derive(Clone)]
pub(in crate::memcached) struct Cached(Cache);

pub(in crate::memcached) async fn of_values(
    servers: &[String],
    count: usize,
) -> Result<Vec<Reader>, Failed> {
    Ok(vec![Reader::new(servers, Want::Value)?; count])
}

pub(in crate::memcached) async fn of_leads(
    servers: &[String],
    count: usize,
) -> Result<Vec<Reader>, Failed> {
    Ok(vec![Reader::new(servers, LEAD)?; count])
}

/// Callers of one cache.
pub(in crate::memcached) async fn of_cache(
    servers: &[String],
    count: usize,
) -> Result<Vec<Cached>, Failed> {
    Ok(vec![filled(servers).await?; count])
}

/// A cache without L1, filled with what a load of 100 B reads.
pub(super) async fn filled(servers: &[String]) -> Result<Cached, Failed> {
    let cache = cache(servers, false)?;
    let keys = Keys::of(SIZE);
    let value = "v".repeat(SIZE);
    for some in keys.texts.chunks(1_000) {
        let entries = some.iter().map(|text| Ok((key(text)?, value.clone())));
        let entries = entries.collect::<Result<_, Error>>()?;
        for stored in cache.set_many(entries).await {
            stored?;
        }
    }
    Ok(Cached(cache))
}

/// What is read was not there.
#[derive(Debug)]
struct Missed;

/// Of the values that a cache is filled with.
const SIZE: usize = 100;

/// A cache over `servers`.
pub(super) fn cache(servers: &[String], l1: bool) -> Result<Cache, Failed> {
    let mut config = Config::default();
    config.l1.enabled = l1;
    let backend = Arc::new(Memcached::new(Servers::of_servers(servers)?)?);
    Ok(Cache::builder().config(config).backend(backend).build())
}

fn key(text: &str) -> Result<Key<String>, Error> {
    VALUES.key(text)
}

impl Reader {
    pub(super) fn new(servers: &[String], want: Want) -> Result<Self, Failed> {
        let backend = Arc::new(Memcached::new(Servers::of_servers(servers)?)?);
        Ok(Self { backend, want })
    }
}

impl Caller for Reader {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        let key = StoreKey::new(key)?;
        let lookup = self.backend.get(&key, self.want).await?;
        match (lookup.found, lookup.lead) {
            (Some(found), Lead::None) => Ok(found.value.len()),
            _ => Err("no hit".into()),
        }
    }
}

impl Caller for Cached {
    async fn get(&mut self, text: &str) -> Result<usize, Failed> {
        let missed = || async { Err::<String, Missed>(Missed) };
        match self.0.get_or_compute(&key(text)?, missed).await {
            Ok(value) => Ok(value.len()),
            Err(Missed) => Err("a miss".into()),
        }
    }
}
