//! The servers, the processes, and what happens to them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachekit_core::testkit::history::Record;
use cachekit_memcached::testkit::{MemoryServer, Options};
use tokio::time::{sleep, sleep_until};

use crate::bug::Bug;
use crate::origin::Origin;
use crate::process::Process;
use crate::schedule::{Action, How, Schedule};
use crate::time::RuntimeTime;
use crate::told::Told;

/// By which keys are placed on the servers.
const NAMES: [&str; 3] = ["a", "b", "c"];

pub(crate) struct World {
    schedule: Schedule,
    bug: Option<Bug>,
    time: RuntimeTime,
    servers: Vec<MemoryServer>,
    origin: Arc<Origin>,
    pub(crate) told: Arc<Told>,
    processes: Mutex<Vec<Process>>,
}

impl World {
    pub(crate) fn new(schedule: &Schedule, bug: Option<Bug>) -> Arc<Self> {
        let time = RuntimeTime::new();
        let told = Arc::new(Told::default());
        let names = NAMES[..schedule.servers].iter();
        let world = Self {
            schedule: schedule.clone(),
            bug,
            time,
            servers: names
                .map(|name| MemoryServer::start(name, Options::default()))
                .collect(),
            origin: Arc::new(Origin::new(schedule, time, Arc::clone(&told))),
            told,
            processes: Mutex::default(),
        };
        for number in 0..schedule.processes {
            let process = world.start(u32::try_from(number).expect("a few"));
            world.processes().push(process);
        }
        Arc::new(world)
    }

    fn start(&self, number: u32) -> Process {
        Process::start(number, &self.schedule, &self.servers, self.time, self.bug)
    }

    pub(crate) async fn until(&self, at: Duration) {
        sleep_until(self.time.at(at)).await;
    }

    /// Begins `action`.
    pub(crate) fn begin(self: &Arc<Self>, action: &Action) {
        match *action {
            Action::Read {
                process,
                key,
                callers,
            } => (0..callers).for_each(|_| self.read(process, key)),
            Action::Rush { key } => self.rush(key),
            Action::Invalidate { process, key, how } => self.invalidate(process, key, how),
            Action::Kill { process } => self.kill(process),
            Action::KillLeader { key } => self.kill_leader(key),
            Action::HangUp { process, server } => {
                self.lose(Duration::ZERO);
                self.processes()[process].ways[server].hang_up();
            }
            Action::Cut {
                process,
                server,
                lasts,
            } => self.cut(process, server, lasts),
            Action::Restart { server, down } => self.restart(server, down),
        }
    }

    /// Every process asks for `key`.
    pub(crate) fn rush(self: &Arc<Self>, key: u32) {
        (0..self.schedule.processes).for_each(|process| self.read(process, key));
    }

    fn read(&self, place: usize, key: u32) {
        let mut processes = self.processes();
        let process = &mut processes[place];
        let (number, cache, of) = (process.number, process.cache.clone(), process.key(key));
        let (time, told) = (self.time, Arc::clone(&self.told));
        let compute = Arc::clone(&self.origin).compute(number, key);
        process.call(async move {
            let began = time.nanos();
            let outcome = cache.get_or_spawn(&of, compute).await;
            let ended = time.nanos();
            match outcome {
                Ok(version) => told.record(Record::Read {
                    process: number,
                    key,
                    began,
                    ended,
                    version,
                    stale: false,
                }),
                Err(why) => told.failed(format!("{ended}: process {number}, key {key}: {why}")),
            }
        });
    }

    fn invalidate(&self, place: usize, key: u32, how: How) {
        let mut processes = self.processes();
        let process = &mut processes[place];
        let (cache, of) = (process.cache.clone(), process.key(key));
        let mut invalidation = Invalidation {
            told: Arc::clone(&self.told),
            key,
            version: self.origin.raise(key),
            began: self.time.nanos(),
            ended: None,
        };
        let time = self.time;
        process.call(async move {
            let outcome = match how {
                How::Remove => cache.remove(&of).await,
                How::Expire => cache.expire(&of).await,
            };
            if outcome.is_ok() {
                invalidation.succeeded(time);
            }
        });
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
        let numbers = processes.iter().map(|process| process.number);
        let next = numbers.max().expect("there are some") + 1;
        let process = std::mem::replace(&mut processes[place], self.start(next));
        self.told.record(Record::Killed {
            process: process.number,
            at: self.time.nanos(),
        });
        self.origin.killed(process.number);
        process.kill();
    }

    fn cut(self: &Arc<Self>, place: usize, server: usize, lasts: Duration) {
        self.lose(lasts);
        self.processes()[place].ways[server].cut(true);
        let world = Arc::clone(self);
        tokio::spawn(async move {
            sleep(lasts).await;
            world.processes()[place].ways[server].cut(false);
        });
    }

    fn restart(self: &Arc<Self>, server: usize, down: Duration) {
        self.lose(down);
        self.servers[server].kill();
        let world = Arc::clone(self);
        tokio::spawn(async move {
            sleep(down).await;
            world.servers[server].restart();
        });
    }

    /// To some, a server is lost for so long.
    fn lose(&self, lasts: Duration) {
        let at = self.time.nanos();
        let lasts = u64::try_from(lasts.as_nanos()).expect("not for long");
        self.told.record(Record::NodeLost {
            at,
            back: Some(at + lasts),
        });
    }

    /// Writes down who still waits.
    pub(crate) fn end(&self) {
        for process in self.processes().iter() {
            let open = process.open_calls();
            if open > 0 {
                let number = process.number;
                self.told
                    .failed(format!("process {number}: {open} calls never ended"));
            }
        }
    }

    fn processes(&self) -> MutexGuard<'_, Vec<Process>> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One invalidation: it is written down when it ends, however it ends.
struct Invalidation {
    told: Arc<Told>,
    key: u32,
    version: u64,
    began: u64,
    ended: Option<u64>,
}

impl Invalidation {
    fn succeeded(&mut self, time: RuntimeTime) {
        self.ended = Some(time.nanos());
    }
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        self.told.record(Record::Invalidation {
            key: self.key,
            began: self.began,
            ended: self.ended,
            version: self.version,
        });
    }
}
