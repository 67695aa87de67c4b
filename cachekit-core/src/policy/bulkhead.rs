//! How many computations of one cache run at once.
//!
//! Who comes first is served first. A computation keeps its permit while it waits for another one,
//! which may itself be queued for a permit: so that full bulkheads do not wait for themselves, the
//! one who waits may lend its permit to the one who is waited for.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bound of one cache.
#[derive(Debug)]
pub(crate) struct Bulkhead(Arc<Semaphore>);

/// The place of one computation, and of those inside of it. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Permit {
    _place: Place,
    /// One: the right to lend this permit.
    lendable: Arc<Semaphore>,
}

#[derive(Debug)]
enum Place {
    Own {
        _permit: OwnedSemaphorePermit,
    },
    Lent {
        _loan: Loan,
    },
    /// Nobody's: there was none.
    Beyond,
}

/// A permit that somebody lends, for one computation. The place is free for a stranger only once
/// both, the lender and the borrower, are gone.
#[derive(Debug)]
pub(crate) struct Loan {
    _of: Arc<Permit>,
    _only: OwnedSemaphorePermit,
}

impl Bulkhead {
    /// At most `limit` computations.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))))
    }

    /// A place, if there is one for which nobody queues.
    pub(crate) fn try_enter(&self) -> Option<Permit> {
        let _permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(Permit::new(Place::Own { _permit }))
    }

    /// Queues for a place.
    ///
    /// Cancel safety: dropping the future leaves the queue.
    pub(crate) fn enter(&self) -> impl Future<Output = Permit> + Send + use<> {
        let free = Arc::clone(&self.0);
        async move {
            Permit::new(Place::Own {
                _permit: acquire(free).await,
            })
        }
    }

    /// How many places nobody has.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.0.available_permits()
    }
}

impl Permit {
    /// The permit of one that goes on without a place.
    pub(crate) fn beyond() -> Self {
        Self::new(Place::Beyond)
    }

    fn new(place: Place) -> Self {
        Self {
            _place: place,
            lendable: Arc::new(Semaphore::new(1)),
        }
    }

    /// Lends this permit, once whoever borrowed it before has given it back. Meanwhile the lender
    /// is to wait.
    ///
    /// Cancel safety: dropping the future lends nothing.
    pub(crate) async fn lend(self: &Arc<Self>) -> Loan {
        Loan {
            _only: acquire(Arc::clone(&self.lendable)).await,
            _of: Arc::clone(self),
        }
    }
}

impl From<Loan> for Permit {
    fn from(loan: Loan) -> Self {
        Self::new(Place::Lent { _loan: loan })
    }
}

async fn acquire(semaphore: Arc<Semaphore>) -> OwnedSemaphorePermit {
    let permit = semaphore.acquire_owned().await;
    permit.expect("it is never closed")
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn polled<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn no_more_enter_than_there_are_places() {
        let bulkhead = Bulkhead::new(2);
        let inside = [bulkhead.try_enter(), bulkhead.try_enter()];
        assert!(inside.iter().all(Option::is_some));
        assert!(bulkhead.try_enter().is_none());
        assert_eq!(bulkhead.free(), 0);
        drop(inside);
        assert_eq!(bulkhead.free(), 2);
    }

    #[test]
    fn who_comes_first_is_served_first() {
        let bulkhead = Bulkhead::new(1);
        let inside = bulkhead.try_enter().unwrap();
        let (mut first, mut second) = (pin!(bulkhead.enter()), pin!(bulkhead.enter()));
        assert!(polled(first.as_mut()).is_none());
        assert!(polled(second.as_mut()).is_none());
        drop(inside);
        assert!(bulkhead.try_enter().is_none());
        assert!(polled(second.as_mut()).is_none());
        let inside = polled(first).unwrap();
        assert!(polled(second.as_mut()).is_none());
        drop(inside);
        assert!(polled(second).is_some());
    }

    #[test]
    fn who_gives_up_leaves_the_queue() {
        let bulkhead = Bulkhead::new(1);
        let inside = bulkhead.try_enter().unwrap();
        let mut second = pin!(bulkhead.enter());
        {
            let mut first = pin!(bulkhead.enter());
            assert!(polled(first.as_mut()).is_none());
            assert!(polled(second.as_mut()).is_none());
            drop(inside);
        }
        assert!(polled(second).is_some());
        assert_eq!(bulkhead.free(), 1);
    }

    #[test]
    fn what_is_lent_may_be_lent_on() {
        let bulkhead = Bulkhead::new(1);
        let own = Arc::new(bulkhead.try_enter().unwrap());
        let lent = Arc::new(Permit::from(polled(pin!(own.lend())).unwrap()));
        assert!(polled(pin!(own.lend())).is_none());
        let lent_on = Permit::from(polled(pin!(lent.lend())).unwrap());
        drop((own, lent));
        assert_eq!(bulkhead.free(), 0);
        drop(lent_on);
        assert_eq!(bulkhead.free(), 1);
    }
}
