//! The directory, and the ways of the processes to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachekit_core::backend::Backend;
use cachekit_core::testkit::history::Record;
use cachekit_core::testkit::schedules::{Chance, PausedTime, Store, Told};
use cachekit_file::{Config, FileBackend};
use tempfile::TempDir;

use crate::Schedule;
use crate::clock::Hands;
use crate::trouble::Mishap;
use crate::way::Way;

pub(crate) struct Directory {
    root: TempDir,
    hands: Hands,
    seed: u64,
    latest: Duration,
    state: Mutex<State>,
}

struct State {
    /// By place.
    alive: BTreeMap<usize, Arc<Way>>,
    /// Of processes that do nothing any more, and still have their locks.
    hung: Vec<Arc<FileBackend>>,
    lost: u32,
    chance: Chance,
}

impl Directory {
    pub(crate) fn new(schedule: &Schedule, time: PausedTime) -> Self {
        Self {
            root: TempDir::new().expect("a directory"),
            hands: Hands::new(time),
            seed: schedule.seed,
            latest: schedule.family.latest,
            state: Mutex::new(State {
                alive: BTreeMap::new(),
                hung: Vec::new(),
                lost: 0,
                chance: Chance::new(schedule.seed.reverse_bits()),
            }),
        }
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("entries")
    }

    /// All that is there goes away at once.
    fn vanish(&self) {
        let mut state = self.state();
        state.lost += 1;
        let away = self.root.path().join(format!("lost-{}", state.lost));
        // It is not there if nobody has asked for anything yet.
        let _ = fs::rename(self.path(), away);
    }

    fn lose(&self, told: &Told) {
        let at = self.hands.nanos();
        told.record(Record::NodeLost { at, back: Some(at) });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Directory {
    type Trouble = Mishap;

    fn start(&self, place: usize, number: u32) -> Arc<dyn Backend> {
        let config = Config {
            directory: self.path(),
            ..Config::default()
        };
        let backend = FileBackend::with_clock(config, self.hands.clock());
        let way = Arc::new(Way::new(
            backend.expect("a configuration"),
            self.hands.clone(),
            self.latest,
            self.seed ^ u64::from(number) << 32,
        ));
        self.state().alive.insert(place, Arc::clone(&way));
        way
    }

    /// Half of them only hang for ever: nobody else can tell but by the time.
    fn kill(&self, place: usize) {
        let state = &mut *self.state();
        let backend = state.alive[&place].kill();
        if state.chance.one_in(2) {
            state.hung.extend(backend);
        }
    }

    fn meet(self: &Arc<Self>, mishap: &Mishap, told: &Told) {
        match *mishap {
            Mishap::Stop { process, lasts } => self.state().alive[&process].stop(lasts),
            Mishap::Clear { process } => {
                self.state().alive[&process].clear();
                self.lose(told);
            }
            Mishap::Vanish => {
                self.vanish();
                self.lose(told);
            }
        }
    }
}
