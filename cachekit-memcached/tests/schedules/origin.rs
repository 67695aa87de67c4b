//! The source of truth, and what computations do: they read it at once, and are slow to tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachekit_core::error::Error;
use cachekit_core::testkit::history::Record;
use tokio::time::sleep;

use crate::chance::Chance;
use crate::process::drawn;
use crate::schedule::Schedule;
use crate::time::RuntimeTime;
use crate::told::Told;

/// Why a read failed.
#[derive(Debug)]
pub(crate) struct Failed(Error);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

pub(crate) struct Origin {
    time: RuntimeTime,
    fastest: Duration,
    slowest: Duration,
    told: Arc<Told>,
    state: Mutex<State>,
}

struct State {
    /// The version of each key.
    versions: Vec<u64>,
    /// Who computes what, in the order in which they began.
    open: BTreeMap<u64, (u32, u32)>,
    begun: u64,
    dead: BTreeSet<u32>,
    chance: Chance,
}

impl Origin {
    pub(crate) fn new(schedule: &Schedule, time: RuntimeTime, told: Arc<Told>) -> Self {
        Self {
            time,
            fastest: schedule.family.fastest,
            slowest: schedule.family.slowest,
            told,
            state: Mutex::new(State {
                versions: vec![1; schedule.keys as usize],
                open: BTreeMap::new(),
                begun: 0,
                dead: BTreeSet::new(),
                chance: Chance::new(!schedule.seed),
            }),
        }
    }

    /// Changes what `key` is, and says to which version.
    pub(crate) fn raise(&self, key: u32) -> u64 {
        let version = &mut self.state().versions[key as usize];
        *version += 1;
        *version
    }

    /// Which process computes `key`.
    pub(crate) fn leader(&self, key: u32) -> Option<u32> {
        let state = self.state();
        let leader = state.open.values().find(|(_, of)| *of == key);
        leader.map(|(process, _)| *process)
    }

    /// A process that was killed asks for nothing any more, and is told nothing.
    pub(crate) fn killed(&self, process: u32) {
        self.state().dead.insert(process);
    }

    /// What `process` does to compute `key`.
    pub(crate) async fn compute(self: Arc<Self>, process: u32, key: u32) -> Result<u64, Failed> {
        if self.is_dead(process) {
            pending::<()>().await;
        }
        let mut computing = Computing::begin(&self, process, key);
        let more = self.slowest - self.fastest;
        let takes = self.fastest + drawn(more, &mut self.state().chance);
        sleep(takes).await;
        if self.is_dead(process) {
            pending::<()>().await;
        }
        computing.ended = Some(self.time.nanos());
        Ok(computing.version)
    }

    fn is_dead(&self, process: u32) -> bool {
        self.state().dead.contains(&process)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One computation: it is written down when it ends, however it ends.
struct Computing {
    origin: Arc<Origin>,
    number: u64,
    process: u32,
    key: u32,
    version: u64,
    began: u64,
    ended: Option<u64>,
}

impl Computing {
    fn begin(origin: &Arc<Origin>, process: u32, key: u32) -> Self {
        let mut state = origin.state();
        state.begun += 1;
        let number = state.begun;
        state.open.insert(number, (process, key));
        Self {
            origin: Arc::clone(origin),
            number,
            process,
            key,
            version: state.versions[key as usize],
            began: origin.time.nanos(),
            ended: None,
        }
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        self.origin.state().open.remove(&self.number);
        self.origin.told.record(Record::Computation {
            process: self.process,
            key: self.key,
            began: self.began,
            ended: self.ended,
            version: self.version,
        });
    }
}
