//! Reading and writing entries without computing them, and what all ways in share.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::backend::{NewEntry, Ttl, Want};
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::entry::{Entry, Open, judged};
use crate::cache::form::Form;
use crate::cache::function::Function;
use crate::cache::remote::Place;
use crate::cache::spans::over_store;
use crate::cache::tags::{self, Versions};
use crate::envelope::{self, Header, TagVersion};
use crate::error::{Error, ErrorKind, Result};
use crate::key::StoreKey;
use crate::l1::{Fill, Mark, Span};
use crate::policy::freshness::{Lifetime, early_window};

pub(crate) async fn get<V, F>(inner: Arc<Inner>, key: Key<V, F>) -> Result<Option<V>>
where
    V: Clone + Send + Sync + 'static,
    F: Form<V>,
{
    let keys = vec![key];
    get_many(inner, keys).await.pop().unwrap_or(Ok(None))
}

/// The fresh value of each key; what is not in this process takes one call of the backend, and one
/// more for the tags of what is found.
pub(crate) async fn get_many<V, F>(
    inner: Arc<Inner>,
    keys: Vec<Key<V, F>>,
) -> Vec<Result<Option<V>>>
where
    V: Clone + Send + Sync + 'static,
    F: Form<V>,
{
    let mut results: Vec<Result<Option<V>>> = keys.iter().map(|key| Ok(inner.here(key))).collect();
    let mut asked = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        if !matches!(results[index], Ok(None)) {
            continue;
        }
        let fill = inner.l1.begin(key.bytes());
        match Place::of(&inner, key).await {
            Ok(Some(place)) => asked.push((index, fill, place)),
            Ok(None) => {}
            Err(error) => results[index] = Err(error),
        }
    }
    let Some(backend) = inner.backend.as_ref().filter(|_| !asked.is_empty()) else {
        return results;
    };
    let store_keys: Vec<StoreKey> = asked.iter().map(|(.., place)| place.key.clone()).collect();
    let mut found = Vec::new();
    let asked_ms = inner.clock.monotonic_ms();
    let lookups = backend.get_many(&store_keys, Want::Value).await;
    for ((index, fill, place), lookup) in asked.into_iter().zip(lookups) {
        let function = keys[index].function();
        match lookup {
            Err(error) => {
                inner.backend_failed(function, &error);
                results[index] = Err(error);
            }
            Ok(lookup) => {
                let open = Open {
                    inner: &inner,
                    function,
                    key: &place.key,
                    release: place.release,
                    asked_ms,
                };
                match lookup.found.map(|f| open.opened::<V, F>(f)) {
                    Some(Ok((entry, None))) => {
                        found.push((index, fill, place.l1_until_ms, entry));
                    }
                    // What this process has is older.
                    _ => inner.l1.drop_grace(keys[index].bytes()),
                }
            }
        }
    }
    let mut versions = Versions::default();
    let names: Vec<TagVersion> = found
        .iter()
        .flat_map(|(.., entry)| &entry.tags)
        .copied()
        .collect();
    versions.extend(tags::read(&inner, &versions.unread(&names)).await);
    for (index, fill, l1_until_ms, entry) in found {
        if let Ok((entry, None)) = judged(entry, None, &[], &versions) {
            inner.hit(keys[index].function(), &entry);
            let value = entry.value.clone();
            inner.keep(fill, entry, l1_until_ms);
            results[index] = Ok(value.map(Arc::unwrap_or_clone));
        }
    }
    results
}

