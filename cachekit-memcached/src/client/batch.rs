//! Many keys at once: all nodes at the same time, each in one go, and a result for each key.

use std::borrow::Cow;
use std::collections::HashMap;

use tokio::time::Instant;

use super::route::{Deadlines, Tried};
use super::span::CallSpan;
use super::{Answered, Cluster, Place, Target, join_all};
use crate::error::Failure;
use crate::protocol::Request;

/// As many requests of one batch are in flight at one node, so that no batch fills a connection.
const WINDOW: usize = 1_024;
/// Or fewer, where they have as many bytes as this together.
pub(crate) const WINDOW_BYTES: usize = 8 * 1024 * 1024;

/// Says where the request of an index goes: the first time, and after each failure. `None`:
/// nowhere, or not again.
pub(super) type Placing<'a> = dyn Fn(usize, Option<Tried>) -> Option<Place> + Sync + 'a;

/// Makes the requests of a batch.
pub(super) struct Making<'a, 'k> {
    /// That of an index, for a node. `None`: this node needs none.
    pub(super) request: &'a MakingOne<'a, 'k>,
    /// From this index on a request waits for the replies to all before that go to its node, and has
    /// failed where the one that is so many before it has.
    pub(super) second: usize,
}

type MakingOne<'a, 'k> =
    dyn Fn(usize, Target<'_>) -> Result<Option<Request<'k>>, Failure> + Sync + 'a;

/// One request of a batch.
#[derive(Clone, Copy, Debug)]
struct Job {
    index: usize,
    place: Place,
    /// What came of it before.
    tried: Option<Tried>,
}

impl Cluster {
    /// [`call`](Self::call) for many keys; `request` is told which. Results are in the order of
    /// `routes`. A node that is away fails its own keys and no other.
    pub(crate) async fn call_many<'k>(
        &self,
        routes: &[Cow<'_, str>],
        deadline: Instant,
        request: impl Fn(usize, Target<'_>) -> Result<Request<'k>, Failure> + Sync,
    ) -> Vec<Result<Answered, Failure>> {
        let place = |index: usize, tried: Option<Tried>| match tried {
            None => Some(self.place(&routes[index])),
            Some(tried) => self.again(&routes[index], tried),
        };
        let making = Making {
            request: &|index, target: Target<'_>| request(index, target).map(Some),
            second: routes.len(),
        };
        let deadlines = self.deadlines(deadline);
        let results = self.deliver(routes.len(), &place, &making, deadlines).await;
        results
            .into_iter()
            .map(|result| result.expect("every key has a place"))
            .collect()
    }

    /// Sends `count` requests to where `place` says, again and again as it says, until the last
    /// of `deadlines`. A result is `None` where nothing was sent.
    pub(super) async fn deliver(
        &self,
        count: usize,
        place: &Placing<'_>,
        making: &Making<'_, '_>,
        mut deadlines: Deadlines,
    ) -> Vec<Option<Result<Answered, Failure>>> {
        let mut results: Vec<_> = (0..count).map(|_| None).collect();
        let first = |index| {
            Some(Job {
                index,
                place: place(index, None)?,
                tried: None,
            })
        };
        let mut jobs: Vec<Job> = (0..count).filter_map(first).collect();
        while !jobs.is_empty() {
            for (index, result) in self.round(&jobs, making, deadlines).await {
                results[index] = Some(result);
            }
            deadlines = Deadlines::only(deadlines.last);
            if Instant::now() >= deadlines.last {
                break;
            }
            let again = |job: Job| {
                let failure = results[job.index].as_ref()?.as_ref().err()?;
                let tried = Tried::new(job.place, failure, job.tried);
                Some(Job {
                    index: job.index,
                    place: place(job.index, Some(tried))?,
                    tried: Some(tried),
                })
            };
            jobs = jobs.into_iter().filter_map(again).collect();
        }
        results
    }

    /// Sends each request once, to all nodes at the same time.
    async fn round(
        &self,
        jobs: &[Job],
        making: &Making<'_, '_>,
        deadlines: Deadlines,
    ) -> impl Iterator<Item = (usize, Result<Answered, Failure>)> + use<> {
        let mut groups: Vec<Vec<Job>> = vec![Vec::new(); self.nodes.len()];
        for &job in jobs {
            groups[job.place.node].push(job);
        }
        let groups = groups.into_iter().filter(|group| !group.is_empty());
        let groups = groups
            .map(|group| self.group(group, making, deadlines))
            .collect();
        join_all(groups).await.into_iter().flatten()
    }

    /// Sends each request once, all to one node.
    async fn group(
        &self,
        jobs: Vec<Job>,
        making: &Making<'_, '_>,
        deadlines: Deadlines,
    ) -> Vec<(usize, Result<Answered, Failure>)> {
        let node = &self.nodes[jobs[0].place.node];
        let span = CallSpan::of_batch(node, jobs.len());
        let link = match node.link(deadlines.first).await {
            Ok(link) => link,
            Err(failure) => {
                span.failed(&failure);
                return self.all_missed(&jobs, making, &failure, &span);
            }
        };
        let mut results = Vec::with_capacity(jobs.len());
        let mut window = Vec::with_capacity(jobs.len().min(WINDOW));
        let mut bytes = 0;
        let mut first = true;
        for job in jobs {
            let begins = first && job.index >= making.second;
            first &= !begins;
            if begins || window.len() == WINDOW || bytes >= WINDOW_BYTES {
                let requests = std::mem::take(&mut window);
                results.extend(self.carry_out_all(requests, deadlines, &span).await);
                bytes = 0;
            }
            let target = Target {
                link: Some(&link),
                ..self.target(job.place)
            };
            match (making.request)(job.index, target) {
                Ok(Some(request)) => {
                    bytes += request.encoded_len();
                    window.push((job.index, target, request));
                }
                Ok(None) => {}
                Err(failure) => results.push((job.index, Err(failure))),
            }
        }
        results.extend(self.carry_out_all(window, deadlines, &span).await);
        fail_in_pairs(&mut results, making.second);
        results
    }

    /// What becomes of requests to a node that cannot be reached.
    fn all_missed(
        &self,
        jobs: &[Job],
        making: &Making<'_, '_>,
        failure: &Failure,
        span: &CallSpan,
    ) -> Vec<(usize, Result<Answered, Failure>)> {
        let missed = |job: &Job| {
            let request = (making.request)(job.index, self.target(job.place)).transpose()?;
            let request = request.inspect(|request| span.operation(request.operation()));
            self.missed(job.place, request, failure);
            Some((job.index, Err(failure.clone())))
        };
        jobs.iter().filter_map(missed).collect()
    }

    /// Sends requests to one node, and sees to what they leave to be deleted.
    async fn carry_out_all(
        &self,
        requests: Vec<(usize, Target<'_>, Request<'_>)>,
        deadlines: Deadlines,
        span: &CallSpan,
    ) -> Vec<(usize, Result<Answered, Failure>)> {
        let Some((_, target, request)) = requests.first() else {
            return Vec::new();
        };
        span.operation(request.operation());
        let (target, deadline) = (*target, deadlines.of(request));
        let mut errands = Vec::with_capacity(requests.len());
        let mut together = Vec::with_capacity(requests.len());
        for (index, target, request) in requests {
            errands.push((index, self.errand(target, &request)));
            together.push(request);
        }
        let answers = target.ask_all(together, deadline).await;
        let pairs = errands.into_iter().zip(answers);
        pairs
            .map(|((index, errand), outcome)| (index, errand.end(outcome, span)))
            .collect()
    }
}

/// A request that was to come after another came too soon if that one failed: both are to be made
/// again, in this order.
fn fail_in_pairs(results: &mut [(usize, Result<Answered, Failure>)], second: usize) {
    let failed = |(index, result): &(usize, Result<Answered, Failure>)| {
        let failure = result.as_ref().err()?;
        Some((*index, failure.clone()))
    };
    let failed: HashMap<usize, Failure> = results.iter().filter_map(failed).collect();
    for (index, result) in results.iter_mut().filter(|(_, result)| result.is_ok()) {
        let first = index.checked_sub(second);
        if let Some(failure) = first.and_then(|first| failed.get(&first)) {
            *result = Err(failure.clone());
        }
    }
}
