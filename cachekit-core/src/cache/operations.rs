//! Reading and writing entries without computing them, and what all ways in share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{NewEntry, Ttl, Want};
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::form::{Form, Release};
use crate::cache::remote::{self, Unusable};
use crate::envelope::{self, Header};
use crate::error::{Error, ErrorKind, Result};
use crate::key::StoreKey;
use crate::l1::{Fill, LocalTags, Span};
use crate::policy::ttl::{jittered, l1_age};

pub(crate) async fn get<V, F>(inner: Arc<Inner>, key: Key<V, F>) -> Result<Option<V>>
where
    V: Clone + Send + Sync + 'static,
    F: Form<V>,
{
    let Some((backend, store_key, release)) = remote::place(&inner, &key) else {
        return Ok(None);
    };
    let fill = inner.l1.begin(key.bytes());
    let found = remote::peek::<V, F>(&inner, backend, &store_key, release).await?;
    Ok(found.map(|found| inner.keep(fill, found)))
}

pub(crate) async fn get_many<V, F>(
    inner: Arc<Inner>,
    keys: Vec<Key<V, F>>,
) -> Vec<Result<Option<V>>>
where
    V: Clone + Send + Sync + 'static,
    F: Form<V>,
{
    let mut results: Vec<Result<Option<V>>> = keys
        .iter()
        .map(|key| Ok(inner.l1.get::<V>(key.bytes())))
        .collect();
    let Some(backend) = &inner.backend else {
        return results;
    };
    let mut asked = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        if matches!(results[index], Ok(None))
            && let Some((_, store_key, release)) = remote::place(&inner, key)
        {
            asked.push((index, inner.l1.begin(key.bytes()), store_key, release));
        }
    }
    let store_keys: Vec<StoreKey> = asked.iter().map(|(_, _, key, _)| key.clone()).collect();
    let lookups = backend.get_many(&store_keys, Want::Value).await;
    for ((index, fill, store_key, release), lookup) in asked.into_iter().zip(lookups) {
        results[index] = lookup
            .inspect_err(|error| inner.backend_failed(error))
            .map(|lookup| {
                let found = remote::usable::<V, F>(&inner, lookup, &store_key, release)?;
                Some(inner.keep(fill, found))
            });
    }
    results
}

/// Stores each value for `ttl`; what has to go to the backend takes one call of it.
pub(crate) async fn set_many<V, F>(
    inner: Arc<Inner>,
    entries: Vec<(Key<V, F>, V)>,
    ttl: Ttl,
) -> Vec<Result<()>>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    let mut results = Vec::with_capacity(entries.len());
    let (mut sent, mut stored) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        let ttl = jittered(ttl);
        inner.invalidate_here(key.bytes());
        results.push(match remote::place(&inner, &key) {
            None => keep_here(&inner, &key, value, ttl),
            Some((_, store_key, release)) => {
                let head = key.function().head(&inner.config.namespace);
                let registered = inner.releases.register(&inner, &head, release).await;
                let sealed = || sealed::<V, F>(&inner, store_key, release, &value, ttl);
                registered.and_then(|()| sealed()).map(|entry| {
                    // A removal that comes while the entry is on its way keeps it out of L1.
                    let (fill, bytes) = (inner.l1.begin(key.bytes()), entry.value.len());
                    sent.push((results.len(), key, fill, value, bytes));
                    stored.push(entry);
                })
            }
        });
    }
    let Some(backend) = inner.backend.as_ref().filter(|_| !stored.is_empty()) else {
        return results;
    };
    let ttls: Vec<Ttl> = stored.iter().map(|entry| entry.ttl).collect();
    let outcomes = backend.set_many(stored).await;
    for ((sent, ttl), outcome) in sent.into_iter().zip(ttls).zip(outcomes) {
        let (index, key, fill, value, bytes) = sent;
        results[index] = match outcome {
            Ok(_) => {
                let age = l1_age(ttl.duration(), ttl, inner.l1_bound());
                let span = Span::fresh_only(age);
                fill.complete_written(Arc::new(value), span, bytes, LocalTags::default());
                Ok(())
            }
            Err(error) => {
                // It may have happened, and a reader may have found the old value meanwhile.
                inner.invalidate_here(key.bytes());
                inner.backend_failed(&error);
                Err(error)
            }
        };
    }
    results
}

fn keep_here<V, F>(inner: &Inner, key: &Key<V, F>, value: V, ttl: Ttl) -> Result<()>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    let bytes =
        carried::<V, F>().and_then(|()| F::measure(&value).map_err(|error| refused(&error)))?;
    inner.l1.put(
        key.bytes(),
        Arc::new(value),
        Span::fresh_only(ttl.duration()),
        bytes + size_of::<V>(),
        LocalTags::default(),
    );
    Ok(())
}

fn sealed<V, F: Form<V>>(
    inner: &Inner,
    key: StoreKey,
    release: Release,
    value: &V,
    ttl: Ttl,
) -> Result<NewEntry> {
    carried::<V, F>()?;
    let mut entry = envelope::begin();
    F::encode(value, &mut entry).map_err(|error| refused(&error))?;
    let header = inner.header(release.codec, ttl, Duration::ZERO);
    let value = envelope::seal(entry, &header, &[], &key);
    Ok(NewEntry {
        key,
        value,
        ttl,
        lead: None,
    })
}

/// Whether values of this type can take this form at all.
fn carried<V, F: Form<V>>() -> Result<()> {
    F::refusal().map_or(Ok(()), |refusal| Err(refused(refusal)))
}

fn refused(reason: &dyn fmt::Display) -> Error {
    Error::with_detail(ErrorKind::Codec, "cache set", reason.to_string())
}

impl Inner {
    /// How long L1 may keep what the backend shares.
    pub(crate) fn l1_bound(&self) -> Duration {
        if self.config.l1.enabled {
            self.config.l1.max_age
        } else {
            Duration::ZERO
        }
    }

    /// Lets L1 keep what was found in the backend.
    pub(crate) fn keep<V: Clone + Send + Sync + 'static>(
        &self,
        fill: Fill,
        found: remote::Value<V>,
    ) -> V {
        let value = Arc::new(found.value);
        let age = l1_age(found.left, found.ttl, self.l1_bound());
        let span = Span::fresh_only(age);
        fill.complete(Arc::clone(&value), span, found.bytes, LocalTags::default());
        Arc::unwrap_or_clone(value)
    }

    /// Nothing of `key` that began before now is served or stored in this process.
    pub(crate) fn invalidate_here(&self, key: &[u8]) {
        self.flights.forget(key);
        self.blocking_flights.forget(key);
        self.l1.remove(key);
    }

    pub(crate) fn header(&self, codec: u8, ttl: Ttl, cost: Duration) -> Header {
        Header {
            codec,
            computed_at_ms: self.clock.unix_ms(),
            ttl: ttl.duration(),
            grace: Duration::ZERO,
            cost,
            absent: false,
        }
    }

    pub(crate) fn backend_failed(&self, error: &Error) {
        self.counters.backend_errors.add();
        tracing::debug!(%error, "backend failed; computing instead");
    }

    pub(crate) fn unusable(&self, key: &StoreKey, reason: Unusable) {
        if reason.leave_alone() {
            return self.counters.unknown_version.add();
        }
        self.counters.defective.add();
        tracing::warn!(key = %key.digest(), reason = reason.as_str(), "entry cannot be used");
    }
}
