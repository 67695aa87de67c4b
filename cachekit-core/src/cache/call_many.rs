//! What an annotated function of many ids does with its call: the runtime side of
//! `#[cached(many)]`.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Ttl;
use crate::cache::Cache;
use crate::cache::arguments::{Arguments, Key};
use crate::cache::form::Form;
use crate::cache::job::{Batch, Lack, Outcome, Terms};
use crate::cache::kind::Voice;
use crate::cache::many::{Many, Results};
use crate::cache::stats::Event;
use crate::cache::tags::Tags;
use crate::codec::Bincode;
use crate::error::Error;
use crate::policy::lock::Lock;
use crate::policy::reentry::Chain;

/// A computation of the ids that miss, to run in a task of its own.
type Detached<M> = Box<
    dyn FnMut(Vec<<M as Many>::Id>) -> Pin<Box<dyn Future<Output = <M as Many>::Returned> + Send>>
        + Send,
>;

/// The ids of a call, and what is done for them.
type Started<M, F> = (Asked<M>, Batch<<M as Many>::Value, <M as Many>::Error, F>);

/// One call of a cached function for many ids, each with an entry of its own.
///
/// The function is called with the ids that are to be computed, in the order in which they were
/// added and each once; once as a rule, and again for ids that another process or another caller
/// was computing and did not.
pub struct CallMany<M: Many, F = Bincode> {
    ids: Vec<M::Id>,
    /// How the entry of each is found; `None`: they are computed past the cache.
    entries: Option<Vec<(Arguments, Tags)>>,
    form: PhantomData<fn() -> F>,
}

impl<M: Many, F> CallMany<M, F> {
    /// The call of a function that returns such a map, for no id yet.
    #[must_use]
    pub const fn new(_map: M) -> Self {
        Self {
            ids: Vec::new(),
            entries: Some(Vec::new()),
            form: PhantomData,
        }
    }

    /// Asks for `id` too.
    pub fn add(&mut self, id: M::Id, arguments: Arguments, tags: Tags) {
        if let Some(entries) = &mut self.entries {
            entries.push((arguments, tags));
        }
        self.ids.push(id);
    }

    /// Has the function compute these, and all others of the call, past the cache.
    pub fn bypass(&mut self, ids: Vec<M::Id>) {
        self.entries = None;
        self.ids.extend(ids);
    }
}

impl<M, F> CallMany<M, F>
where
    M: Many,
    M::Value: Clone + Send + Sync + 'static,
    M::Error: 'static,
    F: Form<M::Value>,
{
    /// The results, computed in this future if need be.
    pub async fn run_inline<C: Future<Output = M::Returned>>(
        self,
        cache: &Cache,
        ttl: Option<Duration>,
        voice: Voice<M::Error>,
        mut compute: impl FnMut(Vec<M::Id>) -> C,
    ) -> M::Returned {
        match self.asked(cache, ttl, voice) {
            Ok((asked, batch)) => {
                let origin = |places: Vec<usize>| {
                    let (asked, missing) = (&asked, asked.missing(&places));
                    let computed = compute(missing);
                    async move { asked.outcomes(&places, computed.await) }
                };
                let outcomes = batch.inline(origin).await;
                asked.joined(outcomes)
            }
            Err(ids) => Chain::current().aside().run_async(compute(ids)).await,
        }
    }

    /// The results, computed in a task of its own if need be.
    pub async fn run_detached(
        self,
        cache: &Cache,
        ttl: Option<Duration>,
        voice: Voice<M::Error>,
        mut compute: Detached<M>,
    ) -> M::Returned
    where
        M::Id: Send + Sync + 'static,
        M::Error: Send,
        M::Returned: Send,
    {
        match self.asked(cache, ttl, voice) {
            Ok((asked, batch)) => {
                let asked = Arc::new(asked);
                let origin = {
                    let asked = Arc::clone(&asked);
                    move |places: Vec<usize>| {
                        let asked = Arc::clone(&asked);
                        let computed = compute(asked.missing(&places));
                        async move { asked.outcomes(&places, computed.await) }
                    }
                };
                let outcomes = batch.detached(origin).await;
                asked.joined(outcomes)
            }
            Err(ids) => Chain::current().aside().run_async(compute(ids)).await,
        }
    }

    /// The results, computed on this thread if need be.
    pub fn run_blocking(
        self,
        cache: &Cache,
        ttl: Option<Duration>,
        voice: Voice<M::Error>,
        mut compute: impl FnMut(Vec<M::Id>) -> M::Returned,
    ) -> M::Returned {
        match self.asked(cache, ttl, voice) {
            Ok((asked, batch)) => {
                let origin = |places: Vec<usize>| {
                    let returned = compute(asked.missing(&places));
                    asked.outcomes(&places, returned)
                };
                let outcomes = batch.blocking(origin);
                asked.joined(outcomes)
            }
            Err(ids) => Chain::current().aside().run(|| compute(ids)),
        }
    }

    /// Each id once, and the batch of them; or all ids, if they go past the cache.
    fn asked(
        self,
        cache: &Cache,
        ttl: Option<Duration>,
        voice: Voice<M::Error>,
    ) -> Result<Started<M, F>, Vec<M::Id>> {
        let Some(entries) = self.entries else {
            return Err(once_each(self.ids));
        };
        let (mut ids, mut keys) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        let mut bypassed = false;
        for (id, (arguments, tags)) in self.ids.into_iter().zip(entries) {
            if !seen.insert(id.clone()) {
                continue;
            }
            match keyed(cache, arguments) {
                Some(key) => keys.push(key.tagged(&tags)),
                None => bypassed = true,
            }
            ids.push(id);
        }
        if bypassed {
            return Err(ids);
        }
        let terms = Terms {
            ttl: ttl.map(|ttl| Ttl::new(ttl).ok()),
            voice,
        };
        let batch = Batch::new(&cache.inner, keys, terms);
        Ok((Asked::new(ids, voice), batch))
    }
}

