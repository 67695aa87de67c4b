//! What is to happen, made from a seed before anything happens.

use std::fmt;
use std::time::Duration;

use crate::chance::Chance;
use crate::family::{Family, Trouble};

/// A schedule of one family.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) family: Family,
    pub(crate) seed: u64,
    pub(crate) servers: usize,
    pub(crate) keys: u32,
    pub(crate) ttl: Duration,
    pub(crate) grace: Duration,
    /// For how long processes may keep what the store shares; `None`: their L1 is off.
    pub(crate) l1_max_age: Option<Duration>,
    pub(crate) processes: usize,
    /// By time.
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: Duration,
    pub(crate) action: Action,
}

/// Processes are named by their places: in the place of one that is killed another is started.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// As many callers ask at once.
    Read {
        process: usize,
        key: u32,
        callers: usize,
    },
    /// All processes ask at once.
    Rush {
        key: u32,
    },
    /// The source changes, and a process says so.
    Invalidate {
        process: usize,
        key: u32,
        how: How,
    },
    Kill {
        process: usize,
    },
    /// Whoever computes `key`.
    KillLeader {
        key: u32,
    },
    HangUp {
        process: usize,
        server: usize,
    },
    Cut {
        process: usize,
        server: usize,
        lasts: Duration,
    },
    Restart {
        server: usize,
        down: Duration,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Remove,
    Expire,
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    Rush,
    Invalidate,
    Trouble,
}

const SECOND: Duration = Duration::from_secs(1);
/// When the last step is taken, at the latest.
pub(crate) const LASTS: Duration = Duration::from_secs(60);

impl Schedule {
    pub(crate) fn new(family: Family, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut schedule = Self {
            family,
            seed,
            servers: 1 + chance.index(family.most_servers),
            keys: chance.pick(&[1, 2, 4]),
            ttl: chance.pick(&[10 * SECOND, 40 * SECOND, 300 * SECOND]),
            grace: chance.pick(family.graces),
            l1_max_age: chance.pick(&[None, None, Some(SECOND), Some(5 * SECOND)]),
            processes: chance.pick(&[2, 3, 5]),
            steps: Vec::new(),
        };
        let count = 20 + chance.index(30);
        schedule.steps = (0..count)
            .map(|_| Step {
                at: LASTS.mul_f64(chance.below(60_000) as f64 / 60_000.0),
                action: schedule.action(&mut chance),
            })
            .collect();
        schedule.steps.sort_by_key(|step| step.at);
        schedule
    }

    fn action(&self, chance: &mut Chance) -> Action {
        let key = u32::try_from(chance.below(u64::from(self.keys))).expect("a few keys");
        let process = chance.index(self.processes);
        let kinds = [
            (4, Kind::Read),
            (2, Kind::Rush),
            (2, Kind::Invalidate),
            (2, Kind::Trouble),
        ];
        match chance.weighted(&kinds) {
            Kind::Read => Action::Read {
                process,
                key,
                callers: chance.pick(&[1, 1, 5]),
            },
            Kind::Rush => Action::Rush { key },
            Kind::Invalidate => Action::Invalidate {
                process,
                key,
                how: chance.pick(&[How::Remove, How::Expire]),
            },
            Kind::Trouble => self.trouble(process, key, chance),
        }
    }

    fn trouble(&self, process: usize, key: u32, chance: &mut Chance) -> Action {
        let server = chance.index(self.servers);
        let lasts = Duration::from_millis(chance.below(8_000));
        match self.family.trouble {
            Trouble::None | Trouble::Late => Action::Rush { key },
            Trouble::Deaths if chance.one_in(4) => Action::Kill { process },
            Trouble::Deaths => Action::KillLeader { key },
            Trouble::Losses if chance.one_in(2) => Action::HangUp { process, server },
            Trouble::Losses => Action::Cut {
                process,
                server,
                lasts,
            },
            Trouble::Restarts => Action::Restart {
                server,
                down: lasts,
            },
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            servers,
            keys,
            ttl,
            grace,
            l1_max_age,
            processes,
            ..
        } = self;
        writeln!(
            f,
            "{processes} processes, {servers} servers, {keys} keys, ttl {ttl:?}, grace {grace:?}, \
             L1 {l1_max_age:?}"
        )?;
        let mut steps = self.steps.iter();
        steps.try_for_each(|Step { at, action }| writeln!(f, "  {at:>8.3?} {action:?}"))
    }
}
