//! What makes entries old: delivered where they lie, and where a process that cannot reach that
//! node would have put them.

use std::borrow::Cow;

use cachekit_core::error::ErrorKind;
use tokio::time::Instant;

use super::batch::{Job, Results, failed_with};
use super::{Client, Place};
use crate::error::Failure;
use crate::protocol::{Code, Request};

impl Client {
    /// Sends the deletions that `request` makes to the owner of each route and to the owner's
    /// stand-in. It is an error if the owner did not get it, even if the stand-in did: the owner
    /// may come back with what it held. A stand-in that is away holds nothing that is read.
    pub(crate) async fn invalidate_many(
        &self,
        routes: &[Cow<'_, str>],
        request: impl Fn(usize) -> Request,
    ) -> Vec<Result<(), Failure>> {
        let deadline = self.deadline();
        let mut results: Results = routes.iter().flat_map(|_| [None, None]).collect();
        let owners = (0..routes.len()).map(|index| self.owner_job(&routes[index], index));
        let stand_ins = (0..routes.len()).filter_map(|index| self.stand_in_job(routes, index));
        let all = owners.chain(stand_ins).collect();
        self.round(
            all,
            &|index, _| Ok(request(index / 2)),
            deadline,
            &mut results,
        )
        .await;
        let again = self.failed_jobs(routes, deadline, &results);
        self.round(
            again,
            &|index, _| Ok(request(index / 2)),
            deadline,
            &mut results,
        )
        .await;
        let mut results = results.into_iter();
        let mut delivered = || {
            results.next().flatten().map(|result| {
                result.and_then(|answered| match answered.meta().map(|meta| meta.code) {
                    Some(Code::Done | Code::NotFound | Code::Exists) => Ok(()),
                    _ => Err(Failure::new(
                        ErrorKind::Protocol,
                        "expected the reply to a deletion",
                    )),
                })
            })
        };
        let outcome = |_| {
            let (owner, stand_in) = (delivered(), delivered());
            match stand_in {
                Some(Err(failure)) if failure.kind != ErrorKind::Unavailable => Err(failure),
                _ => owner.unwrap_or(Ok(())),
            }
        };
        routes.iter().map(outcome).collect()
    }

    fn owner_job(&self, route: &str, index: usize) -> Job {
        Job {
            index: 2 * index,
            place: Place {
                node: self.owner(route),
                stand_in: false,
            },
        }
    }

    fn stand_in_job(&self, routes: &[Cow<'_, str>], index: usize) -> Option<Job> {
        let place = self.stand_in(&routes[index])?;
        Some(Job {
            index: 2 * index + 1,
            place,
        })
    }

    /// What is tried once more. A deletion may be repeated even if it may have happened.
    fn failed_jobs(
        &self,
        routes: &[Cow<'_, str>],
        deadline: Instant,
        results: &Results,
    ) -> Vec<Job> {
        if Instant::now() >= deadline {
            return Vec::new();
        }
        let failed = |index: usize| {
            failed_with(&results[index], ErrorKind::Unavailable)
                || failed_with(&results[index], ErrorKind::Ambiguous)
        };
        let owner = |index: usize| failed(2 * index).then(|| self.owner_job(&routes[index], index));
        let stand_in = |index: usize| {
            failed(2 * index + 1)
                .then(|| self.stand_in_job(routes, index))
                .flatten()
        };
        (0..routes.len())
            .flat_map(|index| [owner(index), stand_in(index)])
            .flatten()
            .collect()
    }
}
