//! Many keys at once: all nodes at the same time, each in one go, and a result for each key.

use std::borrow::Cow;

use tokio::time::Instant;

use super::route::Tried;
use super::{Answered, Cluster, Place, Target, join_all};
use crate::error::Failure;
use crate::protocol::Request;

/// As many requests of one batch are in flight at one node, so that no batch fills a connection.
const WINDOW: usize = 1_024;

/// Says where the request of an index goes: the first time, and after each failure. `None`:
/// nowhere, or not again.
pub(super) type Placing<'a> = dyn Fn(usize, Option<Tried>) -> Option<Place> + Sync + 'a;

/// Makes the request of an index.
pub(super) type Making<'a> = dyn Fn(usize, Target<'_>) -> Result<Request, Failure> + Sync + 'a;

/// One request of a batch.
#[derive(Clone, Copy, Debug)]
struct Job {
    index: usize,
    place: Place,
}

impl Cluster {
    /// [`call`](Self::call) for many keys; `request` is told which. Results are in the order of
    /// `routes`. A node that is away fails its own keys and no other.
    pub(crate) async fn call_many(
        &self,
        routes: &[Cow<'_, str>],
        deadline: Instant,
        request: impl Fn(usize, Target<'_>) -> Result<Request, Failure> + Sync,
    ) -> Vec<Result<Answered, Failure>> {
        let place = |index: usize, tried: Option<Tried>| match tried {
            None => Some(self.place(&routes[index])),
            Some(tried) => self.again(&routes[index], tried),
        };
        let results = self.deliver(routes.len(), &place, &request, deadline).await;
        results
            .into_iter()
            .map(|result| result.expect("every key has a place"))
            .collect()
    }

    /// Sends `count` requests to where `place` says, again and again as it says, until `deadline`.
    /// A result is `None` where nothing was sent.
    pub(super) async fn deliver(
        &self,
        count: usize,
        place: &Placing<'_>,
        request: &Making<'_>,
        deadline: Instant,
    ) -> Vec<Option<Result<Answered, Failure>>> {
        let mut results: Vec<_> = (0..count).map(|_| None).collect();
        let first = |index| {
            Some(Job {
                index,
                place: place(index, None)?,
            })
        };
        let mut jobs: Vec<Job> = (0..count).filter_map(first).collect();
        let mut attempts = 0;
        while !jobs.is_empty() {
            for (index, result) in self.round(&jobs, request, deadline).await {
                results[index] = Some(result);
            }
            attempts += 1;
            let again = |job: Job| {
                let kind = results[job.index].as_ref()?.as_ref().err()?.kind;
                let tried = Tried {
                    place: job.place,
                    kind,
                    attempts,
                };
                Some(Job {
                    place: place(job.index, Some(tried))?,
                    ..job
                })
            };
            let in_time = Instant::now() < deadline;
            jobs = jobs
                .into_iter()
                .filter(|_| in_time)
                .filter_map(again)
                .collect();
        }
        results
    }

    /// Sends each request once, to all nodes at the same time.
    async fn round(
        &self,
        jobs: &[Job],
        request: &Making<'_>,
        deadline: Instant,
    ) -> impl Iterator<Item = (usize, Result<Answered, Failure>)> + use<> {
        let mut groups: Vec<Vec<Job>> = vec![Vec::new(); self.nodes.len()];
        for &job in jobs {
            groups[job.place.node].push(job);
        }
        let groups = groups.into_iter().filter(|group| !group.is_empty());
        let groups = groups
            .map(|group| self.group(group, request, deadline))
            .collect();
        join_all(groups).await.into_iter().flatten()
    }

    /// Sends each request once, all to one node.
    async fn group(
        &self,
        jobs: Vec<Job>,
        request: &Making<'_>,
        deadline: Instant,
    ) -> Vec<(usize, Result<Answered, Failure>)> {
        let node = &self.nodes[jobs[0].place.node];
        let link = match node.link(deadline).await {
            Ok(link) => link,
            Err(failure) => {
                return jobs
                    .iter()
                    .map(|job| (job.index, Err(failure.clone())))
                    .collect();
            }
        };
        let target = |job: &Job| Target {
            place: job.place,
            node,
            link: &link,
        };
        let send = |job: &Job| node.send(&link, request(job.index, target(job))?, deadline);
        let mut results = Vec::with_capacity(jobs.len());
        for window in jobs.chunks(WINDOW) {
            let sent: Vec<_> = window.iter().map(send).collect();
            for (job, sent) in window.iter().zip(sent) {
                let result = match sent {
                    Ok(sent) => sent.answer().await,
                    Err(failure) => Err(failure),
                };
                results.push((job.index, result.map(|answer| target(job).answered(answer))));
            }
        }
        results
    }
}
