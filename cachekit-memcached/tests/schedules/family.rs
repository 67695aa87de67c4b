//! What schedules have in common.

use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
/// No entry ends in the store while a schedule lasts.
const LONG: &[Duration] = &[Duration::from_secs(600)];
/// Entries end while somebody leads over them, and their leads with them.
const SHORT: &[Duration] = &[Duration::ZERO, Duration::from_secs(5)];

/// Schedules of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    /// How many servers there may be.
    pub(crate) most_servers: usize,
    /// What a computation takes at least.
    pub(crate) fastest: Duration,
    /// What it takes at most.
    pub(crate) slowest: Duration,
    /// What a request takes at most, and what a reply does.
    pub(crate) latest: Duration,
    /// How long what is over stays.
    pub(crate) graces: &'static [Duration],
    /// What may go wrong.
    pub(crate) trouble: Trouble,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// Processes are killed, mostly while they compute.
    Deaths,
    /// Replies come when nobody waits for them any more.
    Late,
    /// Connections end, and ways are cut.
    Losses,
    /// Servers end, and are started again empty.
    Restarts,
}

pub(crate) const CALM: Family = Family {
    name: "calm",
    most_servers: 3,
    fastest: MS,
    slowest: Duration::from_millis(800),
    latest: Duration::from_millis(10),
    graces: LONG,
    trouble: Trouble::None,
};
pub(crate) const KILLED: Family = Family {
    name: "killed",
    slowest: Duration::from_secs(3),
    trouble: Trouble::Deaths,
    ..CALM
};
/// Over what stands a leader is believed to be dead after twice what a computation has taken: so none
/// takes much longer than another.
pub(crate) const SLOW: Family = Family {
    name: "slow",
    fastest: Duration::from_secs(8),
    slowest: Duration::from_secs(15),
    latest: Duration::from_millis(100),
    ..CALM
};
/// With more servers, another would stand in for the one that is late; and what stands in is not
/// told of every invalidation.
pub(crate) const LATE: Family = Family {
    name: "late",
    most_servers: 1,
    fastest: MS,
    slowest: Duration::from_secs(2),
    latest: Duration::from_millis(1_500),
    graces: SHORT,
    trouble: Trouble::Late,
};
pub(crate) const LOST: Family = Family {
    name: "lost",
    trouble: Trouble::Losses,
    ..CALM
};
pub(crate) const RESTARTED: Family = Family {
    name: "restarted",
    trouble: Trouble::Restarts,
    ..CALM
};

/// A lead over an entry ends with it, and then another computes as well.
pub(crate) const SHORT_LIVED: Family = Family {
    name: "short-lived",
    graces: SHORT,
    trouble: Trouble::Deaths,
    ..CALM
};

impl Family {
    /// Whether an entry may end while somebody leads over it.
    pub(crate) fn is_short_lived(self) -> bool {
        self.graces == SHORT
    }

    /// The longest that is drawn most of the time.
    pub(crate) fn usual(longest: Duration) -> Duration {
        (longest / 10).max(MS)
    }
}
