//! Stand-in: the call of a cached function for many ids.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use crate::backend::Ttl;
use crate::background;
use crate::cache::Cache;
use crate::cache::arguments::{Arguments, Key};
use crate::cache::form::Form;
use crate::cache::kind::Voice;
use crate::cache::many::{Many, Results};
use crate::cache::tags::Tags;
use crate::codec::Bincode;

/// A computation for the ids that miss, to run in a task of its own.
type Detached<M> = Box<
    dyn FnOnce(Vec<<M as Many>::Id>) -> Pin<Box<dyn Future<Output = <M as Many>::Returned> + Send>>
        + Send,
>;

/// One call of a cached function for many ids.
pub struct CallMany<M: Many, F = Bincode> {
    asked: Vec<(M::Id, Option<(Arguments, Tags)>)>,
    form: PhantomData<fn() -> F>,
}

impl<M: Many, F> CallMany<M, F> {
    /// The call of a function that returns such a map, for no id yet.
    #[must_use]
    pub fn new(_map: M) -> Self {
        Self {
            asked: Vec::new(),
            form: PhantomData,
        }
    }

    /// Asks for `id` too.
    pub fn add(&mut self, id: M::Id, arguments: Arguments, tags: Tags) {
        self.asked.push((id, Some((arguments, tags))));
    }

    /// Has the function compute these, past the cache.
    pub fn bypass(&mut self, ids: Vec<M::Id>) {
        self.asked.extend(ids.into_iter().map(|id| (id, None)));
    }
}

impl<M, F> CallMany<M, F>
where
    M: Many,
    M::Value: Clone + Send + Sync,
    F: Form<M::Value>,
{
    /// The results, computed in this future if need be.
    pub async fn run_inline<C: Future<Output = M::Returned>>(
        self,
        cache: &Cache,
        ttl: Option<Duration>,
        _voice: Voice<M::Error>,
        compute: impl FnOnce(Vec<M::Id>) -> C,
    ) -> M::Returned {
        let mut keys: HashMap<M::Id, Option<Key<M::Value, F>>> = HashMap::new();
        for (id, asked) in self.asked {
            let key = asked.and_then(|(arguments, _)| arguments.into_key().ok());
            keys.insert(id, key);
        }
        let mut found: Results<M> = Vec::new();
        let mut missing = Vec::new();
        for (id, key) in &keys {
            let value = match key {
                Some(key) => cache.get(key).await.ok().flatten(),
                None => None,
            };
            match value {
                Some(value) => found.push((id.clone(), Ok(value))),
                None => missing.push(id.clone()),
            }
        }
        if missing.is_empty() {
            return M::join(Ok(found));
        }
        match M::split(compute(missing).await) {
            Ok(computed) => {
                for (id, result) in &computed {
                    let (Ok(value), Some(Some(key))) = (result, keys.get(id)) else {
                        continue;
                    };
                    let default = cache.inner.config.default_ttl;
                    let ttl = ttl.map_or(key.function().asks().ttl_or(default), |ttl| {
                        Ttl::new(ttl).ok()
                    });
                    if let Some(ttl) = ttl {
                        let _ = cache.set_for(key, value.clone(), ttl).await;
                    }
                }
                found.extend(computed);
                M::join(Ok(found))
            }
            Err(failure) => M::join(Err(failure)),
        }
    }

    /// The results, computed in a task of its own if need be.
    pub async fn run_detached(
        self,
        cache: &Cache,
        ttl: Option<Duration>,
        voice: Voice<M::Error>,
        compute: Detached<M>,
    ) -> M::Returned {
        self.run_inline(cache, ttl, voice, compute).await
    }

    /// The results, computed on this thread if need be.
    pub fn run_blocking(
        self,
        cache: &Cache,
        ttl: Option<Duration>,
        voice: Voice<M::Error>,
        compute: impl FnOnce(Vec<M::Id>) -> M::Returned,
    ) -> M::Returned {
        let _ = background::block_on(async {});
        let run = self.run_inline(cache, ttl, voice, |ids| std::future::ready(compute(ids)));
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
            .block_on(run)
    }
}

impl<M: Many, F> fmt::Debug for CallMany<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallMany").finish_non_exhaustive()
    }
}