/// Stores each value for `ttl`, or that of its function; what has to go to the backend takes one call of it.
pub(crate) async fn set_many<V, F>(
    inner: Arc<Inner>,
    entries: Vec<(Key<V, F>, V)>,
    ttl: Option<Ttl>,
    tags: Vec<u64>,
) -> Vec<Result<()>>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    let mut versions = tags::read(&inner, &tags).await;
    tags::capture(&inner, &mut versions).await;
    let stored_tags = versions.captured(&tags);
    // Under an old token nobody else would find what is written.
    let namespaces: HashSet<&str> = entries
        .iter()
        .map(|(key, _)| key.function().namespace_name())
        .collect();
    for name in namespaces {
        inner.namespaces.forget(name).await;
    }
    let mut results = Vec::with_capacity(entries.len());
    let (mut sent, mut stored) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        let ttl = ttl.unwrap_or_else(|| inner.ttl_of(key.function()));
        let lifetime = Lifetime::new(ttl, key.function().asks().grace_of(ttl));
        inner.invalidate_here(key.bytes());
        results.push(match Place::of(&inner, &key).await {
            Err(error) => Err(error),
            Ok(None) => keep_here(&inner, &key, value, lifetime, &tags),
            Ok(Some(place)) => {
                let head = key.function().head(&inner.config.namespace);
                let registered = inner.releases.register(&inner, &head, place.release).await;
                let l1_until_ms = place.l1_until_ms;
                let sealed = || match &stored_tags {
                    Some(tags) => sealed::<V, F>(&inner, place, &value, lifetime, tags),
                    None => Err(versions.failure().cloned().unwrap_or_else(untagged)),
                };
                registered.and_then(|()| sealed()).map(|entry| {
                    // A removal that comes while the entry is on its way keeps it out of L1.
                    let (mut fill, bytes) = (inner.l1.begin(key.bytes()), entry.value.len());
                    fill.tag(&tags);
                    let bound = inner.l1_bound_until(l1_until_ms);
                    sent.push((
                        results.len(),
                        key,
                        fill,
                        value,
                        lifetime.over_store(bound),
                        bytes,
                    ));
                    stored.push(entry);
                })
            }
        });
    }
    let Some(backend) = inner.backend.as_ref().filter(|_| !stored.is_empty()) else {
        return results;
    };
    let sent_ms = inner.clock.monotonic_ms();
    let outcomes = backend.set_many(stored).await;
    let age = inner.since(sent_ms);
    for (sent, outcome) in sent.into_iter().zip(outcomes) {
        let (index, key, fill, value, span, bytes) = sent;
        results[index] = match outcome {
            Ok(_) => {
                // One may have read what was there before.
                inner.forget_flights(|flights| flights.forget(key.bytes()));
                fill.complete_stored(Arc::new(value), span.aged(age), bytes);
                Ok(())
            }
            Err(error) => {
                // It may have happened, and a reader may have found the old value meanwhile.
                inner.invalidate_here(key.bytes());
                inner.backend_failed(key.function(), &error);
                Err(error)
            }
        };
    }
    results
}

fn keep_here<V, F>(
    inner: &Inner,
    key: &Key<V, F>,
    value: V,
    lifetime: Lifetime,
    tags: &[u64],
) -> Result<()>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    let bytes =
        carried::<V, F>().and_then(|()| F::measure(&value).map_err(|error| refused(&error)))?;
    inner.l1.put(
        key.bytes(),
        Arc::new(value),
        inner.span_here(lifetime, Duration::ZERO),
        bytes + size_of::<V>(),
        inner.l1.tags().capture(tags),
    );
    Ok(())
}

fn sealed<V, F: Form<V>>(
    inner: &Inner,
    place: Place<'_>,
    value: &V,
    lifetime: Lifetime,
    tags: &[TagVersion],
) -> Result<NewEntry> {
    carried::<V, F>()?;
    let mut entry = envelope::begin();
    F::encode(value, &mut entry).map_err(|error| refused(&error))?;
    let header = inner.header::<V, F>(lifetime, Duration::ZERO, false);
    let value = envelope::seal(entry, &header, tags, &place.key);
    Ok(NewEntry {
        key: place.key,
        value,
        ttl: header.whole(),
        lead: None,
    })
}

/// Whether values of this type can take this form at all.
fn carried<V, F: Form<V>>() -> Result<()> {
    F::refusal().map_or(Ok(()), |refusal| Err(refused(refusal)))
}

/// An entry that cannot have its tags.
fn untagged() -> Error {
    let detail = format!(
        "more than {} tags, or others keep this process from making them",
        tags::MAX_TAGS
    );
    Error::with_detail(ErrorKind::Overloaded, "cache set", detail)
}

