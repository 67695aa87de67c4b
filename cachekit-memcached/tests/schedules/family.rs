//! What schedules have in common.

use std::time::Duration;

use cachekit_core::testkit::schedules::{self, How};

use crate::bug::Bug;
use crate::servers::{Servers, Trouble};

/// Schedules of one kind.
pub(crate) type Family = schedules::Family<Servers>;

const MS: Duration = Duration::from_millis(1);
/// No entry ends in the store while a schedule lasts.
const LONG: &[Duration] = &[Duration::from_secs(600)];
/// Entries end while somebody leads over them, and their leads with them.
const SHORT: &[Duration] = &[Duration::ZERO, Duration::from_secs(5)];

pub(crate) const CALM: Family = Family {
    name: "calm",
    fastest: MS,
    slowest: Duration::from_millis(800),
    latest: Duration::from_millis(10),
    graces: LONG,
    hows: How::ALL,
    setting: Servers {
        count: 3,
        trouble: Trouble::None,
        bug: None,
    },
};
pub(crate) const KILLED: Family = Family {
    name: "killed",
    slowest: Duration::from_secs(3),
    ..with(CALM, Trouble::Deaths)
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
    fastest: MS,
    slowest: Duration::from_secs(2),
    latest: Duration::from_millis(1_500),
    graces: SHORT,
    hows: How::ALL,
    setting: Servers {
        count: 1,
        trouble: Trouble::Late,
        bug: None,
    },
};
pub(crate) const LOST: Family = Family {
    name: "lost",
    ..with(CALM, Trouble::Losses)
};
pub(crate) const RESTARTED: Family = Family {
    name: "restarted",
    ..with(CALM, Trouble::Restarts)
};

/// A lead over an entry ends with it, and then another computes as well.
pub(crate) const SHORT_LIVED: Family = Family {
    name: "short-lived",
    graces: SHORT,
    ..with(CALM, Trouble::Deaths)
};

const fn with(family: Family, trouble: Trouble) -> Family {
    let setting = Servers {
        trouble,
        ..family.setting
    };
    Family { setting, ..family }
}

/// The same with a mistake in it.
pub(crate) fn broken(family: Family, bug: Bug) -> Family {
    let setting = Servers {
        bug: Some(bug),
        ..family.setting
    };
    Family { setting, ..family }
}

/// Whether an entry may end while somebody leads over it.
pub(crate) fn is_short_lived(family: Family) -> bool {
    family.graces == SHORT
}
