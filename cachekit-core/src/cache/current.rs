//! Which cache a call uses: its usual one, or the one that a test has put in its place.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cache::Cache;
use crate::policy::reentry::Chain;

/// Whether there has ever been a cache in the place of others: until then no call looks for one.
///
/// A thread sees its own store, and a task what was stored before it was spawned: `Relaxed` is
/// enough.
static REPLACED: AtomicBool = AtomicBool::new(false);

/// A cache that is chosen anew for each call: see [`with_cache`]. Dereferences to [`Cache`].
#[derive(Clone)]
pub struct CacheRef(Held);

#[derive(Clone)]
enum Held {
    Usual(&'static Cache),
    Replacement(Arc<Cache>),
}

impl CacheRef {
    /// The cache of the innermost [`with_cache`] around this call, else the usual one.
    #[inline]
    pub fn current(usual: impl FnOnce() -> &'static Cache) -> Self {
        if REPLACED.load(Ordering::Relaxed)
            && let Some(cache) = replacement()
        {
            return Self(Held::Replacement(cache));
        }
        Self(Held::Usual(usual()))
    }
}

impl Deref for CacheRef {
    type Target = Cache;

    #[inline]
    fn deref(&self) -> &Cache {
        match &self.0 {
            Held::Usual(cache) => cache,
            Held::Replacement(cache) => cache,
        }
    }
}

impl fmt::Debug for CacheRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Runs `future` with `cache` in the place of the cache of the process and of every named one.
///
/// For tests: each has a cache of its own, and they can run side by side. It holds for every
/// cached function that is called inside, however deep, and for the computations and refreshes
/// that cached functions start, also in tasks of their own and after the end of `future`. A
/// function that has an expression for its cache (`cache = CACHE`) uses that one.
///
/// It does not hold for what `future` itself hands to `tokio::spawn`, `spawn_blocking` or a
/// thread: write another `with_cache` or [`with_cache_sync`] in there. Of two, one in the other,
/// the inner one counts.
///
/// ```
/// use cachekit_core::cache::{Cache, CacheRef, with_cache};
///
/// # fn usual() -> &'static Cache { Cache::global(Cache::in_process) }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cache = Cache::in_process();
/// let entries = with_cache(cache.clone(), async { CacheRef::current(usual).entries() }).await;
/// assert_eq!(entries, cache.entries());
/// # });
/// ```
///
/// # Cancel safety
/// That of `future`.
pub async fn with_cache<R>(cache: Cache, future: impl Future<Output = R>) -> R {
    inside_of(cache).run_async(future).await
}

/// [`with_cache`] for what is called on this thread until `call` returns.
pub fn with_cache_sync<R>(cache: Cache, call: impl FnOnce() -> R) -> R {
    inside_of(cache).run(call)
}

fn inside_of(cache: Cache) -> Chain {
    REPLACED.store(true, Ordering::Relaxed);
    Chain::current().scoped(Arc::new(cache))
}

#[cold]
fn replacement() -> Option<Arc<Cache>> {
    Chain::scope()?.downcast().ok()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn usual() -> &'static Cache {
        Cache::global(Cache::in_process)
    }

    fn is_current(cache: &Cache) -> bool {
        Arc::ptr_eq(&CacheRef::current(usual).inner, &cache.inner)
    }

    #[test]
    fn the_usual_cache_is_back_after_the_call_and_after_its_panic() {
        let cache = Cache::in_process();
        assert!(is_current(usual()));
        assert!(with_cache_sync(cache.clone(), || is_current(&cache)));
        let caught = catch_unwind(AssertUnwindSafe(|| {
            with_cache_sync(cache, || panic!("call"));
        }));
        assert!(caught.is_err());
        assert!(is_current(usual()));
    }

    #[test]
    fn of_two_caches_the_inner_one_counts() {
        let [outer, inner] = [Cache::in_process(), Cache::in_process()];
        with_cache_sync(outer.clone(), || {
            assert!(with_cache_sync(inner.clone(), || is_current(&inner)));
            assert!(is_current(&outer));
        });
    }

    #[tokio::test]
    async fn two_futures_on_one_thread_keep_to_their_own_caches() {
        let check = |cache: Cache| {
            with_cache(cache.clone(), async move {
                for _ in 0..3 {
                    assert!(is_current(&cache));
                    tokio::task::yield_now().await;
                }
            })
        };
        let ours = async {
            for _ in 0..3 {
                assert!(is_current(usual()));
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(check(Cache::in_process()), check(Cache::in_process()), ours);
    }

    #[tokio::test]
    async fn a_task_of_the_user_has_the_usual_cache() {
        let spawned = with_cache(Cache::in_process(), async {
            let task = tokio::spawn(async { is_current(usual()) });
            task.await.unwrap()
        });
        assert!(spawned.await);
    }
}
