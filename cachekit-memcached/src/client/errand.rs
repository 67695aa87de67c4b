//! What there is to do about a request beside sending it.

use super::debts::Change;
use super::span::CallSpan;
use super::{Answered, Cluster, Place, Target};
use crate::connection::Answer;
use crate::error::Failure;
use crate::protocol::Request;

/// A request on its way to one node: what it leaves to be deleted, and who answers it.
#[derive(Debug)]
pub(super) struct Errand<'a> {
    /// Boxed, because reads, which are most of all calls, change nothing.
    change: Option<Box<Change<'a>>>,
    place: Place,
    fenced: bool,
    run: u64,
}

impl Cluster {
    /// `request` is about to be sent to `target`.
    pub(super) fn errand<'a>(&'a self, target: Target<'_>, request: &Request<'a>) -> Errand<'a> {
        let change = self.change(target.place, request);
        self.errand_of(target, change)
    }

    /// The same for one who has a lead, or a lease.
    pub(super) fn led_errand<'a>(
        &'a self,
        target: Target<'_>,
        request: &Request<'a>,
    ) -> Errand<'a> {
        let is_fenced = matches!(request, Request::Set(set) if set.cas.is_some());
        let change = self.change(target.place, request);
        let change = change.map(|change| match is_fenced {
            true => change.of_a_lead(),
            false => change,
        });
        self.errand_of(target, change)
    }

    fn errand_of<'a>(&self, target: Target<'_>, change: Option<Change<'a>>) -> Errand<'a> {
        let change = change.inspect(Change::begins);
        Errand {
            change: change.map(Box::new),
            place: target.place,
            fenced: target.fenced(),
            run: target.run(),
        }
    }
}

impl Errand<'_> {
    /// It came to this.
    pub(super) fn end(
        &self,
        outcome: Result<Answer, Failure>,
        span: &CallSpan,
    ) -> Result<Answered, Failure> {
        let answer = outcome.map_err(|failure| self.failed(failure, span))?;
        if let Some(change) = &self.change {
            change.ends(None);
        }
        Ok(Answered {
            answer,
            place: self.place,
            fenced: self.fenced,
            run: self.run,
        })
    }

    /// It failed, perhaps before it was sent.
    pub(super) fn failed(&self, failure: Failure, span: &CallSpan) -> Failure {
        span.failed(&failure);
        if let Some(change) = &self.change {
            change.ends(Some(&failure));
        }
        failure
    }
}
