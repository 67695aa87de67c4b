//! What makes entries old: delivered where they lie, and where a process that cannot reach that
//! node would have put them.

use std::borrow::Cow;
use std::time::Duration;

use cachekit_core::error::ErrorKind;
use tokio::time::Instant;

use super::batch::{Making, Placing};
use super::debts::may_have_missed;
use super::route::{Deadlines, Tried};
use super::{Answered, Cluster, Place, Target, join_all};
use crate::error::Failure;
use crate::node::Debt;
use crate::protocol::{Code, Request};

impl Cluster {
    /// Sends the deletions that `request` makes to the owner of each route and to the owner's
    /// stand-in, and once more where one may not have arrived: it may take effect twice.
    ///
    /// Tells of each whether there was an item; of one that was sent twice, whether the last attempt
    /// found one. A node that did not get it is owed it, and gets it before this process calls that node again;
    /// the caller is told by [`ErrorKind::Pending`]. If there is no room to remember it, the error
    /// is [`ErrorKind::Unavailable`]. A stand-in that is away holds nothing that is read.
    pub(crate) async fn invalidate_many<'k>(
        &self,
        routes: &[Cow<'_, str>],
        deadline: Instant,
        request: impl Fn(usize) -> Request<'k> + Sync,
    ) -> Vec<Result<bool, Failure>> {
        let making = Making {
            request: &|index, _: Target<'_>| Ok(Some(request(index))),
            second: routes.len(),
        };
        self.delete_all(routes, deadline, &making).await
    }

    /// [`invalidate_many`](Self::invalidate_many) for entries beside which leases may lie, where a
    /// node cannot fence. The deletion that `lease` makes goes to such a node before the other one,
    /// which waits for its answer: who computes under that lease, and looks at it after writing,
    /// finds it gone whenever what was written may have outlived the entry.
    pub(crate) async fn invalidate_entries<'k>(
        &self,
        routes: &[Cow<'_, str>],
        deadline: Instant,
        request: impl Fn(usize) -> Request<'k> + Sync,
        lease: impl Fn(usize) -> Request<'k> + Sync,
    ) -> Vec<Result<bool, Failure>> {
        let may_keep_leases = || self.nodes.iter().any(|node| node.may_keep_leases());
        if !may_keep_leases() {
            let outcomes = self.invalidate_many(routes, deadline, &request).await;
            // Else a server that could fence has been started again, and cannot any more.
            if !may_keep_leases() {
                return outcomes;
            }
        }
        let count = routes.len();
        let making = Making {
            request: &|index, target: Target<'_>| {
                Ok(match index.checked_sub(count) {
                    None => target.may_keep_leases().then(|| lease(index)),
                    Some(index) => Some(request(index)),
                })
            },
            second: count,
        };
        let twice = [routes, routes].concat();
        let mut leases = self.delete_all(&twice, deadline, &making).await;
        let entries = leases.split_off(count).into_iter();
        let pairs = leases.into_iter().zip(entries);
        pairs.map(|(lease, entry)| lease.and(entry)).collect()
    }

    async fn delete_all(
        &self,
        routes: &[Cow<'_, str>],
        deadline: Instant,
        making: &Making<'_, '_>,
    ) -> Vec<Result<bool, Failure>> {
        let owner = |index: usize, tried: Option<Tried>| {
            let worthwhile = tried.is_none_or(|t| t.attempts == 1 && t.may_be_repeated());
            worthwhile.then(|| self.owner(&routes[index]))
        };
        let stand_in = |index: usize, tried: Option<Tried>| {
            let place = self.stand_in(&routes[index])?;
            let elsewhere = |t: Tried| t.attempts == 1 || place != t.place;
            let worthwhile = tried.is_none_or(|t| t.may_be_repeated() && elsewhere(t));
            worthwhile.then_some(place)
        };
        let placings: [&Placing<'_>; 2] = [&owner, &stand_in];
        let deliveries =
            placings.map(|to| self.deliver(routes.len(), to, making, Deadlines::only(deadline)));
        let mut outcomes = join_all(deliveries.into()).await.into_iter();
        let owners = outcomes.next().into_iter().flatten();
        let stand_ins = outcomes.next().into_iter().flatten();
        owners
            .zip(stand_ins)
            .enumerate()
            .map(|(index, (owner, stand_in))| {
                let route = &routes[index];
                let request = |place| (making.request)(index, self.target(place)).ok().flatten();
                let place = self.stand_in(route);
                let gone = place.map(|place| &self.nodes[place.node]);
                let debt =
                    gone.map_or_else(Debt::new, |node| Debt::new().stood_in(node, Duration::ZERO));
                let owner = self.delivered(Some(self.owner(route)), request, owner, debt);
                let stand_in = self.delivered(place, request, stand_in, Debt::new());
                Ok(owner? | stand_in?)
            })
            .collect()
    }

    /// What came of a deletion. `place` is owed it if it did not arrive, as `debt` says; `None` if
    /// nobody would read what it was about.
    fn delivered<'k>(
        &self,
        place: Option<Place>,
        request: impl Fn(Place) -> Option<Request<'k>>,
        delivery: Option<Result<Answered, Failure>>,
        debt: Debt,
    ) -> Result<bool, Failure> {
        match (place, delivery.map_or(Ok(false), done)) {
            (Some(place), Err(failure)) if may_have_missed(&failure) => {
                Err(self.pending(place, request(place), failure, debt))
            }
            (None, Err(_)) => Ok(false),
            (_, outcome) => outcome,
        }
    }

    fn pending(
        &self,
        place: Place,
        request: Option<Request<'_>>,
        failure: Failure,
        debt: Debt,
    ) -> Failure {
        let node = &self.nodes[place.node];
        match request {
            Some(Request::Delete(deletion)) if node.owe(&deletion.key, debt) => {
                failure.turned(ErrorKind::Pending)
            }
            _ => {
                let detail = "too many invalidations are pending";
                Failure::new(ErrorKind::Unavailable, detail).at(node.name())
            }
        }
    }
}

fn done(result: Result<Answered, Failure>) -> Result<bool, Failure> {
    match result?.meta().map(|meta| meta.code) {
        Some(Code::Done) => Ok(true),
        Some(Code::NotFound | Code::Exists) => Ok(false),
        _ => Err(Failure::new(
            ErrorKind::Protocol,
            "expected the reply to a deletion",
        )),
    }
}
