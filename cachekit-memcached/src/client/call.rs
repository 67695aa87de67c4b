//! One key.

use std::sync::Arc;

use tokio::time::Instant;

use super::route::Tried;
use super::{Answered, Cluster, Place, Target};
use crate::error::Failure;
use crate::node::{Link, Node};
use crate::protocol::Request;

/// The node that gave a lead, and a connection to it.
pub(crate) struct Led<'a> {
    node: &'a Arc<Node>,
    link: Arc<Link>,
    place: Place,
    deadline: Instant,
}

impl Cluster {
    /// Sends the request that `request` makes to the node of `route`. Where that node turns out not
    /// to be there, the call goes on as [`again`](Self::again) says.
    pub(crate) async fn call(
        &self,
        route: &str,
        deadline: Instant,
        request: impl Fn(Target<'_>) -> Result<Request, Failure>,
    ) -> Result<Answered, Failure> {
        let mut place = self.place(route);
        let mut attempts = 0;
        loop {
            let failure = match self.call_at(place, &request, deadline).await {
                Err(failure) => failure,
                answered => return answered,
            };
            attempts += 1;
            let tried = Tried {
                place,
                kind: failure.kind,
                attempts,
            };
            place = self.again(route, tried).ok_or(failure)?;
        }
    }

    async fn call_at(
        &self,
        place: Place,
        request: impl Fn(Target<'_>) -> Result<Request, Failure>,
        deadline: Instant,
    ) -> Result<Answered, Failure> {
        let node = &self.nodes[place.node];
        let link = node.link(deadline).await?;
        let target = Target {
            place,
            node,
            link: &link,
        };
        let answer = node.call(&link, request(target)?, deadline).await?;
        Ok(target.answered(answer))
    }

    /// Whether the node of `route` can fence writes.
    pub(crate) async fn is_fenced(&self, route: &str, deadline: Instant) -> Result<bool, Failure> {
        let node = &self.nodes[self.place(route).node];
        Ok(node.link(deadline).await?.greeting.fenced)
    }

    /// Goes back to the node that gave a lead over a key of `route`; `None` if that is another run
    /// of it, or no node.
    pub(crate) async fn led(
        &self,
        route: &str,
        node: usize,
        run: u64,
        deadline: Instant,
    ) -> Result<Option<Led<'_>>, Failure> {
        let place = Place {
            node,
            stand_in: self.owner(route).node != node,
        };
        let Some(node) = self.nodes.get(node) else {
            return Ok(None);
        };
        let link = node.link(deadline).await?;
        Ok((link.greeting.run == run).then_some(Led {
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
            link: &self.link,
        }
    }

    pub(crate) async fn call(&self, request: Request) -> Result<Answered, Failure> {
        let answer = self.node.call(&self.link, request, self.deadline).await?;
        Ok(self.target().answered(answer))
    }
}
