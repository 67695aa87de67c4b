//! Requests to a node that holds items which an outage may have made old: no caller gets to see
//! them, and they decide about no request.

use tokio::time::Instant;

use super::Target;
use crate::connection::Answer;
use crate::error::Failure;
use crate::protocol::{Delete, Key, Request};

type Answers = Vec<Result<Answer, Failure>>;

impl Target<'_> {
    /// Sends `request`, and waits for the reply.
    pub(super) async fn ask(&self, request: Request, deadline: Instant) -> Result<Answer, Failure> {
        if self.node.holds_old() {
            let mut answers = self.ask_all(vec![request], deadline).await;
            return answers.swap_remove(0);
        }
        self.node.call(self.link()?, request, deadline).await
    }

    /// [`ask`](Self::ask) for many requests, which are sent together.
    pub(super) async fn ask_all(&self, requests: Vec<Request>, deadline: Instant) -> Answers {
        if !self.node.holds_old() {
            return self.exchange(requests, deadline).await;
        }
        let fenced: Vec<Request> = requests.iter().filter_map(|r| self.fence(r)).collect();
        for outcome in self.exchange(fenced, deadline).await {
            if let Err(failure) = outcome {
                return requests.iter().map(|_| Err(failure.clone())).collect();
            }
        }
        let answers = self.exchange(requests.clone(), deadline).await;
        self.read_again(requests, answers, deadline).await
    }

    /// What deletes the old item over which `request` would write: a number from before the outage
    /// is no licence to write after it.
    fn fence(&self, request: &Request) -> Option<Request> {
        match request {
            Request::Set(set) => self.deletion(&set.key, set.cas?),
            _ => None,
        }
    }

    /// Reads again what turned out to be old, after deleting it: so one who wants the lead leads.
    async fn read_again(
        &self,
        requests: Vec<Request>,
        answers: Answers,
        deadline: Instant,
    ) -> Answers {
        let old = |(request, answer): (&Request, &Result<Answer, Failure>)| match request {
            Request::Get(get) => self.deletion(&get.key, answer.as_ref().ok()?.meta()?.cas?),
            _ => None,
        };
        let deletions: Vec<Option<Request>> = requests.iter().zip(&answers).map(old).collect();
        if deletions.iter().all(Option::is_none) {
            return answers;
        }
        let pairs = requests.into_iter().zip(&deletions);
        let again = pairs.filter_map(|(request, deletion)| deletion.as_ref().and(Some(request)));
        let again: Vec<Request> = again.collect();
        let deleted = deletions.iter().flatten().cloned().collect();
        let deleted = self.exchange(deleted, deadline).await;
        let read = self.exchange(again, deadline).await;
        let mut renewed = deleted.into_iter().zip(read);
        let pairs = answers.into_iter().zip(deletions);
        pairs
            .map(|(answer, deletion)| match (answer, deletion) {
                (Ok(answer), Some(_)) => {
                    // Handing a lead back would give the old item a new number.
                    answer.keep();
                    let (deleted, read) = renewed.next().expect("one for each deletion");
                    deleted.and(read)
                }
                (answer, _) => answer,
            })
            .collect()
    }

    /// What deletes the item with this CAS number, if it is old, and no other where numbers are
    /// counted.
    fn deletion(&self, key: &Key, cas: u64) -> Option<Request> {
        self.node.is_old(cas).then(|| {
            Request::Delete(Delete {
                key: key.clone(),
                cas: (cas != 0).then_some(cas),
                stale: false,
            })
        })
    }

    /// Sends all, and waits for all replies.
    async fn exchange(&self, requests: Vec<Request>, deadline: Instant) -> Answers {
        let link = match self.link() {
            Ok(link) => link,
            Err(failure) => return requests.iter().map(|_| Err(failure.clone())).collect(),
        };
        let sent: Vec<_> = requests
            .into_iter()
            .map(|request| self.node.send(link, request, deadline))
            .collect();
        let mut answers = Vec::with_capacity(sent.len());
        for sent in sent {
            answers.push(match sent {
                Ok(sent) => sent.answer().await,
                Err(failure) => Err(failure),
            });
        }
        answers
    }
}
