//! Requests to a node that holds items which an outage may have made old: no caller gets to see
//! them, and they decide about no request.

use tokio::time::Instant;

use super::Target;
use crate::connection::Answer;
use crate::error::Failure;
use crate::protocol::{Delete, Dialect, Get, Key, Mode, Request};

type Answers = Vec<Result<Answer, Failure>>;

impl Target<'_> {
    /// Sends `request`, and waits for the reply.
    pub(super) async fn ask(
        &self,
        request: Request<'_>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        if !self.node.holds_old() {
            return self.node.call(self.link()?, request, deadline).await;
        }
        if self.is_decided_by_what_is_there(&request) {
            let mut answers = self.ask_all(vec![request], deadline).await;
            return answers.swap_remove(0);
        }
        // Most of what is read is not old, for as long as the server runs.
        let call = self.node.call(self.link()?, request.clone(), deadline);
        let answer = call.await?;
        if self.deletion_of(&request, &answer).is_none() {
            return Ok(answer);
        }
        let again = self.read_again(vec![request], vec![Ok(answer)], deadline);
        again.await.swap_remove(0)
    }

    /// [`ask`](Self::ask) for many requests, which are sent together.
    pub(super) async fn ask_all(&self, requests: Vec<Request<'_>>, deadline: Instant) -> Answers {
        if !self.node.holds_old() {
            return self.exchange(requests, deadline).await;
        }
        if let Err(failure) = self.clear_the_way(&requests, deadline).await {
            return requests.iter().map(|_| Err(failure.clone())).collect();
        }
        let answers = self.exchange(requests.clone(), deadline).await;
        self.read_again(requests, answers, deadline).await
    }

    /// Deletes the old items that would decide about `requests`.
    async fn clear_the_way(
        &self,
        requests: &[Request<'_>],
        deadline: Instant,
    ) -> Result<(), Failure> {
        let looks: Vec<Request<'_>> = requests.iter().filter_map(|r| self.look(r)).collect();
        let mut deletions = Vec::new();
        for (look, answer) in looks
            .iter()
            .zip(self.exchange(looks.clone(), deadline).await)
        {
            let answer = answer?;
            if let Some(deletion) = self.deletion_of(look, &answer) {
                deletions.push(deletion);
                answer.keep();
            }
        }
        // A number from before the outage is no licence to write after it.
        deletions.extend(requests.iter().filter_map(|request| match request {
            Request::Set(set) => self.deletion(&set.key, set.cas?),
            _ => None,
        }));
        for deleted in self.exchange(deletions, deadline).await {
            deleted?;
        }
        Ok(())
    }

    fn is_decided_by_what_is_there(&self, request: &Request<'_>) -> bool {
        let conditional = matches!(request, Request::Set(set) if set.cas.is_some());
        conditional || self.look(request).is_some()
    }

    /// What has to be looked at before `request`, which does one thing over an item and another where
    /// there is none, and does not tell which item that was.
    fn look<'k>(&self, request: &'k Request<'_>) -> Option<Request<'k>> {
        let key = match request {
            Request::Set(set) if set.mode != Mode::Set => &set.key,
            Request::Arithmetic(count) => &count.key,
            // The classic `touch`.
            Request::Get(get) if !get.value && self.dialect() == Dialect::Classic => &get.key,
            _ => return None,
        };
        Some(Request::Get(Get {
            key: key.borrowed(),
            // Classic commands tell the number only together with the value.
            value: true,
            left: false,
            vivify: None,
            touch: None,
        }))
    }

    /// Reads again what turned out to be old, after deleting it: so one who wants the lead leads.
    async fn read_again(
        &self,
        requests: Vec<Request<'_>>,
        answers: Answers,
        deadline: Instant,
    ) -> Answers {
        let mut deletions = Vec::with_capacity(requests.len());
        for (request, answer) in requests.iter().zip(&answers) {
            let answer = answer.as_ref().ok();
            deletions.push(answer.and_then(|answer| self.deletion_of(request, answer)));
        }
        if deletions.iter().all(Option::is_none) {
            return answers;
        }
        let pairs = requests.iter().zip(&deletions);
        let again = pairs.filter_map(|(request, deletion)| deletion.as_ref().and(Some(request)));
        let again = again.cloned().collect();
        let deleted = deletions.iter().flatten().cloned().collect();
        let deleted = self.exchange(deleted, deadline).await;
        let read = self.exchange(again, deadline).await;
        let mut renewed = deleted.into_iter().zip(read);
        let pairs = answers.into_iter().zip(deletions);
        pairs
            .map(|(answer, deletion)| match (answer, deletion) {
                (Ok(answer), Some(_)) => {
                    answer.keep();
                    let (deleted, read) = renewed.next().expect("one for each deletion");
                    deleted.and(read)
                }
                (answer, _) => answer,
            })
            .collect()
    }

    /// What deletes the item that `answer` tells of, if it is old. A lead that came with it is to be
    /// kept: handing it back would give the old item a new number.
    fn deletion_of<'k>(&self, request: &'k Request<'_>, answer: &Answer) -> Option<Request<'k>> {
        match request {
            Request::Get(get) => self.deletion(&get.key, answer.meta()?.cas?),
            _ => None,
        }
    }

    /// What deletes the item with this CAS number, if it is old; and no other, where the server can
    /// tell.
    fn deletion<'k>(&self, key: &'k Key<'_>, cas: u64) -> Option<Request<'k>> {
        let fenced = cas != 0 && self.fenced();
        self.node.is_old(cas).then(|| {
            Request::Delete(Delete {
                key: key.borrowed(),
                cas: fenced.then_some(cas),
                stale: false,
            })
        })
    }

    /// Sends all, and waits for all replies.
    async fn exchange(&self, requests: Vec<Request<'_>>, deadline: Instant) -> Answers {
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
                Ok(sent) => sent.await,
                Err(failure) => Err(failure),
            });
        }
        answers
    }
}
