//! The servers, the ways of the processes to them, and what happens to both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachekit_core::backend::Backend;
use cachekit_core::testkit::history::Record;
use cachekit_core::testkit::schedules::{
    Action, Chance, Judged, PausedTime, Setting, Store, Told, Whole,
};
use cachekit_memcached::testkit::{MemoryServer, Options, Way, seed_jitter};
use cachekit_memcached::{Config, Memcached};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use crate::Schedule;
use crate::judge;

/// By which keys are placed on the servers.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// How many servers there are, and what may go wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Servers {
    /// In a family: at most.
    pub(crate) count: usize,
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

#[derive(Clone, Debug)]
pub(crate) enum Loss {
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

impl Setting for Servers {
    type Trouble = Loss;
    type Store = Network;

    fn drawn(self, chance: &mut Chance) -> Self {
        Self {
            count: 1 + chance.index(self.count),
            ..self
        }
    }

    fn trouble(schedule: &Schedule, process: usize, key: u32, chance: &mut Chance) -> Action<Loss> {
        let servers = schedule.family.setting;
        let server = chance.index(servers.count);
        let lasts = Duration::from_millis(chance.below(8_000));
        match servers.trouble {
            Trouble::None | Trouble::Late => Action::Rush { key },
            Trouble::Deaths if chance.one_in(4) => Action::Kill { process },
            Trouble::Deaths => Action::KillLeader { key },
            Trouble::Losses if chance.one_in(2) => {
                Action::Trouble(Loss::HangUp { process, server })
            }
            Trouble::Losses => Action::Trouble(Loss::Cut {
                process,
                server,
                lasts,
            }),
            Trouble::Restarts => Action::Trouble(Loss::Restart {
                server,
                down: lasts,
            }),
        }
    }

    fn open(schedule: &Schedule, time: PausedTime) -> Network {
        seed_jitter(schedule.seed);
        let Self { count, .. } = schedule.family.setting;
        let start = |name: &&str| MemoryServer::start(name, Options::default());
        Network {
            time,
            seed: schedule.seed,
            latest: schedule.family.latest,
            servers: NAMES[..count].iter().map(start).collect(),
            ways: Mutex::new((0..schedule.processes).map(|_| Vec::new()).collect()),
        }
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

/// The servers, and for each process its ways to them.
pub(crate) struct Network {
    time: PausedTime,
    seed: u64,
    latest: Duration,
    servers: Vec<MemoryServer>,
    ways: Mutex<Vec<Vec<Way>>>,
}

impl Store for Network {
    type Trouble = Loss;

    fn start(&self, place: usize, number: u32) -> Arc<dyn Backend> {
        let ways: Vec<Way> = self.servers.iter().map(MemoryServer::way).collect();
        for (server, way) in ways.iter().enumerate() {
            let mixed = u64::from(number) << 32 | server as u64;
            let (latest, mut chance) = (self.latest, Chance::new(self.seed ^ mixed));
            // Seldom as long as it may.
            way.delay(move || chance.duration(latest));
        }
        let config = Config::of_servers(ways.iter().map(Way::address)).expect("addresses");
        let backend = Memcached::new(config).expect("a configuration");
        self.ways()[place] = ways;
        Arc::new(backend)
    }

    fn kill(&self, place: usize) {
        for way in &self.ways()[place] {
            way.cut(true);
            way.hang_up();
        }
    }

    fn meet(self: &Arc<Self>, loss: &Loss, told: &Told) {
        match *loss {
            Loss::HangUp { process, server } => {
                self.lose(Duration::ZERO, told);
                self.ways()[process][server].hang_up();
            }
            Loss::Cut {
                process,
                server,
                lasts,
            } => {
                self.lose(lasts, told);
                self.ways()[process][server].cut(true);
                self.after(lasts, move |network| {
                    network.ways()[process][server].cut(false);
                });
            }
            Loss::Restart { server, down } => {
                self.lose(down, told);
                self.servers[server].kill();
                self.after(down, move |network| network.servers[server].restart());
            }
        }
    }
}

impl Network {
    fn after(self: &Arc<Self>, time: Duration, happens: impl FnOnce(&Self) + Send + 'static) {
        let network = Arc::clone(self);
        tokio::spawn(async move {
            sleep(time).await;
            happens(&network);
        });
    }

    /// To some, a server is lost for so long.
    fn lose(&self, lasts: Duration, told: &Told) {
        let at = self.time.nanos();
        let lasts = u64::try_from(lasts.as_nanos()).expect("not for long");
        told.record(Record::NodeLost {
            at,
            back: Some(at + lasts),
        });
    }

    fn ways(&self) -> MutexGuard<'_, Vec<Vec<Way>>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
