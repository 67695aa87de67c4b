//! Schedules of one kind each.

use std::time::Duration;

use cachekit_core::testkit::schedules::{self, How};

use crate::servers::{Servers, Trouble};

pub(crate) type Family = schedules::Family<Servers>;

pub(crate) const CALM: Family = Family::calm(with(Trouble::None));
pub(crate) const KILLED: Family = Family {
    name: "killed",
    slowest: Duration::from_secs(3),
    setting: with(Trouble::Deaths),
    ..CALM
};
/// Over what stands a leader is believed to be dead after twice what a computation has taken: so none
/// takes much longer than another, and nothing stands that was not computed.
pub(crate) const SLOW: Family = Family {
    name: "slow",
    fastest: Duration::from_secs(8),
    slowest: Duration::from_secs(15),
    latest: Duration::from_millis(100),
    hows: &[How::Remove, How::Expire],
    ..CALM
};
/// With more servers, another would stand in for the one that is late; and what stands in is not
/// told of every invalidation.
pub(crate) const LATE: Family = Family {
    name: "late",
    slowest: Duration::from_secs(2),
    latest: Duration::from_millis(1_500),
    graces: Family::SHORT,
    setting: Servers {
        count: 1,
        trouble: Trouble::Late,
    },
    ..CALM
};
pub(crate) const LOST: Family = Family {
    name: "lost",
    setting: with(Trouble::Losses),
    ..CALM
};
pub(crate) const RESTARTED: Family = Family {
    name: "restarted",
    setting: with(Trouble::Restarts),
    ..CALM
};
/// A lead over an entry ends with it, and then another computes as well.
pub(crate) const SHORT_LIVED: Family = Family {
    name: "short-lived",
    graces: Family::SHORT,
    setting: with(Trouble::Deaths),
    ..CALM
};

/// Up to three servers.
const fn with(trouble: Trouble) -> Servers {
    Servers { count: 3, trouble }
}

/// Whether an entry may end while somebody leads over it.
pub(crate) fn is_short_lived(family: Family) -> bool {
    family.graces == Family::SHORT
}
