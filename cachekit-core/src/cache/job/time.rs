//! The time of a caller.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use super::{Around, Job, OPERATION};
use crate::cache::form::Form;
use crate::cache::kind::Kind;
use crate::cache::stats::Event;
use crate::error::{Error, ErrorKind};
use crate::l1::Look;
use crate::policy::flight::Offering;

impl<K, F> Job<K, F>
where
    K: Kind,
    K::Error: 'static,
    F: Form<K::Value>,
{
    /// What `run` gives, or what there is instead when the caller's time is over.
    pub(super) async fn in_time(
        &self,
        mut run: Pin<&mut impl Future<Output = K::Returned>>,
        around: &Around,
    ) -> K::Returned {
        let Some(patience) = self.patience() else {
            return run.await;
        };
        let end = self.inner.timers.after(patience);
        match within(run.as_mut(), end).await {
            Some(returned) => returned,
            None => match self.instead(around) {
                Some(returned) => returned,
                None => run.await,
            },
        }
    }

    /// What a caller is given whose time is over; `None`: it has to wait on. A flight that it leaves
    /// goes on.
    pub(super) fn instead(&self, around: &Around) -> Option<K::Returned> {
        let offering = around.offering.with(|offering| offering.clone());
        let returned = match self.at_hand(offering.as_ref()).filter(|_| !self.anew) {
            Some((value, fresh)) => {
                if !fresh {
                    self.count(Event::Stale);
                }
                Some(K::join(Ok(value)))
            }
            None => self.say(|| {
                let detail = "the caller has waited for as long as its timeout";
                Error::with_detail(ErrorKind::Timeout, OPERATION, detail)
            }),
        };
        returned.inspect(|_| {
            self.count(Event::Timeout);
            offering.inspect(Offering::keep);
        })
    }

    /// The value that is there without waiting, and whether it is fresh.
    fn at_hand(&self, offering: Option<&Offering>) -> Option<(K::Value, bool)> {
        let now_ms = self.inner.clock.monotonic_ms();
        let offer = offering.and_then(Offering::offered);
        let offer = offer.filter(|offer| now_ms < offer.until_ms);
        let offered = offer.and_then(|offer| {
            let value = offer.value.downcast_ref::<K::Value>().cloned()?;
            Some((value, offer.is_fresh(now_ms)))
        });
        offered.or_else(|| match self.inner.l1.look(self.key.bytes()) {
            Look::Fresh { value, .. } | Look::Early { value, .. } => Some((value, true)),
            Look::Grace { value, .. } => Some((value, false)),
            Look::Marked(_) | Look::Nothing => None,
        })
    }
}

/// The result of `future`, unless `end` comes first.
pub(super) async fn within<T>(
    future: impl Future<Output = T>,
    end: impl Future<Output = ()>,
) -> Option<T> {
    let (mut future, mut end) = (pin!(future), pin!(end));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => end.as_mut().poll(context).map(|()| None),
    })
    .await
}
