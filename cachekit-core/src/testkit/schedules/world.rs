//! The store, the processes, and what happens to them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep_until;

use super::origin::Origin;
use super::process::Process;
use super::schedule::{Action, Schedule, Setting, Store as _};
use super::time::PausedTime;
use super::told::Told;

pub(super) struct World<S: Setting> {
    schedule: Schedule<S>,
    store: Arc<S::Store>,
    origin: Arc<Origin>,
    pub(super) told: Arc<Told>,
    processes: Mutex<Vec<Process>>,
}

impl<S: Setting> World<S> {
    pub(super) fn new(schedule: &Schedule<S>) -> Self {
        let time = PausedTime::new();
        let told = Arc::new(Told::default());
        let world = Self {
            schedule: schedule.clone(),
            store: Arc::new(S::open(schedule, time)),
            origin: Arc::new(Origin::new(schedule, time, Arc::clone(&told))),
            told,
            processes: Mutex::default(),
        };
        for (place, number) in (0..schedule.processes).zip(0..) {
            let process = world.start(place, number);
            world.processes().push(process);
        }
        world
    }

    fn start(&self, place: usize, number: u32) -> Process {
        let backend = self.store.start(place, number);
        Process::new(number, &self.schedule, &self.origin, backend)
    }

    pub(super) async fn until(&self, at: Duration) {
        sleep_until(self.origin.time.at(at)).await;
    }

    /// Begins `action`.
    pub(super) fn begin(&self, action: &Action<S::Trouble>) {
        match action {
            &Action::Read {
                process,
                key,
                callers,
            } => (0..callers).for_each(|_| self.processes()[process].read(key)),
            &Action::Rush { key } => self.rush(key),
            &Action::Invalidate { process, key, how } => {
                self.processes()[process].invalidate(key, how);
            }
            &Action::Kill { process } => self.kill(process),
            &Action::KillLeader { key } => self.kill_leader(key),
            Action::Trouble(trouble) => self.store.meet(trouble, &self.told),
        }
    }

    /// Every process asks for `key`.
    pub(super) fn rush(&self, key: u32) {
        let mut processes = self.processes();
        processes.iter_mut().for_each(|process| process.read(key));
    }

    fn kill_leader(&self, key: u32) {
        let leader = self.origin.leader(key);
        let place = self
            .processes()
            .iter()
            .position(|one| Some(one.number) == leader);
        if let Some(place) = place {
            self.kill(place);
        }
    }

    /// Kills a process, and starts another in its place.
    fn kill(&self, place: usize) {
        let mut processes = self.processes();
        let next = processes.iter().map(|process| process.number + 1).max();
        processes[place].kill();
        self.store.kill(place);
        processes[place] = self.start(place, next.unwrap_or(0));
    }

    /// Writes down who still waits.
    pub(super) fn end(&self) {
        self.processes().iter().for_each(Process::end);
    }

    fn processes(&self) -> MutexGuard<'_, Vec<Process>> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
