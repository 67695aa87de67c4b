//! One key.

use std::sync::Arc;

use tokio::time::Instant;

use super::route::{Deadlines, Tried};
use super::span::CallSpan;
use super::{Answered, Cluster, Place, Target};
use crate::error::Failure;
use crate::node::{Link, Node};
use crate::protocol::Request;

/// The node that gave a lead, and a connection to it.
pub(crate) struct Led<'a> {
    client: &'a Cluster,
    node: &'a Arc<Node>,
    link: Arc<Link>,
    place: Place,
    deadline: Instant,
}

impl Cluster {
    /// Sends the request that `request` makes to the node of `route`. Where that node turns out not
    /// to be there, the call goes on as [`again`](Self::again) says, until `deadline`.
    pub(crate) async fn call(
        &self,
        route: &str,
        deadline: Instant,
        request: impl Fn(Target<'_>) -> Result<Request, Failure>,
    ) -> Result<Answered, Failure> {
        let mut deadlines = self.deadlines(deadline);
        let mut place = self.place(route);
        let mut tried = None;
        loop {
            let outcome = self.call_at(place, &request, deadlines).await;
            let failure = match outcome {
                Err(failure) => failure,
                answered => return answered,
            };
            let now = Tried::new(place, &failure, tried);
            if Instant::now() >= deadline {
                return Err(failure);
            }
            place = self.again(route, now).ok_or(failure)?;
            tried = Some(now);
            deadlines = Deadlines::only(deadline);
        }
    }

    async fn call_at(
        &self,
        place: Place,
        request: impl Fn(Target<'_>) -> Result<Request, Failure>,
        deadlines: Deadlines,
    ) -> Result<Answered, Failure> {
        let mut target = self.target(place);
        let span = CallSpan::at(target.node);
        let link = match target.node.link(deadlines.first).await {
            Ok(link) => link,
            Err(failure) => {
                let request =
                    request(target).inspect(|request| span.operation(request.operation()));
                self.missed(place, request, &failure);
                span.failed(&failure);
                return Err(failure);
            }
        };
        target.link = Some(&link);
        let request = request(target)?;
        let deadline = deadlines.of(&request);
        self.carry_out(target, request, deadline, &span).await
    }

    /// A node that is not reached yet.
    pub(super) fn target(&self, place: Place) -> Target<'_> {
        Target {
            place,
            node: &self.nodes[place.node],
            link: None,
        }
    }

    /// Sends `request` to `target`, and sees to what it leaves to be deleted.
    async fn carry_out(
        &self,
        target: Target<'_>,
        request: Request,
        deadline: Instant,
        span: &CallSpan,
    ) -> Result<Answered, Failure> {
        span.operation(request.operation());
        let change = self.change(target.place, &request);
        if let Some(change) = &change {
            change.begins();
        }
        let outcome = target.ask(request, deadline).await;
        let outcome = outcome.inspect_err(|failure| span.failed(failure));
        if let Some(change) = &change {
            change.ends(outcome.as_ref().err());
        }
        Ok(target.answered(outcome?))
    }

    /// Whether the node of `route` can fence writes.
    pub(crate) async fn is_fenced(&self, route: &str, deadline: Instant) -> Result<bool, Failure> {
        let node = &self.nodes[self.place(route).node];
        Ok(node.link(deadline).await?.greeting.fenced)
    }

    /// Goes back to the node that gave a lead over a key of `route`; `None` if that is another run
    /// of it, or no node; or one that stood in for an owner that is well again, because what it
    /// would keep then is read by nobody, and would make the item of the owner old.
    pub(crate) async fn led(
        &self,
        route: &str,
        node: usize,
        run: u64,
        deadline: Instant,
    ) -> Result<Option<Led<'_>>, Failure> {
        let owner = self.owner(route).node;
        let place = Place { node, owner };
        let Some(node) = self.nodes.get(node) else {
            return Ok(None);
        };
        if place.is_stand_in() && self.nodes[owner].is_well() {
            return Ok(None);
        }
        let link = node.link(deadline).await?;
        Ok((link.greeting.run == run).then_some(Led {
            client: self,
            node,
            link,
            place,
            deadline,
        }))
    }
}

impl Led<'_> {
    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            place: self.place,
            node: self.node,
            link: Some(&self.link),
        }
    }

    pub(crate) async fn call(&self, request: Request) -> Result<Answered, Failure> {
        let span = CallSpan::at(self.node);
        self.client
            .carry_out(self.target(), request, self.deadline, &span)
            .await
    }
}
