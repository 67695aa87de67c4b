//! What makes entries old: delivered where they lie, and where a process that cannot reach that
//! node would have put them.

use std::borrow::Cow;

use cachekit_core::error::ErrorKind;
use tokio::time::Instant;

use super::batch::Placing;
use super::route::Tried;
use super::{Answered, Cluster, Target, join_all};
use crate::error::Failure;
use crate::protocol::{Code, Request};

impl Cluster {
    /// Sends the deletions that `request` makes to the owner of each route and to the owner's
    /// stand-in, and once more where one may not have arrived: it may take effect twice.
    ///
    /// Tells of each whether there was an item; of one that was sent twice, whether the last attempt
    /// found one. It is an error if the owner did not get it, even if the stand-in did: the owner may come
    /// back with what it held. A stand-in that is away holds nothing that is read.
    pub(crate) async fn invalidate_many(
        &self,
        routes: &[Cow<'_, str>],
        deadline: Instant,
        request: impl Fn(usize) -> Request + Sync,
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
        let making = |index: usize, _: Target<'_>| Ok(request(index));
        let placings: [&Placing<'_>; 2] = [&owner, &stand_in];
        let deliveries = placings.map(|to| self.deliver(routes.len(), to, &making, deadline));
        let mut outcomes = join_all(deliveries.into()).await.into_iter();
        let owners = outcomes.next().into_iter().flatten();
        let stand_ins = outcomes.next().into_iter().flatten();
        owners
            .zip(stand_ins)
            .map(|(owner, stand_in)| delivered(owner, stand_in))
            .collect()
    }
}

type Delivery = Option<Result<Answered, Failure>>;

fn delivered(owner: Delivery, stand_in: Delivery) -> Result<bool, Failure> {
    let stand_in = match stand_in.map(done) {
        Some(Err(failure)) if failure.kind != ErrorKind::Unavailable => return Err(failure),
        Some(Ok(found)) => found,
        _ => false,
    };
    Ok(owner.map_or(Ok(false), done)? || stand_in)
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
