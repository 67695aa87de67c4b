//! Schedules of one kind each.

use std::time::Duration;

use cachekit_core::testkit::schedules;

use crate::trouble::Trouble;

pub(crate) type Family = schedules::Family<Trouble>;

pub(crate) const CALM: Family = Family::calm(Trouble::None);
pub(crate) const KILLED: Family = Family {
    name: "killed",
    slowest: Duration::from_secs(3),
    setting: Trouble::Deaths,
    ..CALM
};
/// A lead is given for six seconds, and must be renewed.
pub(crate) const SLOW: Family = Family {
    name: "slow",
    fastest: Duration::from_secs(3),
    slowest: Duration::from_secs(15),
    latest: Duration::from_millis(100),
    ..CALM
};
pub(crate) const SHORT_LIVED: Family = Family {
    name: "short-lived",
    graces: Family::SHORT,
    ..KILLED
};
pub(crate) const LATE: Family = Family {
    name: "late",
    slowest: Duration::from_secs(2),
    latest: Duration::from_millis(1_500),
    graces: Family::SHORT,
    setting: Trouble::Late,
    ..CALM
};
pub(crate) const STOPPED: Family = Family {
    name: "stopped",
    slowest: Duration::from_secs(3),
    setting: Trouble::Stops,
    ..CALM
};
pub(crate) const LOST: Family = Family {
    name: "lost",
    setting: Trouble::Losses,
    ..CALM
};