fn once_each<T: Clone + Eq + std::hash::Hash>(mut ids: Vec<T>) -> Vec<T> {
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

/// The key of an id; `None`: it has none.
fn keyed<V, F>(cache: &Cache, arguments: Arguments) -> Option<Key<V, F>> {
    let function = arguments.function();
    let bypassed = arguments.is_bypassed();
    let key = arguments.into_key().inspect_err(|error| {
        tracing::warn!(%error, "call bypasses the cache");
    });
    let key = key.ok().filter(|_| !bypassed);
    if key.is_none() {
        cache.inner.count(function, Event::Bypassed);
    }
    key
}

/// The ids of a call, each once.
struct Asked<M: Many> {
    ids: Vec<M::Id>,
    voice: Voice<M::Error>,
    /// The error of a whole call of the function.
    failure: Lock<Option<M::Error>>,
}

impl<M: Many> Asked<M> {
    const fn new(ids: Vec<M::Id>, voice: Voice<M::Error>) -> Self {
        Self {
            ids,
            voice,
            failure: Lock::new(None),
        }
    }

    fn missing(&self, places: &[usize]) -> Vec<M::Id> {
        let id = |&place: &usize| self.ids[place].clone();
        places.iter().map(id).collect()
    }

    /// What the function has returned, id by id.
    fn outcomes(
        &self,
        places: &[usize],
        returned: M::Returned,
    ) -> Vec<Outcome<M::Value, M::Error>> {
        let share = self.voice.share();
        let results = match M::split(returned) {
            Ok(results) => results,
            Err(failure) => {
                let kept = share.keep(&failure);
                drop(self.failure.with(|failed| failed.replace(failure)));
                let failed = |_: &usize| {
                    Err(Lack::Failed {
                        error: None,
                        kept: kept.clone(),
                    })
                };
                return places.iter().map(failed).collect();
            }
        };
        let mut results: HashMap<M::Id, _> = results.into_iter().collect();
        let outcome = |&place: &usize| match results.remove(&self.ids[place]) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(Lack::Failed {
                kept: share.keep(&error),
                error: Some(error),
            }),
            None => Err(Lack::Absent),
        };
        places.iter().map(outcome).collect()
    }

    /// The map of all ids that have a value or an error.
    fn joined(&self, outcomes: Vec<Outcome<M::Value, M::Error>>) -> M::Returned {
        let result = |outcome| match outcome {
            Ok(value) => Some(Ok(value)),
            Err(Lack::Absent) => None,
            Err(Lack::Failed { error, .. }) => {
                let of_all = || self.failure.with(Option::take);
                error.or_else(of_all).map(Err)
            }
            Err(Lack::Shared(kept)) => self.voice.share().give(&kept).map(Err),
            Err(Lack::Ours(error)) => self.told(error).map(Err),
        };
        let outcomes = self.ids.iter().cloned().zip(outcomes);
        let results: Results<M> = outcomes
            .filter_map(|(id, outcome)| Some((id, result(outcome)?)))
            .collect();
        M::join(results)
    }

    fn told(&self, error: Error) -> Option<M::Error> {
        self.voice.say(|| error)
    }
}

impl<M: Many, F> fmt::Debug for CallMany<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallMany").finish_non_exhaustive()
    }
}
