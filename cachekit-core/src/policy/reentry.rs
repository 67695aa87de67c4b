//! Which computations the current call is inside of, so that a key asked for inside its own
//! computation runs through instead of waiting for itself; and what a caller further out has put
//! in scope for all that is called inside.
//!
//! The chain belongs to the call, not to the thread: a future carries its chain and shows it while
//! it is polled, and a task that was started for a computation inherits the chain of its starter.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::iter;
use std::pin::pin;
use std::sync::Arc;

use crate::policy::bulkhead::Permit;
use crate::policy::computing::Computing;

thread_local! {
    static CURRENT: RefCell<Chain> = const { RefCell::new(Chain { innermost: None, scope: None }) };
}

/// No cache lies at this address.
const NO_CACHE: usize = 0;

/// What belongs to a call wherever it runs.
pub(crate) type Scope = Arc<dyn Any + Send + Sync>;

/// The keys being computed around a call, innermost first, and the innermost scope.
#[derive(Clone, Default)]
pub(crate) struct Chain {
    innermost: Option<Arc<Link>>,
    scope: Option<Scope>,
}

#[derive(Debug)]
struct Link {
    cache: usize,
    key: Arc<[u8]>,
    /// The other keys of a batch.
    others: Vec<Arc<[u8]>>,
    computing: Arc<Computing>,
    outer: Option<Arc<Self>>,
}

impl Chain {
    /// The chain of the call that runs now.
    pub(crate) fn current() -> Self {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Whether `key` of `cache` is being computed around this call.
    pub(crate) fn contains(&self, cache: usize, key: &[u8]) -> bool {
        self.links().any(|link| {
            let mut computed = iter::once(&link.key).chain(&link.others);
            link.cache == cache && computed.any(|computed| **computed == *key)
        })
    }

    /// This chain, with the computation of `key` inside.
    pub(crate) fn with(self, cache: usize, key: Arc<[u8]>) -> Self {
        self.with_many(cache, key, Vec::new())
    }

    /// This chain, with one computation of `key` and `others` inside.
    pub(crate) fn with_many(self, cache: usize, key: Arc<[u8]>, others: Vec<Arc<[u8]>>) -> Self {
        let link = Link {
            cache,
            key,
            others,
            computing: Arc::default(),
            outer: self.innermost,
        };
        Self {
            innermost: Some(Arc::new(link)),
            scope: self.scope,
        }
    }

    /// This chain, for what goes past the cache inside of it: a computation that cannot say anything
    /// of the others, and is told nothing of them.
    pub(crate) fn aside(self) -> Self {
        match self.is_nested() {
            true => self.with(NO_CACHE, Arc::default()),
            false => self,
        }
    }

    /// This chain, with `scope` in the place of any other.
    pub(crate) fn scoped(self, scope: Scope) -> Self {
        Self {
            scope: Some(scope),
            ..self
        }
    }

    /// What is in scope for the call that runs now. Nothing once the thread ends.
    pub(crate) fn scope() -> Option<Scope> {
        CURRENT
            .try_with(|chain| chain.borrow().scope.clone())
            .ok()
            .flatten()
    }

    /// The innermost computation.
    pub(crate) fn computing(&self) -> Option<Arc<Computing>> {
        let link = self.innermost.as_ref()?;
        Some(Arc::clone(&link.computing))
    }

    /// The place among the computations of `cache` that the innermost one of these has.
    pub(crate) fn permit(&self, cache: usize) -> Option<Arc<Permit>> {
        let innermost = self.links().find(|link| link.cache == cache)?;
        innermost.computing.permit()
    }

    /// Whether any of these computations has a place, in whichever cache: one that has ended has
    /// none.
    pub(crate) fn has_place(&self) -> bool {
        self.links().any(|link| link.computing.permit().is_some())
    }

    /// Waits until the innermost computation of `cache` has its place, which a wait inside of it may
    /// have lent.
    ///
    /// Cancel safety: dropping the future leaves the queue.
    pub(crate) async fn regain(&self, cache: usize) {
        if let Some(permit) = self.permit(cache) {
            permit.regain().await;
        }
    }

    /// Whether this is inside of a computation.
    pub(crate) fn is_nested(&self) -> bool {
        self.innermost.is_some()
    }

    /// The computations around the call, innermost first.
    fn links(&self) -> impl Iterator<Item = &Link> {
        iter::successors(self.innermost.as_deref(), |link| link.outer.as_deref())
    }

    /// Runs `compute` inside this chain.
    pub(crate) fn run<R>(&self, compute: impl FnOnce() -> R) -> R {
        let _shown = Shown::new(self.clone());
        compute()
    }

    /// Runs `compute` inside this chain, wherever it is polled.
    pub(crate) async fn run_async<R>(&self, compute: impl Future<Output = R>) -> R {
        let mut compute = pin!(compute);
        poll_fn(|context| self.run(|| compute.as_mut().poll(context))).await
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("innermost", &self.innermost)
            .finish_non_exhaustive()
    }
}

/// Puts the previous chain back, also when the computation panics.
struct Shown(Chain);

impl Shown {
    fn new(chain: Chain) -> Self {
        Self(CURRENT.replace(chain))
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        CURRENT.set(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use super::*;

    fn key(name: &str) -> Arc<[u8]> {
        name.as_bytes().into()
    }

    #[test]
    fn a_key_is_known_inside_its_computation_and_forgotten_after_it() {
        let chain = Chain::current().with(1, key("f"));
        chain.run(|| {
            let inner = Chain::current().with(1, key("g"));
            inner.run(|| {
                assert!(Chain::current().contains(1, b"f"));
                assert!(Chain::current().contains(1, b"g"));
                assert!(!Chain::current().contains(2, b"f"));
            });
            assert!(!Chain::current().contains(1, b"g"));
        });
        assert!(!Chain::current().contains(1, b"f"));
    }

    #[test]
    fn a_scope_reaches_into_the_computations_inside_of_it() {
        let shown = || {
            let scope = Chain::scope()?;
            scope.downcast_ref::<u8>().copied()
        };
        let chain = Chain::current().scoped(Arc::new(7_u8));
        chain.run(|| {
            let inside = Chain::current().with(1, key("f"));
            assert_eq!(inside.run(shown), Some(7));
            assert_eq!(inside.clone().scoped(Arc::new(8_u8)).run(shown), Some(8));
            assert!(inside.scoped(Arc::new(8_u8)).contains(1, b"f"));
        });
        assert_eq!(shown(), None);
    }

    #[test]
    fn a_panic_leaves_the_chain_as_it_was() {
        let chain = Chain::current().with(1, key("f"));
        let computation = AssertUnwindSafe(|| chain.run(|| panic!("computation")));
        let caught = std::panic::catch_unwind(computation);
        assert!(caught.is_err());
        assert!(!Chain::current().contains(1, b"f"));
    }

    #[tokio::test]
    async fn a_future_carries_its_chain_across_awaits() {
        let chain = Chain::default().with(1, key("f"));
        let inside = chain.run_async(async {
            tokio::task::yield_now().await;
            Chain::current().contains(1, b"f")
        });
        assert!(!Chain::current().contains(1, b"f"));
        assert!(inside.await);
    }
}
