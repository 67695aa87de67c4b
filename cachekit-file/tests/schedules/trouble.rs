//! What may go wrong where processes share files.

use std::time::Duration;

use cachekit_core::testkit::schedules::{Action, Chance, Judged, PausedTime, Setting, Whole};
use tokio::runtime::{Builder, Runtime};

use crate::Schedule;
use crate::directory::Directory;
use crate::judge;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// Processes are killed, mostly while they compute.
    Deaths,
    /// Calls take so long that leads may end meanwhile.
    Late,
    /// Processes are stopped, and go on when their leads have ended.
    Stops,
    /// The files are removed, by a process or by hand.
    Losses,
}

#[derive(Clone, Debug)]
pub(crate) enum Mishap {
    Stop {
        process: usize,
        lasts: Duration,
    },
    Clear {
        process: usize,
    },
    /// The directory is removed, with all that is in it.
    Vanish,
}

impl Setting for Trouble {
    type Trouble = Mishap;
    type Store = Directory;

    fn trouble(
        schedule: &Schedule,
        process: usize,
        key: u32,
        chance: &mut Chance,
    ) -> Action<Mishap> {
        let lasts = Duration::from_millis(chance.below(12_000));
        match schedule.family.setting {
            Self::None | Self::Late => Action::Rush { key },
            Self::Deaths if chance.one_in(4) => Action::Kill { process },
            Self::Deaths => Action::KillLeader { key },
            Self::Stops => Action::Trouble(Mishap::Stop { process, lasts }),
            Self::Losses if chance.one_in(2) => Action::Trouble(Mishap::Clear { process }),
            Self::Losses => Action::Trouble(Mishap::Vanish),
        }
    }

    fn open(schedule: &Schedule, time: PausedTime) -> Directory {
        Directory::new(schedule, time)
    }

    fn judge(schedule: &Schedule, whole: Whole) -> Judged {
        judge::judged(schedule, whole)
    }

    fn runtime() -> Runtime {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().start_paused(true);
        builder.build().expect("a runtime")
    }
}
