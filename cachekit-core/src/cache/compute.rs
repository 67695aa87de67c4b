//! Values that are computed where they are not there.

use std::fmt;

use crate::cache::Cache;
use crate::cache::arguments::Key;
use crate::cache::form::Form;
use crate::cache::job::Job;
use crate::cache::kind::{PlainResult, Voice};
use crate::error::{Error, Result};

impl Cache {
    /// The value of `key`; computed by one caller for all who ask for it at the same time, and
    /// stored as the [`Policy`](crate::cache::Policy) of its function says.
    ///
    /// An outage of the backend is counted, and the value computed. The computation runs in this
    /// future: if it is dropped, one of the waiters computes instead. Nothing of ours is an error
    /// here: callers wait for as long as it takes, and waiters of a computation that failed compute
    /// for themselves. [`try_get_or_compute`](Self::try_get_or_compute) has an end.
    ///
    /// # Errors
    /// Those of `compute`; while there is something in grace, that instead.
    ///
    /// # Cancel safety
    /// Dropping the future stores nothing, or what it has computed.
    pub async fn get_or_compute<V, F, E, Compute>(
        &self,
        key: &Key<V, F>,
        compute: impl FnOnce() -> Compute,
    ) -> Result<V, E>
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
        E: 'static,
        Compute: Future<Output = Result<V, E>>,
    {
        if let Some(value) = self.inner.hit_of(key) {
            return Ok(value);
        }
        let job = self.job(key, Voice::NONE);
        job.inline(async { compute().await }).await
    }

    /// [`get_or_compute`](Self::get_or_compute) for errors that can be made of ours: callers are
    /// told when their time is over, when they are turned away, when a key is asked for inside its
    /// own computation, and what came of the computation that they waited for.
    ///
    /// # Errors
    /// Those of `compute`, and ours of the kinds [`Timeout`](crate::ErrorKind::Timeout),
    /// [`Overloaded`](crate::ErrorKind::Overloaded), [`Reentrant`](crate::ErrorKind::Reentrant),
    /// [`NotFound`](crate::ErrorKind::NotFound) and
    /// [`ComputationLost`](crate::ErrorKind::ComputationLost).
    ///
    /// # Cancel safety
    /// As of [`get_or_compute`](Self::get_or_compute).
    pub async fn try_get_or_compute<V, F, E, Compute>(
        &self,
        key: &Key<V, F>,
        compute: impl FnOnce() -> Compute,
    ) -> Result<V, E>
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
        E: From<Error> + fmt::Display + 'static,
        Compute: Future<Output = Result<V, E>>,
    {
        if let Some(value) = self.inner.hit_of(key) {
            return Ok(value);
        }
        let job = self.job(key, Voice::of_ours());
        job.inline(async { compute().await }).await
    }

    /// [`try_get_or_compute`](Self::try_get_or_compute), with the computation in a task of its own,
    /// in the runtime of the caller: it goes on, and is stored, when the caller's time is over, and
    /// a refresh before its time keeps nobody waiting. It ends when all who wait for it are dropped.
    ///
    /// # Errors
    /// As of [`try_get_or_compute`](Self::try_get_or_compute).
    ///
    /// # Cancel safety
    /// Dropping the future leaves the computation to those who wait for it.
    pub async fn get_or_spawn<V, F, E>(
        &self,
        key: &Key<V, F>,
        compute: impl Future<Output = Result<V, E>> + Send + 'static,
    ) -> Result<V, E>
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
        E: From<Error> + fmt::Display + Send + 'static,
    {
        if let Some(value) = self.inner.hit_of(key) {
            return Ok(value);
        }
        let job = self.job(key, Voice::of_ours());
        job.detached(Box::pin(compute)).await
    }

    fn job<V, F, E>(&self, key: &Key<V, F>, voice: Voice<E>) -> Job<PlainResult<V, E>, F>
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
        E: 'static,
    {
        Job::new(PlainResult::new(), &self.inner, key.clone(), voice)
    }
}
