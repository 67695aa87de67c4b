//! Reading entries without computing them.

use std::sync::Arc;

use crate::backend::{Lookup, Want};
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::entry::{Entry, Open, judged};
use crate::cache::form::Form;
use crate::cache::place::Place;
use crate::cache::spans::over_store;
use crate::cache::tags::{self, Versions};
use crate::envelope::TagVersion;
use crate::error::Result;
use crate::key::StoreKey;
use crate::l1::{Fill, Mark};
use crate::policy::freshness::early_window_in_store;

/// A key that the backend is asked for.
struct Asked<'a, V, F> {
    /// Where it stands among all keys of the call.
    index: usize,
    key: &'a Key<V, F>,
    fill: Fill,
    place: Place<'a>,
}

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
            Ok(Some(place)) => asked.push(Asked {
                index,
                key,
                fill,
                place,
            }),
            Ok(None) => {}
            Err(error) => results[index] = Err(error),
        }
    }
    let mut found = Vec::new();
    for (asked, entry) in look(&inner, asked).await {
        match entry {
            Ok(Some(entry)) => found.push((asked, entry)),
            Ok(None) => {}
            Err(error) => results[asked.index] = Err(error),
        }
    }
    let versions = versions(&inner, &found).await;
    for (asked, entry) in found {
        match judged(entry, None, asked.key.tags(), &versions) {
            Ok((entry, None)) => {
                inner.hit(asked.key.function(), &entry);
                results[asked.index] = Ok(entry.value.clone().map(Arc::unwrap_or_clone));
                inner.keep(asked.fill, entry, asked.place.l1_until_ms);
            }
            Ok((_, Some(_))) => {} // nobody can say what its tags are
            Err(_) => inner.l1.drop_grace(asked.key.bytes()),
        }
    }
    results
}

/// Asks for all in one call; with each its entry, where that is fresh as far as its tags are valid.
async fn look<'a, V, F: Form<V>>(
    inner: &Inner,
    asked: Vec<Asked<'a, V, F>>,
) -> Vec<(Asked<'a, V, F>, Result<Option<Entry<V>>>)> {
    let Some(backend) = inner.backend.as_ref().filter(|_| !asked.is_empty()) else {
        return Vec::new();
    };
    let keys: Vec<StoreKey> = asked.iter().map(|asked| asked.place.key.clone()).collect();
    let asked_ms = inner.clock.monotonic_ms();
    let lookups = backend.get_many(&keys, Want::Value).await;
    let answered = asked.into_iter().zip(lookups);
    let looked = answered.map(|(asked, lookup)| {
        let lookup = lookup.inspect_err(|error| inner.backend_failed(asked.key.function(), error));
        let entry = lookup.map(|lookup| asked.fresh(inner, lookup, asked_ms));
        (asked, entry)
    });
    looked.collect()
}

impl<V, F: Form<V>> Asked<'_, V, F> {
    /// The entry, if it is fresh as far as its tags are valid.
    fn fresh(&self, inner: &Inner, lookup: Lookup, asked_ms: u64) -> Option<Entry<V>> {
        let open = Open {
            inner,
            function: self.key.function(),
            key: &self.place.key,
            release: self.place.release,
            asked_ms,
        };
        match lookup.found.map(|found| open.opened::<V, F>(found)) {
            Some(Ok((entry, None))) => Some(entry),
            _ => {
                // What this process has is older.
                inner.l1.drop_grace(self.key.bytes());
                None
            }
        }
    }
}

/// What the tags of entries are now.
async fn versions<V, F>(inner: &Inner, found: &[(Asked<'_, V, F>, Entry<V>)]) -> Versions {
    let tags = found.iter().flat_map(|(_, entry)| &entry.tags);
    let tags: Vec<TagVersion> = tags.copied().collect();
    tags::read(inner, &Versions::default().unread(&tags)).await
}

impl Inner {
    /// Lets L1 keep what was found in the backend.
    pub(crate) fn keep<V: Send + Sync + 'static>(
        &self,
        mut fill: Fill,
        entry: Entry<V>,
        until_ms: u64,
    ) {
        let bound = self.l1_bound_until(until_ms);
        let early = early_window_in_store(entry.ttl.duration(), entry.cost);
        let span = over_store(entry.fresh, early, entry.grace, entry.ttl, bound);
        let span = span.aged(self.since(entry.asked_ms));
        fill.tag(&entry.tags.iter().map(|tag| tag.name).collect::<Vec<_>>());
        match entry.value {
            Some(value) => fill.complete(value, span, entry.bytes),
            None => fill.complete_mark(Mark::Absent, span.fresh),
        }
    }
}
