//! One key.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cachekit_core::error::ErrorKind;
use tokio::time::Instant;

use super::debts::may_have_missed;
use super::errand::Errand;
use super::route::{Deadlines, Tried};
use super::span::CallSpan;
use super::{Answered, Cluster, Place, Site, Target, delete, lease};
use crate::error::Failure;
use crate::node::{Debt, Link, Node, Sent};
use crate::protocol::{Key, Request};

/// The node that gave a lead, and a connection to it.
pub(crate) struct Led<'a> {
    client: &'a Cluster,
    pub(super) node: &'a Arc<Node>,
    link: Arc<Link>,
    place: Place,
    deadline: Instant,
}

impl Cluster {
    /// Sends the request that `request` makes to the node of `route`. Where that node turns out not
    /// to be there, the call goes on as [`again`](Self::again) says, until `deadline`.
    pub(crate) async fn call<'k>(
        &self,
        route: &str,
        deadline: Instant,
        request: impl Fn(Target<'_>) -> Result<Request<'k>, Failure>,
    ) -> Result<Answered, Failure> {
        let deadlines = self.deadlines(deadline);
        let place = self.place(route);
        let outcome = match self.start(place, &request, deadlines) {
            Some(Ok(started)) => started.await,
            Some(Err(failure)) => Err(failure),
            // Boxed, here and below, because it is rare: the future of every call would have room
            // for it.
            None => Box::pin(self.call_at(place, &request, deadlines)).await,
        };
        let failure = match outcome {
            Err(failure) => failure,
            answered => return answered,
        };
        let tried = Tried::new(place, &failure, None);
        Box::pin(self.call_again(route, deadline, &request, tried, failure)).await
    }

    /// Goes on after `tried` came to `failure`.
    async fn call_again<'k>(
        &self,
        route: &str,
        deadline: Instant,
        request: impl Fn(Target<'_>) -> Result<Request<'k>, Failure>,
        mut tried: Tried,
        mut failure: Failure,
    ) -> Result<Answered, Failure> {
        while Instant::now() < deadline
            && let Some(place) = self.again(route, tried)
        {
            let deadlines = Deadlines::only(deadline);
            failure = match self.call_at(place, &request, deadlines).await {
                Err(failure) => failure,
                answered => return answered,
            };
            tried = Tried::new(place, &failure, Some(tried));
        }
        Err(failure)
    }

    /// Sends the request at once, where nothing is to be waited for before: there is a connection,
    /// and no item that an outage made old.
    fn start<'a, 'k: 'a>(
        &'a self,
        place: Place,
        request: impl Fn(Target<'_>) -> Result<Request<'k>, Failure>,
        deadlines: Deadlines,
    ) -> Option<Result<Started<'a>, Failure>> {
        let node = &self.nodes[place.node];
        node.with_link(|link| {
            let target = Target {
                link: Some(link),
                ..self.target(place)
            };
            let request = request(target)?;
            let deadline = deadlines.of(&request);
            let span = CallSpan::at(node);
            span.operation(request.operation());
            let errand = self.errand(target, &request);
            match node.send(link, request, deadline) {
                Ok(sent) => Ok(Started { errand, sent, span }),
                Err(failure) => Err(errand.failed(failure, &span)),
            }
        })
    }

    async fn call_at<'k>(
        &self,
        place: Place,
        request: impl Fn(Target<'_>) -> Result<Request<'k>, Failure>,
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
        span.operation(request.operation());
        let errand = self.errand(target, &request);
        errand.end(target.ask(request, deadline).await, &span)
    }

    /// A node that is not reached yet.
    pub(super) fn target(&self, place: Place) -> Target<'_> {
        Target {
            place,
            node: &self.nodes[place.node],
            link: None,
        }
    }

    /// Ends the lease that may lie beside the entry of `key`, which is about to be written without
    /// one, where the node of `route` cannot fence. One that it does not end is owed to the node,
    /// and so gone before the entry is written there.
    pub(crate) async fn end_lease(&self, key: &Key<'_>, route: &str, deadline: Instant) {
        let node = &self.nodes[self.place(route).node];
        if !node.may_keep_leases() {
            return;
        }
        let lease = lease(key);
        let request = |target: Target<'_>| {
            if target.may_keep_leases() {
                return Ok(delete(&lease, None, false));
            }
            let detail = "keeps no leases";
            Err(Failure::new(ErrorKind::Unsupported, detail))
        };
        let ended = self.call(route, deadline, request).await;
        if ended.is_err_and(|failure| may_have_missed(&failure)) {
            node.owe_write(&lease, Debt::new());
        }
    }

    /// Goes back to the node that gave a lead over a key of `route`; `None` if that is another run
    /// of it, or no node; or one that stood in for others of which one is well again, because what
    /// it would keep then is read by nobody, and would make the item of the owner old.
    pub(crate) async fn led(
        &self,
        route: &str,
        site: Site,
        deadline: Instant,
    ) -> Result<Option<Led<'_>>, Failure> {
        let owner = self.owner(route).node;
        let place = Place {
            node: site.node,
            owner,
        };
        let Some(node) = self.nodes.get(site.node) else {
            return Ok(None);
        };
        if place.is_stand_in() {
            let mut before = self.ring.order(route).take_while(|&node| node != site.node);
            if before.any(|node| self.nodes[node].is_well()) {
                return Ok(None);
            }
        }
        let link = node.link(deadline).await?;
        Ok((link.greeting.run == site.run).then_some(Led {
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

    pub(crate) async fn call(&self, request: Request<'_>) -> Result<Answered, Failure> {
        let target = self.target();
        let span = CallSpan::at(self.node);
        span.operation(request.operation());
        let errand = self.client.led_errand(target, &request);
        errand.end(target.ask(request, self.deadline).await, &span)
    }
}

/// A request that was sent.
struct Started<'a> {
    errand: Errand<'a>,
    sent: Sent<'a>,
    span: CallSpan,
}

/// Waits for the reply. An `async fn` would hold all of it twice, in the future of every call.
impl Future for Started<'_> {
    type Output = Result<Answered, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.sent).poll(context));
        Poll::Ready(self.errand.end(outcome, &self.span))
    }
}
