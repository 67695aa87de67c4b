//! Which computations the current call is inside of, so that a key asked for inside its own
//! computation runs through instead of waiting for itself.
//!
//! The chain belongs to the call, not to the thread: a future carries its chain and shows it while
//! it is polled, and a task that was started for a computation inherits the chain of its starter.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use crate::policy::bulkhead::Permit;
use crate::policy::computing::Computing;

thread_local! {
    static CURRENT: RefCell<Chain> = const { RefCell::new(Chain(None)) };
}

/// The keys being computed around a call, innermost first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain(Option<Arc<Link>>);

#[derive(Debug)]
struct Link {
    cache: usize,
    key: Arc<[u8]>,
    computing: Arc<Computing>,
    outer: Chain,
}

impl Chain {
    /// The chain of the call that runs now.
    pub(crate) fn current() -> Self {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Whether `key` of `cache` is being computed around this call.
    pub(crate) fn contains(&self, cache: usize, key: &[u8]) -> bool {
        let mut link = self.0.as_deref();
        while let Some(Link {
            cache: of,
            key: computed,
            outer,
            ..
        }) = link
        {
            if *of == cache && **computed == *key {
                return true;
            }
            link = outer.0.as_deref();
        }
        false
    }

    /// This chain, with the computation of `key` inside.
    pub(crate) fn with(self, cache: usize, key: Arc<[u8]>) -> Self {
        Self(Some(Arc::new(Link {
            cache,
            key,
            computing: Arc::default(),
            outer: self,
        })))
    }

    /// The innermost computation.
    pub(crate) fn computing(&self) -> Option<Arc<Computing>> {
        self.0.as_ref().map(|link| Arc::clone(&link.computing))
    }

    /// The place among the computations of a cache that the innermost computation has.
    pub(crate) fn permit(&self) -> Option<Arc<Permit>> {
        self.0.as_ref()?.computing.permit()
    }

    /// Whether this is inside of a computation.
    pub(crate) fn is_nested(&self) -> bool {
        self.0.is_some()
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
