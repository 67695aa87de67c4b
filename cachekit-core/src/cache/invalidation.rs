//! Saying that an entry is no longer true: here at once, and in the store for every release.

use std::collections::HashMap;
use std::sync::Arc;

use crate::backend::Backend;
use crate::cache::arguments::Key;
use crate::cache::form::Form;
use crate::cache::{Inner, releases, remote};
use crate::error::Result;
use crate::key::StoreKey;

/// How an entry ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Invalidation {
    Expire,
    Remove,
}

impl Invalidation {
    /// Ends the entry of each key, in one call of the backend.
    pub(crate) async fn of_many<V, F: Form<V>>(
        self,
        inner: Arc<Inner>,
        keys: Vec<Key<V, F>>,
    ) -> Vec<Result<()>> {
        let invalidate_here = || {
            keys.iter()
                .for_each(|key| inner.invalidate_here(key.bytes()))
        };
        invalidate_here();
        let mut results: Vec<Result<()>> = keys.iter().map(|_| Ok(())).collect();
        let Some(backend) = &inner.backend else {
            return results;
        };
        let (mut owners, mut ended) = (Vec::new(), Vec::new());
        let mut known = Known::default();
        for (index, key) in keys.iter().enumerate() {
            let Some((_, store_key, _)) = remote::place(&inner, key) else {
                continue;
            };
            let head = key.function().head(&inner.config.namespace);
            let (releases, listed) = known.of(backend, head).await;
            results[index] = listed;
            for store_key in in_every_release(store_key, &releases) {
                owners.push(index);
                ended.push(store_key);
            }
        }
        let outcomes = match self {
            Self::Expire => backend.expire_many(&ended).await,
            Self::Remove => backend.remove_many(&ended).await,
        };
        // Once more: a reader of this process may have found an old entry in the meantime.
        invalidate_here();
        for (index, outcome) in owners.into_iter().zip(outcomes) {
            results[index] = std::mem::replace(&mut results[index], Ok(())).and(outcome);
        }
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            inner.backend_failed(error);
        }
        results
    }
}

/// The key in its own release, and in the others that are known.
fn in_every_release(key: StoreKey, releases: &[String]) -> Vec<StoreKey> {
    let others = releases
        .iter()
        .filter_map(|release| key.with_release(release).ok());
    let others: Vec<StoreKey> = others.filter(|other| *other != key).collect();
    [key].into_iter().chain(others).collect()
}

/// The releases of each function, read once for one call. Where the list cannot be read, the key
/// is ended in its own release all the same, and the call is an error.
#[derive(Default)]
struct Known(HashMap<String, Result<Vec<String>>>);

impl Known {
    async fn of(&mut self, backend: &Arc<dyn Backend>, head: String) -> (Vec<String>, Result<()>) {
        if !self.0.contains_key(&head) {
            let listed = releases::listed(backend, &head).await;
            self.0.insert(head.clone(), listed);
        }
        match self.0.get(&head) {
            Some(Ok(releases)) => (releases.clone(), Ok(())),
            Some(Err(error)) => (Vec::new(), Err(error.clone())),
            None => (Vec::new(), Ok(())),
        }
    }
}
