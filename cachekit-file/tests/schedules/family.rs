//! What schedules have in common.

use std::time::Duration;

use cachekit_core::testkit::schedules::{self, How};

use crate::bug::Bug;
use crate::files::{Files, Trouble};

/// Schedules of one kind.
pub(crate) type Family = schedules::Family<Files>;

const MS: Duration = Duration::from_millis(1);
/// No entry ends in the store while a schedule lasts.
const LONG: &[Duration] = &[Duration::from_secs(600)];
/// Entries end while somebody leads over them.
const SHORT: &[Duration] = &[Duration::ZERO, Duration::from_secs(5)];

pub(crate) const CALM: Family = Family {
    name: "calm",
    fastest: MS,
    slowest: Duration::from_millis(800),
    latest: Duration::from_millis(10),
    graces: LONG,
    hows: How::ALL,
    setting: Files {
        trouble: Trouble::None,
        bug: None,
    },
};
pub(crate) const KILLED: Family = Family {
    name: "killed",
    slowest: Duration::from_secs(3),
    ..with(CALM, Trouble::Deaths)
};
pub(crate) const SLOW: Family = Family {
    name: "slow",
    fastest: Duration::from_secs(3),
    slowest: Duration::from_secs(15),
    latest: Duration::from_millis(100),
    ..CALM
};
pub(crate) const SHORT_LIVED: Family = Family {
    name: "short-lived",
    slowest: Duration::from_secs(3),
    graces: SHORT,
    ..with(CALM, Trouble::Deaths)
};
pub(crate) const LATE: Family = Family {
    name: "late",
    slowest: Duration::from_secs(2),
    latest: Duration::from_millis(1_500),
    graces: SHORT,
    ..with(CALM, Trouble::Late)
};
pub(crate) const STOPPED: Family = Family {
    name: "stopped",
    slowest: Duration::from_secs(3),
    ..with(CALM, Trouble::Stops)
};
pub(crate) const LOST: Family = Family {
    name: "lost",
    ..with(CALM, Trouble::Losses)
};

const fn with(family: Family, trouble: Trouble) -> Family {
    let setting = Files {
        trouble,
        ..family.setting
    };
    Family { setting, ..family }
}

/// The same with a mistake in it.
pub(crate) fn broken(family: Family, bug: Bug) -> Family {
    let setting = Files {
        bug: Some(bug),
        ..family.setting
    };
    Family { setting, ..family }
}