fn refused(reason: &dyn fmt::Display) -> Error {
    Error::with_detail(ErrorKind::Codec, "cache set", reason.to_string())
}

impl Inner {
    /// Runs `task` to its end, whether or not the caller is polled again: others wait for it.
    pub(crate) async fn apart<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = oneshot::channel();
        self.clock.spawn(async move {
            let _ = tell.send(task.await); // a caller who is gone does not care
        })?;
        let lost = |_| Error::new(ErrorKind::ComputationLost, "background runtime");
        told.await.map_err(lost)
    }

    /// How long values of `function` are stored that are given, not computed.
    pub(crate) fn ttl_of(&self, function: &Function) -> Ttl {
        let default = self.config.default_ttl;
        function.asks().ttl_or(default).unwrap_or(default)
    }

    /// The line of time of an entry where this process is the whole cache.
    pub(crate) fn span_here(&self, lifetime: Lifetime, cost: Duration) -> Span {
        match self.keeps_nothing {
            true => Span::default(),
            false => lifetime.here(cost),
        }
    }

    /// How long L1 may keep what the backend shares.
    pub(crate) fn l1_bound(&self) -> Duration {
        if self.config.l1.enabled {
            self.config.l1.max_age
        } else {
            Duration::ZERO
        }
    }

    /// Until when L1 may keep what was true at `began_ms`, both monotonic.
    pub(crate) fn l1_until_ms(&self, began_ms: u64) -> u64 {
        let bound_ms = u64::try_from(self.l1_bound().as_millis()).unwrap_or(u64::MAX);
        began_ms.saturating_add(bound_ms)
    }

    /// For how long this process may take for fresh what the backend has for `ttl`.
    pub(crate) fn l1_share(&self, ttl: Ttl) -> Duration {
        self.l1_bound().min(ttl.duration() / 4)
    }

    /// The same for a store that cannot say what has happened meanwhile: where this process would
    /// share nothing, callers of one flight would only come to the same one after the other.
    pub(crate) fn share_unfenced(&self, ttl: Ttl) -> Duration {
        match self.l1_share(ttl) {
            Duration::ZERO => Duration::MAX,
            share => share,
        }
    }

    /// How long ago a moment of the monotonic clock was.
    pub(crate) fn since(&self, moment_ms: u64) -> Duration {
        Duration::from_millis(self.clock.monotonic_ms().saturating_sub(moment_ms))
    }

    /// [`l1_bound`](Self::l1_bound) for what L1 may keep only until a moment.
    pub(crate) fn l1_bound_until(&self, until_ms: u64) -> Duration {
        let left_ms = until_ms.saturating_sub(self.clock.monotonic_ms());
        self.l1_bound().min(Duration::from_millis(left_ms))
    }

    /// Lets L1 keep what was found in the backend.
    pub(crate) fn keep<V: Send + Sync + 'static>(
        &self,
        mut fill: Fill,
        entry: Entry<V>,
        until_ms: u64,
    ) {
        let bound = self.l1_bound_until(until_ms);
        let early = early_window(entry.ttl.duration(), entry.cost);
        let span = over_store(entry.fresh, early, entry.grace, entry.ttl, bound);
        let span = span.aged(self.since(entry.asked_ms));
        fill.tag(&entry.tags.iter().map(|tag| tag.name).collect::<Vec<_>>());
        match entry.value {
            Some(value) => fill.complete(value, span, entry.bytes),
            None => fill.complete_mark(Mark::Absent, span.fresh),
        }
    }

    /// Nothing of `key` that began before now is served or stored in this process.
    pub(crate) fn invalidate_here(&self, key: &[u8]) {
        self.forget_flights(|flights| flights.forget(key));
        self.l1.remove(key);
    }

    pub(crate) fn header<V, F: Form<V>>(
        &self,
        lifetime: Lifetime,
        cost: Duration,
        absent: bool,
    ) -> Header {
        Header {
            // Every codec is one number, whatever the version.
            codec: F::release(0).map_or(0, |release| release.codec),
            computed_at_ms: self.clock.unix_ms(),
            ttl: lifetime.ttl.duration(),
            grace: lifetime.grace,
            cost,
            absent,
        }
    }
}
