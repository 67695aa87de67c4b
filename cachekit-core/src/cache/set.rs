//! Writing entries whose values are given, not computed.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{NewEntry, Stored, Ttl};
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::form::Form;
use crate::cache::place::Place;
use crate::cache::tags::{self, Versions};
use crate::envelope::{self, Header};
use crate::error::{Error, ErrorKind, Result};
use crate::l1::{Fill, Span};
use crate::policy::freshness::Lifetime;

/// A value that is given.
struct Given<V, F> {
    key: Key<V, F>,
    value: V,
    lifetime: Lifetime,
}

/// A value that is on its way to the backend, and into L1 once it is there.
struct Sent<V, F> {
    key: Key<V, F>,
    value: V,
    fill: Fill,
    span: Span,
    bytes: usize,
}

/// Stores each value for `ttl`, or that of its function; what has to go to the backend takes one call of it.
pub(crate) async fn set_many<V, F>(
    inner: Arc<Inner>,
    entries: Vec<(Key<V, F>, V)>,
    ttl: Option<Ttl>,
) -> Vec<Result<()>>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    let versions = captured(&inner, &entries).await;
    forget_namespaces(&inner, &entries).await;
    let mut results = Vec::with_capacity(entries.len());
    let (mut sent, mut stored) = (Vec::new(), Vec::new());
    for (index, (key, value)) in entries.into_iter().enumerate() {
        inner.invalidate_here(key.bytes());
        let given = Given::new(&inner, key, value, ttl);
        results.push(match Place::of(&inner, &given.key).await {
            Err(error) => Err(error),
            Ok(None) => given.keep_here(&inner),
            Ok(Some(place)) => {
                let l1_until_ms = place.l1_until_ms;
                given.entry(&inner, place, &versions).await.map(|entry| {
                    let bytes = entry.value.len();
                    sent.push((index, given.sent(&inner, l1_until_ms, bytes)));
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
    for ((index, sent), outcome) in sent.into_iter().zip(outcomes) {
        results[index] = sent.arrived(&inner, outcome, age);
    }
    results
}

/// What the tags of entries that are stored from now on are.
async fn captured<V, F>(inner: &Inner, entries: &[(Key<V, F>, V)]) -> Versions {
    let tags = entries.iter().flat_map(|(key, _)| key.tags());
    let names: BTreeSet<u64> = tags.copied().collect();
    let names: Vec<u64> = names.into_iter().collect();
    let mut versions = tags::read(inner, &names).await;
    tags::capture(inner, &mut versions).await;
    versions
}

/// Has the tokens of the namespaces read again: under an old one nobody else would find what is
/// written.
async fn forget_namespaces<V, F>(inner: &Inner, entries: &[(Key<V, F>, V)]) {
    let names = entries
        .iter()
        .map(|(key, _)| key.function().namespace_name());
    for name in names.collect::<HashSet<&str>>() {
        inner.namespaces.forget(name).await;
    }
}

impl<V, F> Given<V, F>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    fn new(inner: &Inner, key: Key<V, F>, value: V, ttl: Option<Ttl>) -> Self {
        let ttl = ttl.unwrap_or_else(|| inner.ttl_of(key.function()));
        let lifetime = Lifetime::new(ttl, key.function().asks().grace_of(ttl));
        Self {
            key,
            value,
            lifetime,
        }
    }

    /// Stores it where this process is the whole cache.
    fn keep_here(self, inner: &Inner) -> Result<()> {
        carried::<V, F>()?;
        if self.key.tags().len() > tags::MAX_TAGS {
            return Err(untagged());
        }
        let bytes = F::measure(&self.value).map_err(|error| refused(&error))?;
        inner.l1.put(
            self.key.bytes(),
            Arc::new(self.value),
            inner.span_here(self.lifetime, Duration::ZERO),
            bytes + size_of::<V>(),
            inner.l1.tags().capture(self.key.tags()),
        );
        Ok(())
    }

    /// What the backend is to have of it.
    async fn entry(
        &self,
        inner: &Arc<Inner>,
        place: Place<'_>,
        versions: &Versions,
    ) -> Result<NewEntry> {
        let head = self.key.function().head(&inner.config.namespace);
        inner.releases.register(inner, &head, place.release).await?;
        let untagged = || versions.failure().cloned().unwrap_or_else(untagged);
        let tags = versions.captured(self.key.tags()).ok_or_else(untagged)?;
        carried::<V, F>()?;
        let mut entry = envelope::begin();
        F::encode(&self.value, &mut entry).map_err(|error| refused(&error))?;
        let header = inner.header::<V, F>(self.lifetime, Duration::ZERO, false);
        let value = envelope::seal(entry, &header, &tags, &place.key);
        Ok(NewEntry {
            key: place.key,
            value,
            ttl: header.whole(),
            lead: None,
        })
    }

    /// A removal that comes after this keeps it out of L1.
    fn sent(self, inner: &Inner, l1_until_ms: u64, bytes: usize) -> Sent<V, F> {
        let mut fill = inner.l1.begin(self.key.bytes());
        fill.tag(self.key.tags());
        Sent {
            key: self.key,
            value: self.value,
            fill,
            span: self.lifetime.over_store(inner.l1_bound_until(l1_until_ms)),
            bytes,
        }
    }
}

impl<V: Send + Sync + 'static, F> Sent<V, F> {
    /// Lets it into L1 if the backend has it, as it was sent `age` ago.
    fn arrived(self, inner: &Inner, outcome: Result<Stored>, age: Duration) -> Result<()> {
        if let Err(error) = outcome {
            // It may have happened, and a reader may have found the old value meanwhile.
            inner.invalidate_here(self.key.bytes());
            inner.backend_failed(self.key.function(), &error);
            return Err(error);
        }
        // One may have read what was there before.
        inner.forget_flights(|flights| flights.forget(self.key.bytes()));
        let (value, span) = (Arc::new(self.value), self.span.aged(age));
        self.fill.complete_stored(value, span, self.bytes);
        Ok(())
    }
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
            uncacheable: false,
            no_grace: false,
        }
    }
}
