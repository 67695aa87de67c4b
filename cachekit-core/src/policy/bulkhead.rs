//! How many computations of one cache run at once.
//!
//! Who comes first is served first. A computation keeps its permit while it waits for another one,
//! which may itself be queued for a permit: so that full bulkheads do not wait for themselves, the
//! one who waits may lend its permit to the one who is waited for.

use std::future::Future;
use std::sync::{Arc, Weak};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::policy::lock::Lock;
use crate::policy::race::race;

/// The bound of one cache.
#[derive(Debug)]
pub(crate) struct Bulkhead(Arc<Semaphore>);

/// The place of one computation, and of those inside of it. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Permit {
    bulkhead: Arc<Semaphore>,
    /// `None` while it is lent.
    place: Lock<Option<Place>>,
    /// One while `place` is there: the right to lend it.
    lendable: Semaphore,
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

/// A place that somebody lends, for one computation. Dropping it gives the place back to the
/// lender, or, where that is gone or has another one, to a stranger.
#[derive(Debug)]
pub(crate) struct Loan {
    /// Boxed, for what is lent may have been lent before.
    place: Option<Box<Place>>,
    lender: Weak<Permit>,
}

impl Bulkhead {
    /// At most `limit` computations.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))))
    }

    /// A place, if there is one for which nobody queues.
    pub(crate) fn try_enter(&self) -> Option<Permit> {
        let _permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(self.permit(Place::Own { _permit }))
    }

    /// Queues for a place.
    ///
    /// Cancel safety: dropping the future leaves the queue.
    pub(crate) fn enter(&self) -> impl Future<Output = Permit> + Send + use<> {
        let bulkhead = Self(Arc::clone(&self.0));
        async move { bulkhead.permit(place(&bulkhead.0).await) }
    }

    fn permit(&self, place: Place) -> Permit {
        Permit::new(Arc::clone(&self.0), place)
    }

    /// How many places nobody has.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.0.available_permits()
    }
}

impl Permit {
    /// The permit of one that goes on without a place.
    pub(crate) fn beyond(bulkhead: &Bulkhead) -> Self {
        bulkhead.permit(Place::Beyond)
    }

    fn new(bulkhead: Arc<Semaphore>, place: Place) -> Self {
        Self {
            bulkhead,
            place: Lock::new(Some(place)),
            lendable: Semaphore::new(1),
        }
    }

    /// The permit of one who borrows.
    pub(crate) fn borrowed(bulkhead: &Bulkhead, loan: Loan) -> Self {
        bulkhead.permit(Place::Lent { _loan: loan })
    }

    /// Lends this place, once whoever borrowed it before has given it back. Meanwhile the lender
    /// is to wait: see [`regain`](Self::regain).
    ///
    /// Cancel safety: dropping the future lends nothing.
    pub(crate) async fn lend(self: &Arc<Self>) -> Loan {
        acquired(self.lendable.acquire().await).forget();
        Loan {
            place: self.place.with(Option::take).map(Box::new),
            lender: Arc::downgrade(self),
        }
    }

    /// Waits until this permit has a place: the one that it has lent, or, if that comes first,
    /// another one of the bulkhead.
    ///
    /// Cancel safety: dropping the future leaves the queue.
    pub(crate) async fn regain(&self) {
        if !self.is_lent() {
            return;
        }
        let back = async { drop(acquired(self.lendable.acquire().await)) };
        let another = async {
            let place = place(&self.bulkhead).await;
            self.take(place);
        };
        race(back, another).await;
    }

    pub(crate) fn is_lent(&self) -> bool {
        self.place.with(|place| place.is_none())
    }

    /// A place for this permit, unless it has one.
    fn take(&self, place: Place) {
        let refused = self.place.with(|taken| match taken {
            Some(_) => Some(place),
            None => {
                *taken = Some(place);
                None
            }
        });
        match refused {
            Some(place) => drop(place),
            None => self.lendable.add_permits(1),
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let (Some(place), Some(lender)) = (self.place.take(), self.lender.upgrade()) {
            lender.take(*place);
        }
    }
}

async fn place(bulkhead: &Arc<Semaphore>) -> Place {
    Place::Own {
        _permit: acquired(Arc::clone(bulkhead).acquire_owned().await),
    }
}

fn acquired<T>(permit: Result<T, AcquireError>) -> T {
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
        let lent = Arc::new(borrowed(&bulkhead, &own));
        assert!(polled(pin!(own.lend())).is_none());
        let lent_on = borrowed(&bulkhead, &lent);
        drop((own, lent));
        assert_eq!(bulkhead.free(), 0);
        drop(lent_on);
        assert_eq!(bulkhead.free(), 1);
    }

    #[test]
    fn who_has_lent_its_place_regains_it_when_it_comes_back() {
        let bulkhead = Bulkhead::new(1);
        let own = Arc::new(bulkhead.try_enter().unwrap());
        let lent = borrowed(&bulkhead, &own);
        let mut regained = pin!(own.regain());
        assert!(polled(regained.as_mut()).is_none());
        drop(lent);
        assert!(polled(regained).is_some());
        assert_eq!(bulkhead.free(), 0);
        assert!(polled(pin!(own.lend())).is_some());
    }

    #[test]
    fn who_has_lent_its_place_may_have_another_and_lend_that_too() {
        let bulkhead = Bulkhead::new(2);
        let own = Arc::new(bulkhead.try_enter().unwrap());
        let stranger = bulkhead.try_enter().unwrap();
        let first = borrowed(&bulkhead, &own);
        {
            let mut regained = pin!(own.regain());
            assert!(polled(regained.as_mut()).is_none());
            drop(stranger);
            assert!(polled(regained).is_some());
        }
        assert_eq!(bulkhead.free(), 0);
        let second = borrowed(&bulkhead, &own);
        drop(first);
        assert_eq!(bulkhead.free(), 0, "the lender has its place back");
        drop(second);
        assert_eq!(bulkhead.free(), 1);
        drop(own);
        assert_eq!(bulkhead.free(), 2);
    }

    fn borrowed(bulkhead: &Bulkhead, of: &Arc<Permit>) -> Permit {
        let loan = polled(pin!(of.lend())).expect("nobody has borrowed it");
        Permit::borrowed(bulkhead, loan)
    }
}
