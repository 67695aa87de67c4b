//! Values of many ids, computed together where they are not there.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::{Hash, RandomState};

use serde::Serialize;

use crate::cache::Cache;
use crate::cache::arguments::Arguments;
use crate::cache::call_many::CallMany;
use crate::cache::form::Form;
use crate::cache::function::Function;
use crate::cache::kind::Voice;
use crate::cache::many::{Many, MapOfResults, ResultOfMap};
use crate::cache::tags::Tags;
use crate::codec::Bincode;
use crate::error::{Error, Result};

type All<K, V, E> = ResultOfMap<K, V, RandomState, E>;
type Each<K, V, E> = MapOfResults<K, V, RandomState, E>;

impl Cache {
    /// The value of each of `ids`, in the order asked; `None` for those that the origin does not
    /// have.
    ///
    /// Each id has the entry of `function.key(&id)`, which calls for that id alone share: what one
    /// computes the other waits for. `compute` is called with the ids that nobody has, in the order
    /// asked, each once, and not at all if there are none; their values go into its map. It is
    /// called again, later, for ids that another caller or another process was computing and did
    /// not get. One look and one write of the backend serve all of them, and each call of `compute`
    /// takes one place among the computations of the cache.
    ///
    /// That an id is not in the map is stored as [`Policy::negative_ttl`](crate::cache::Policy)
    /// says, and else not; an error says nothing of any id. What
    /// [`Context`](crate::cache::Context) is told in `compute` is said of all ids of that call. Ids
    /// in their early window are computed together with the others.
    ///
    /// An id that cannot be a key makes the call go past the cache.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use cachekit_core::cache::{Cache, Function};
    ///
    /// static SQUARES: Function = Function::new(module_path!(), "squares");
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let cache = Cache::in_process();
    /// let squares = |ids: Vec<u64>| async {
    ///     Ok::<HashMap<u64, u64>, std::io::Error>(ids.into_iter().map(|id| (id, id * id)).collect())
    /// };
    /// let found = cache.get_or_compute_many(&SQUARES, vec![3, 2, 3], squares).await?;
    /// assert_eq!(found, [Some(9), Some(4), Some(9)]);
    /// # Ok::<_, std::io::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// That of `compute`, unless there is something in grace for all that it was called for.
    ///
    /// # Cancel safety
    /// Dropping the future stores nothing, or what it has computed; those who wait for any of the
    /// ids compute instead.
    pub async fn get_or_compute_many<K, V, E, Compute>(
        &self,
        function: &'static Function,
        ids: Vec<K>,
        compute: impl FnMut(Vec<K>) -> Compute,
    ) -> Result<Vec<Option<V>>, E>
    where
        K: Clone + Eq + Hash + Serialize + 'static,
        V: Clone + Send + Sync + 'static,
        Bincode: Form<V>,
        E: 'static,
        Compute: Future<Output = Result<HashMap<K, V>, E>>,
    {
        let call = call(All::<K, V, E>::new(), function, &ids);
        let found = call.run_inline(self, None, Voice::NONE, compute).await?;
        Ok(in_order(&ids, &found))
    }

    /// [`get_or_compute_many`](Self::get_or_compute_many) for an origin that answers id by id: one
    /// that has failed keeps nothing from the others. The map has what was found and what has
    /// failed.
    ///
    /// # Cancel safety
    /// As of [`get_or_compute_many`](Self::get_or_compute_many).
    pub async fn get_or_compute_each<K, V, E, Compute>(
        &self,
        function: &'static Function,
        ids: Vec<K>,
        compute: impl FnMut(Vec<K>) -> Compute,
    ) -> HashMap<K, Result<V, E>>
    where
        K: Clone + Eq + Hash + Serialize + 'static,
        V: Clone + Send + Sync + 'static,
        Bincode: Form<V>,
        E: 'static,
        Compute: Future<Output = HashMap<K, Result<V, E>>>,
    {
        let call = call(Each::<K, V, E>::new(), function, &ids);
        call.run_inline(self, None, Voice::NONE, compute).await
    }

    /// [`get_or_compute_many`](Self::get_or_compute_many), with the computation in a task of its
    /// own, in the runtime of the caller, and with an end: see
    /// [`get_or_spawn`](Self::get_or_spawn). It ends when nobody waits for any of its ids.
    ///
    /// # Errors
    /// That of `compute`, and ours: see [`try_get_or_compute`](Self::try_get_or_compute).
    ///
    /// # Cancel safety
    /// Dropping the future leaves the computation to those who wait for any of the ids.
    pub async fn get_or_spawn_many<K, V, E, Compute>(
        &self,
        function: &'static Function,
        ids: Vec<K>,
        mut compute: impl FnMut(Vec<K>) -> Compute + Send + 'static,
    ) -> Result<Vec<Option<V>>, E>
    where
        K: Clone + Eq + Hash + Serialize + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        Bincode: Form<V>,
        E: From<Error> + fmt::Display + Send + 'static,
        Compute: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
    {
        let call = call(All::<K, V, E>::new(), function, &ids);
        let compute = Box::new(move |ids| Box::pin(compute(ids)) as _);
        let found = call
            .run_detached(self, None, Voice::of_ours(), compute)
            .await?;
        Ok(in_order(&ids, &found))
    }

    /// [`get_or_compute_many`](Self::get_or_compute_many), computed on this thread.
    ///
    /// # Errors
    /// As of [`get_or_compute_many`](Self::get_or_compute_many).
    pub fn get_or_compute_many_blocking<K, V, E>(
        &self,
        function: &'static Function,
        ids: Vec<K>,
        compute: impl FnMut(Vec<K>) -> Result<HashMap<K, V>, E>,
    ) -> Result<Vec<Option<V>>, E>
    where
        K: Clone + Eq + Hash + Serialize + 'static,
        V: Clone + Send + Sync + 'static,
        Bincode: Form<V>,
        E: 'static,
    {
        let call = call(All::<K, V, E>::new(), function, &ids);
        let found = call.run_blocking(self, None, Voice::NONE, compute)?;
        Ok(in_order(&ids, &found))
    }
}

fn call<M: Many<Id: Serialize>>(map: M, function: &'static Function, ids: &[M::Id]) -> CallMany<M> {
    let mut call = CallMany::new(map);
    for id in ids {
        let mut key = Arguments::new(function);
        key.argument(id);
        call.add(id.clone(), key, Tags::new());
    }
    call
}

fn in_order<K: Eq + Hash, V: Clone>(ids: &[K], found: &HashMap<K, V>) -> Vec<Option<V>> {
    ids.iter().map(|id| found.get(id).cloned()).collect()
}
