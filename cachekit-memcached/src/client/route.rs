//! Where a key goes, and where it goes next when that failed.

use cachekit_core::error::ErrorKind;
use tokio::time::Instant;

use super::Cluster;
use crate::config::Failover;
use crate::error::{Failure, Written};
use crate::protocol::Request;

/// A node for one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its index.
    pub(crate) node: usize,
    /// The index of the owner of the key.
    pub(crate) owner: usize,
}

impl Place {
    /// Whether the node stands in for the owner, which is away.
    pub(crate) const fn is_stand_in(self) -> bool {
        self.node != self.owner
    }
}

/// A run of a node: what is there ends with it, and its CAS numbers begin again with the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// The index of the node.
    pub(crate) node: usize,
    pub(crate) run: u64,
}

/// A request that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tried {
    /// Where.
    pub(super) place: Place,
    /// How.
    kind: ErrorKind,
    /// What the server may have seen of it.
    written: Written,
    /// How many attempts there were.
    pub(super) attempts: usize,
    /// How many of them may have taken effect.
    repeats: usize,
}

/// When the attempts of one call have to be over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// The first, where another node may be tried after it.
    pub(super) first: Instant,
    /// The last.
    pub(super) last: Instant,
}

impl Deadlines {
    /// One that all attempts share.
    pub(super) const fn only(last: Instant) -> Self {
        Self { first: last, last }
    }

    /// The one for `request`: one that must not be repeated is waited for to the end.
    pub(super) fn of(&self, request: &Request<'_>) -> Instant {
        if request.is_idempotent() {
            self.first
        } else {
            self.last
        }
    }
}

impl Tried {
    /// `failure` at `place`, after what was `before`.
    pub(super) fn new(place: Place, failure: &Failure, before: Option<Self>) -> Self {
        let repeats = usize::from(failure.written != Written::Nothing);
        Self {
            place,
            kind: failure.kind,
            written: failure.written,
            attempts: before.map_or(0, |before| before.attempts) + 1,
            repeats: before.map_or(0, |before| before.repeats) + repeats,
        }
    }

    /// Whether another connection to the same node may do better.
    pub(super) fn may_be_repeated(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Ambiguous)
    }
}

impl Cluster {
    /// The owner of `route`, or the node that stands in for it. If none is up, the owner.
    pub(super) fn place(&self, route: &str) -> Place {
        let owner = self.owner(route);
        let stand_in = if self.nodes[owner.node].is_ejected() {
            self.stand_in(route)
        } else {
            None
        };
        stand_in.unwrap_or(owner)
    }

    /// The name of the node that a request for `route` would be sent to now.
    pub(crate) fn asked(&self, route: &str) -> &str {
        self.nodes[self.place(route).node].name()
    }

    /// The owner of `route`, up or not.
    pub(super) fn owner(&self, route: &str) -> Place {
        let owner = self
            .ring
            .owner(route)
            .expect("a checked configuration has a server");
        Place { node: owner, owner }
    }

    /// The node that stands in for the owner of `route`, or would if the owner were down: the next
    /// one of the ring that is up.
    pub(super) fn stand_in(&self, route: &str) -> Option<Place> {
        self.next(route, self.owner(route))
    }

    /// The next node of the ring after `place` that is up.
    fn next(&self, route: &str, place: Place) -> Option<Place> {
        if !self.has_next() {
            return None;
        }
        let after = self
            .ring
            .order(route)
            .skip_while(|&node| node != place.node);
        let node = after.skip(1).find(|&node| self.nodes[node].is_up())?;
        Some(Place { node, ..place })
    }

    fn has_next(&self) -> bool {
        self.failover == Failover::Next && self.nodes.len() > 1
    }

    /// How the time of a call that has to be over at `last` is shared out. Where another node can be
    /// asked, the first one has half of it: else a server that stands still would use up all.
    pub(super) fn deadlines(&self, last: Instant) -> Deadlines {
        if !self.has_next() {
            return Deadlines::only(last);
        }
        let left = last.saturating_duration_since(Instant::now());
        let first = last - left / 2;
        Deadlines { first, last }
    }

    /// Where to try once more. A request that may have taken effect is repeated once, if twice is
    /// no different from once: at the next node, or where there is none to be asked, on another
    /// connection to the same one. Of one that was not written the connection may have been an old
    /// one, so it goes to the same node first, and not on more often than there are nodes.
    pub(super) fn again(&self, route: &str, tried: Tried) -> Option<Place> {
        let Tried { place, kind, .. } = tried;
        let away = matches!(
            kind,
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Ambiguous
        );
        let spent = tried.written == Written::Once || tried.repeats > 1;
        if !away || spent || tried.attempts > self.nodes.len() {
            return None;
        }
        let node = &self.nodes[place.node];
        let here =
            (tried.attempts == 1 && kind != ErrorKind::Timeout && node.is_up()).then_some(place);
        if tried.written == Written::Nothing && here.is_some() {
            return here;
        }
        if node.keeps_keys() {
            return None;
        }
        self.next(route, place).or(here)
    }
}
