//! The source of truth, and what computations do: they read it at once, and are slow to tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};
use tokio::time::sleep;

use super::chance::Chance;
use super::schedule::{Schedule, Setting};
use super::time::PausedTime;
use super::told::Told;
use crate::error::Error;
use crate::testkit::history::Record;

/// Why a read failed.
#[derive(Debug)]
pub(super) struct Failed(Error);

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

#[derive(Debug)]
pub(super) struct Origin {
    pub(super) time: PausedTime,
    pub(super) told: Arc<Told>,
    fastest: Duration,
    slowest: Duration,
    /// For each key, who writes it.
    writers: Vec<AsyncMutex<()>>,
    state: Mutex<State>,
}

#[derive(Debug)]
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
    pub(super) fn new<S: Setting>(
        schedule: &Schedule<S>,
        time: PausedTime,
        told: Arc<Told>,
    ) -> Self {
        Self {
            time,
            told,
            fastest: schedule.family.fastest,
            slowest: schedule.family.slowest,
            writers: (0..schedule.keys).map(|_| AsyncMutex::default()).collect(),
            state: Mutex::new(State {
                versions: vec![1; schedule.keys as usize],
                open: BTreeMap::new(),
                begun: 0,
                dead: BTreeSet::new(),
                chance: Chance::new(!schedule.seed),
            }),
        }
    }

    /// One writer of `key` after the other: two that write a cache at once could do so in either
    /// order.
    pub(super) async fn write(&self, key: u32) -> AsyncMutexGuard<'_, ()> {
        self.writers[key as usize].lock().await
    }

    /// Changes what `key` is, and says to which version.
    pub(super) fn raise(&self, key: u32) -> u64 {
        let version = &mut self.state().versions[key as usize];
        *version += 1;
        *version
    }

    /// Which process computes `key`.
    pub(super) fn leader(&self, key: u32) -> Option<u32> {
        let state = self.state();
        let leader = state.open.values().find(|(_, of)| *of == key);
        leader.map(|(process, _)| *process)
    }

    /// A process that was killed asks for nothing any more, and is told nothing.
    pub(super) fn killed(&self, process: u32) {
        self.state().dead.insert(process);
    }

    /// What `process` does to compute `key`.
    pub(super) async fn compute(self: Arc<Self>, process: u32, key: u32) -> Result<u64, Failed> {
        if self.is_dead(process) {
            pending::<()>().await;
        }
        let mut computing = Computing::begin(&self, process, key);
        let more = self.slowest - self.fastest;
        let takes = self.fastest + self.state().chance.duration(more);
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
