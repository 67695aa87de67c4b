//! What is to happen, made from a seed before anything happens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::chance::Chance;
use super::family::Family;
use super::judge::Judged;
use super::time::PausedTime;
use super::told::{Told, Whole};
use crate::backend::Backend;
use crate::testkit::history::Rules;

/// When the last step of a schedule is taken, at the latest.
pub const LASTS: Duration = Duration::from_secs(60);

/// How long a lead stands that nobody renews.
const HOLD: Duration = Duration::from_secs(6);
const SECOND: Duration = Duration::from_secs(1);

/// What is special about the schedules of one store.
pub trait Setting: Copy + fmt::Debug + Send + Sync + 'static {
    /// One thing that goes wrong with the store.
    type Trouble: Clone + fmt::Debug + Send + Sync;
    /// The store, for one schedule.
    type Store: Store<Trouble = Self::Trouble>;

    /// What one schedule has of it. By default: the same.
    #[must_use]
    fn drawn(self, chance: &mut Chance) -> Self {
        let _ = chance;
        self
    }

    /// What goes wrong, now and then: with that process or that key, or anything else.
    fn trouble(
        schedule: &Schedule<Self>,
        process: usize,
        key: u32,
        chance: &mut Chance,
    ) -> Action<Self::Trouble>;

    /// A store with nothing in it.
    fn open(schedule: &Schedule<Self>, time: PausedTime) -> Self::Store;

    /// Whether what happened may happen.
    fn judge(schedule: &Schedule<Self>, whole: Whole) -> Judged;

    /// A runtime on one thread, whose time is paused. This kit itself does not ask tokio for
    /// `test-util`, with which time is slower.
    fn runtime() -> Runtime;
}

/// A store that several processes share.
pub trait Store: Send + Sync + 'static {
    /// One thing that goes wrong with it.
    type Trouble;

    /// The backend of the process that is started in a place, which nobody else has any more, with
    /// a number that no other process has or had.
    fn start(&self, place: usize, number: u32) -> Arc<dyn Backend>;

    /// Nothing that the process in this place says arrives any more.
    fn kill(&self, place: usize);

    /// Something goes wrong. What readers may notice of it is told.
    fn meet(self: &Arc<Self>, trouble: &Self::Trouble, told: &Told);
}

/// A schedule of one family.
#[derive(Clone, Debug)]
pub struct Schedule<S: Setting> {
    /// Its family, with what was drawn of its setting.
    pub family: Family<S>,
    /// What it was made from.
    pub seed: u64,
    /// How many there are.
    pub keys: u32,
    /// Of all entries.
    pub ttl: Duration,
    /// Of all entries.
    pub grace: Duration,
    /// For how long processes may keep what the store shares; `None`: their L1 is off.
    pub l1_max_age: Option<Duration>,
    /// How many there are at any time.
    pub processes: usize,
    /// By time.
    pub steps: Vec<Step<S::Trouble>>,
}

/// What happens at one time.
#[derive(Clone, Debug)]
pub struct Step<T> {
    /// Since the beginning.
    pub at: Duration,
    /// What happens.
    pub action: Action<T>,
}

/// Processes are named by their places: in the place of one that is killed another is started.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub enum Action<T> {
    /// As many callers ask at once.
    Read {
        process: usize,
        key: u32,
        callers: usize,
    },
    /// All processes ask at once.
    Rush { key: u32 },
    /// The source changes, and a process says so.
    Invalidate { process: usize, key: u32, how: How },
    /// A process is killed.
    Kill { process: usize },
    /// Whoever computes `key` is killed.
    KillLeader { key: u32 },
    /// Something goes wrong with the store.
    Trouble(T),
}

/// How a process says that a value is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It may not be given any more.
    Remove,
    /// It may be given in grace.
    Expire,
    /// The new one is written in its place.
    Set,
}

impl How {
    /// All ways.
    pub const ALL: &[Self] = &[Self::Remove, Self::Expire, Self::Set];
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    Rush,
    Invalidate,
    Trouble,
}

impl<S: Setting> Schedule<S> {
    /// The same seed makes the same schedule.
    #[must_use]
    pub fn new(mut family: Family<S>, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        family.setting = family.setting.drawn(&mut chance);
        let mut schedule = Self {
            family,
            seed,
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

    /// What holds for its history, if its store neither loses anything nor lets a leader stand for
    /// longer than its lead.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let Family {
            slowest, latest, ..
        } = self.family;
        let early = (4 * slowest).max(2 * SECOND).min(self.ttl / 2);
        Rules {
            l1_bound: self.l1_max_age.unwrap_or_default(),
            ttl: (self.ttl.mul_f64(0.9) - early).saturating_sub(SECOND),
            lease: HOLD.mul_f64(1.1),
            lag: SECOND + 4 * latest,
            poll: Rules::default().poll + 2 * latest,
            ..Rules::default()
        }
    }

    fn action(&self, chance: &mut Chance) -> Action<S::Trouble> {
        let key = u32::try_from(chance.below(u64::from(self.keys))).unwrap_or(0);
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
                how: chance.pick(self.family.hows),
            },
            Kind::Trouble => S::trouble(self, process, key, chance),
        }
    }
}

impl<S: Setting> fmt::Display for Schedule<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            family,
            keys,
            ttl,
            grace,
            l1_max_age,
            processes,
            ..
        } = self;
        writeln!(
            f,
            "{processes} processes, {keys} keys, ttl {ttl:?}, grace {grace:?}, L1 {l1_max_age:?}, \
             {:?}",
            family.setting
        )?;
        let mut steps = self.steps.iter();
        steps.try_for_each(|Step { at, action }| writeln!(f, "  {at:>8.3?} {action:?}"))
    }
}
