//! Many keys at once: all nodes at the same time, each in one go, and a result for each key.

use std::borrow::Cow;

use cachekit_core::error::ErrorKind;
use tokio::time::Instant;

use super::{Answered, Client, Place, Target, join_all};
use crate::error::Failure;
use crate::protocol::Request;

/// As many requests of one batch are in flight at one node, so that no batch fills a connection.
const WINDOW: usize = 1_024;

/// One request of a batch: which result it gives, and where it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) index: usize,
    pub(super) place: Place,
}

/// The results of a batch; `None` where nothing was sent.
pub(super) type Results = Vec<Option<Result<Answered, Failure>>>;

impl Client {
    /// [`call`](Self::call) for many keys; `request` is told which. Results are in the order of
    /// `routes`. A node that is away fails its own keys and no other.
    pub(crate) async fn call_many(
        &self,
        routes: &[Cow<'_, str>],
        request: impl Fn(usize, Target<'_>) -> Result<Request, Failure>,
    ) -> Vec<Result<Answered, Failure>> {
        let deadline = self.deadline();
        let mut results: Results = routes.iter().map(|_| None).collect();
        let job = |index| Job {
            index,
            place: self.place(&routes[index]),
        };
        let all = (0..routes.len()).map(job).collect();
        self.round(all, &request, deadline, &mut results).await;
        let again: Vec<Job> = (0..routes.len())
            .filter(|&index| failed_with(&results[index], ErrorKind::Unavailable))
            .map(job)
            .collect();
        self.round(again, &request, deadline, &mut results).await;
        results
            .into_iter()
            .map(|result| result.expect("every index had a job"))
            .collect()
    }

    /// Does all `jobs`, and puts their outcomes into `results`.
    pub(super) async fn round(
        &self,
        jobs: Vec<Job>,
        request: &impl Fn(usize, Target<'_>) -> Result<Request, Failure>,
        deadline: Instant,
        results: &mut Results,
    ) {
        let mut groups: Vec<Vec<Job>> = vec![Vec::new(); self.nodes.len()];
        for job in jobs {
            groups[job.place.node].push(job);
        }
        let groups = groups.into_iter().filter(|group| !group.is_empty());
        let groups = groups
            .map(|group| self.group(group, request, deadline))
            .collect();
        for (index, result) in join_all(groups).await.into_iter().flatten() {
            results[index] = Some(result);
        }
    }

    /// Does `jobs`, all at one node.
    async fn group(
        &self,
        jobs: Vec<Job>,
        request: &impl Fn(usize, Target<'_>) -> Result<Request, Failure>,
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
        let mut results = Vec::with_capacity(jobs.len());
        for window in jobs.chunks(WINDOW) {
            let send = |job: &Job| {
                let target = Target {
                    place: job.place,
                    node,
                    link: &link,
                };
                node.send(&link, request(job.index, target)?)
            };
            let sent: Vec<_> = window.iter().map(send).collect();
            for (job, sent) in window.iter().zip(sent) {
                let target = Target {
                    place: job.place,
                    node,
                    link: &link,
                };
                let result = match sent {
                    Ok(sent) => sent.answer(deadline).await,
                    Err(failure) => Err(failure),
                };
                results.push((job.index, result.map(|answer| target.answered(answer))));
            }
        }
        results
    }
}

pub(super) fn failed_with(result: &Option<Result<Answered, Failure>>, kind: ErrorKind) -> bool {
    matches!(result, Some(Err(failure)) if failure.kind == kind)
}
