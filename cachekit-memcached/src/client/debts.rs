//! What a write leaves to be deleted: where it did not arrive, the item that it was to replace; where
//! another node stood in, the item of the owner.

use std::sync::Arc;
use std::time::Duration;

use cachekit_core::error::ErrorKind;

use super::{Cluster, Place, STAND_IN_TTL};
use crate::error::Failure;
use crate::node::{Debt, Node};
use crate::protocol::{Key, Request};

/// One write that is about to be sent.
#[derive(Debug)]
pub(super) struct Change<'a> {
    key: Key<'a>,
    /// Whether it replaces whatever is there.
    plain: bool,
    node: &'a Arc<Node>,
    /// The owner of the key, if `node` stands in for it.
    owner: Option<&'a Arc<Node>>,
    /// Whether the item of the owner is old by it.
    outdates: bool,
}

impl Cluster {
    /// The change that `request` makes at `place`, if it writes.
    pub(super) fn change<'a>(&'a self, place: Place, request: &Request<'a>) -> Option<Change<'a>> {
        let key = match request {
            Request::Set(set) => &set.key,
            Request::Arithmetic(count) => &count.key,
            _ => return None,
        };
        Some(Change {
            key: key.clone(),
            plain: request.is_idempotent(),
            node: &self.nodes[place.node],
            owner: place.is_stand_in().then(|| &self.nodes[place.owner]),
            outdates: true,
        })
    }

    /// `request` failed before it could be sent to `place`.
    pub(super) fn missed(
        &self,
        place: Place,
        request: Result<Request<'_>, Failure>,
        failure: &Failure,
    ) {
        if let Ok(request) = request
            && let Some(change) = self.change(place, &request)
        {
            change.ends(Some(failure));
        }
    }
}

impl Change<'_> {
    /// The same change, made by a lead, which a fence protects. What was computed says what is true,
    /// and makes nothing else of it: whatever made the item of the owner old, the owner has got or is
    /// owed. And this process does not believe that item again, if the owner is down, and tells by
    /// its numbers what is from before. So what others have stored there by then may stay.
    pub(super) fn of_a_lead(self) -> Self {
        let disbelieved = |owner: &Arc<Node>| !owner.is_up() && !owner.may_keep_leases();
        Self {
            outdates: !self.owner.is_some_and(disbelieved),
            ..self
        }
    }

    /// The owner holds an item that is about to be old. Said before the request is sent, because
    /// the caller may be gone when it is answered.
    pub(super) fn begins(&self) {
        let Some(owner) = self.owner else { return };
        if self.outdates {
            let debt = Debt::new().stood_in(self.node, STAND_IN_TTL);
            owner.owe_write(&self.key, debt);
        } else {
            let debt = Debt::of(Duration::ZERO).stood_in(self.node, STAND_IN_TTL);
            owner.stood_in(&self.key, debt);
        }
    }

    /// Said again of the owner, which may have got the deletion meanwhile and have been called
    /// since. A node at which the write failed may hold the item that was to be replaced.
    pub(super) fn ends(&self, failure: Option<&Failure>) {
        self.begins();
        if self.plain && failure.is_some_and(may_have_missed) {
            self.node.owe_write(&self.key, Debt::new());
        }
    }
}

/// Whether the server may not have got it, or only later.
pub(super) fn may_have_missed(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Ambiguous | ErrorKind::Protocol
    )
}
