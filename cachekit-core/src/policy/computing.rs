//! What a computation that runs can say of its result, and what it is told.

use std::any::Any;
use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::policy::bulkhead::Permit;
use crate::policy::reentry::Chain;

/// What a computation wants to be different from the policy of its function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) ttl: Option<Duration>,
    pub(crate) grace: Option<Duration>,
    pub(crate) tags: Vec<String>,
    pub(crate) no_store: bool,
    pub(crate) not_found: Option<Duration>,
}

/// One computation, while it runs.
#[derive(Default)]
pub(crate) struct Computing {
    wishes: Mutex<Wishes>,
    previous: OnceLock<Arc<dyn Any + Send + Sync>>,
    /// The place among the computations of its cache that this one has, or shares with the one
    /// around it.
    permit: Mutex<Option<Arc<Permit>>>,
}

impl Computing {
    /// Hands in the value that this computation is to replace.
    pub(crate) fn replaces(&self, previous: Arc<dyn Any + Send + Sync>) {
        let _ = self.previous.set(previous);
    }

    pub(crate) fn permit(&self) -> Option<Arc<Permit>> {
        self.place().clone()
    }

    /// Begins in this place.
    pub(crate) fn begin(&self, permit: Option<Arc<Permit>>) {
        *self.place() = permit;
    }

    /// Gives the place back once it is `overdue`: a computation that never returns keeps no other
    /// from its origin for longer than from its key. Never completes.
    pub(crate) async fn leave_when<T>(&self, overdue: impl Future<Output = ()>) -> T {
        overdue.await;
        let permit = self.place().take();
        drop(permit);
        pending().await
    }

    /// Gives the place back; what runs inside of it still has its share.
    pub(crate) fn end(&self) -> Wishes {
        let permit = self.place().take();
        drop(permit);
        std::mem::take(&mut self.wishes())
    }

    fn place(&self) -> MutexGuard<'_, Option<Arc<Permit>>> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Computing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computing").finish_non_exhaustive()
    }
}

/// The computation that runs now, to say of its result what its function does not know
/// beforehand.
///
/// Of the innermost cached function around the call, on whatever thread it is polled; a task that
/// the computation spawns has none, nor has a call that goes past the cache. (A function that is
/// called as `uncached` is a part of the computation that calls it.) Without one, everything here
/// is without effect. What is said twice counts as it was said last; tags add up. The policy of the
/// function stays as it is.
#[derive(Clone, Debug)]
pub struct Context(Option<Arc<Computing>>);

impl Context {
    /// The context of the computation that runs now.
    #[must_use]
    pub fn current() -> Self {
        Self(Chain::current().computing())
    }

    /// This result is fresh for `ttl`, less a jitter of up to a tenth. Zero: it is not stored. Not
    /// of a `None`, unless that is [a value like any other](crate::cache::Policy::cache_none): see
    /// [`not_found_for`](Self::not_found_for).
    pub fn ttl(&self, ttl: Duration) {
        self.wish(|wishes| wishes.ttl = Some(ttl));
    }

    /// This result stays for `grace` after its ttl: see [`Policy::grace`](crate::cache::Policy::grace).
    pub fn grace(&self, grace: Duration) {
        self.wish(|wishes| wishes.grace = Some(grace));
    }

    /// This result ends when `tag` is removed.
    ///
    /// A tag that is named only here is looked at after the computation: a result whose tag was
    /// removed, or made, since it began is not stored. A tag that the function declares costs less.
    /// A result with more than [`MAX_TAGS`](crate::cache::MAX_TAGS) is refused: not stored, counted,
    /// and logged once.
    pub fn tag(&self, tag: impl Into<String>) {
        self.wish(|wishes| wishes.tags.push(tag.into()));
    }

    /// This result is for this caller alone: it is not stored, those who wait compute for
    /// themselves, and for the next ten seconds neither callers of this key nor processes wait for each
    /// other.
    pub fn no_store(&self) {
        self.wish(|wishes| wishes.no_store = true);
    }

    /// There is nothing, and for `ttl` nobody needs to ask again. Together with a `None`, or with
    /// an error: later callers get the `None`, or an error of kind
    /// [`NotFound`](crate::ErrorKind::NotFound) where their error type can be made of ours;
    /// where it cannot, nothing is stored. Zero: nothing is stored.
    pub fn not_found_for(&self, ttl: Duration) {
        self.wish(|wishes| wishes.not_found = Some(ttl));
    }

    /// The value that this computation is to replace, if there is one and it is a `V`. A result
    /// that has not been modified since is returned again, and stored anew.
    #[must_use]
    pub fn previous<V: Clone + 'static>(&self) -> Option<V> {
        let previous = self.0.as_ref()?.previous.get()?;
        previous.downcast_ref::<V>().cloned()
    }

    fn wish(&self, wish: impl FnOnce(&mut Wishes)) {
        if let Some(computing) = &self.0 {
            wish(&mut computing.wishes());
        }
    }
}
