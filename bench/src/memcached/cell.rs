//! One contender in one case, once: a process of its own.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::Failed;
use crate::cells::histogram::Histogram;
use crate::cells::machine::{self, Place, Usage};
use crate::cells::{FOREIGN, Figures, RATE, blocking};
use crate::memcached::caller::{Caller, Gate, Load, work};
use crate::memcached::leads;
use crate::memcached::limits::{multi_get, one_by_one, pipelined};
use crate::memcached::peers::{async_memcached, cachekit_rs, mcmc, memcache, memcache_async};
use crate::memcached::who::Who;
use crate::memcached::{ours, trials};

pub(super) const CLIENT: &str = "client µs";
pub(super) const SERVER: &str = "server µs";

/// Callers may take so long to end after the last call that is counted.
const END: Duration = Duration::from_secs(10);

/// What a process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cell {
    pub(super) who: Who,
    pub(super) place: Place,
    pub(super) work: Work,
    /// Addresses of the servers, and their processes.
    pub(super) servers: Vec<String>,
    pub(super) processes: Vec<u32>,
    /// Seconds before it counts, and while it does.
    pub(super) warm_up: f64,
    pub(super) measured: f64,
    /// Whether this is to see that it runs, and not for its figures.
    pub(super) quick: bool,
}

/// What a cell does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Work {
    /// The same calls all the time.
    Load(Load),
    /// Small values while large ones flow.
    Mixed,
    /// One of four servers is killed.
    Killed,
    /// One of four servers stands still for a while.
    Stopped,
    /// Many calls, some of which are given up.
    Memory,
    /// Reads of what is computed anew all the time.
    Refresh,
}

impl Cell {
    /// Runs in this process.
    pub(super) fn run(&self) -> Result<Figures, Failed> {
        machine::allow_many_files()?;
        self.place.take_client()?;
        match self.work {
            Work::Load(load) => self.load(load),
            Work::Mixed => trials::mixed::run(self),
            Work::Killed => trials::killed::run(self),
            Work::Stopped => trials::stopped::run(self),
            Work::Memory => trials::memory::run(self),
            Work::Refresh => leads::refresh::run(self),
        }
    }

    fn load(&self, load: Load) -> Result<Figures, Failed> {
        let servers = &self.servers[..];
        let (first, count) = (&servers[0], load.callers);
        match self.who {
            Who::Plain => self.tasks(load, ours::callers(servers, 1, count)),
            Who::Value => self.tasks(load, leads::callers::of_values(servers, count)),
            Who::Lead => self.tasks(load, leads::callers::of_leads(servers, count)),
            Who::Cache => self.tasks(load, leads::callers::of_cache(servers, count)),
            Who::Ours { clients } => self.tasks(load, ours::callers(servers, clients, count)),
            Who::AsyncMemcachedPool => self.tasks(load, async_memcached::pooled(first, count)),
            Who::AsyncMemcachedOwn => self.tasks(load, async_memcached::own(first, count)),
            Who::MemcacheAsync => self.tasks(load, memcache_async::own(first, count)),
            Who::Mcmc => self.tasks(load, mcmc::own(first, count)),
            Who::MemcacheExpAsync => self.tasks(load, memcache::asynchronous(servers, count)),
            Who::CachekitRs => self.tasks(load, cachekit_rs::shared(first, count)),
            Who::MemcacheExp => self.threads(load, memcache::blocking(servers, count)?),
            Who::MemcacheR2d2 => self.threads(load, memcache::r2d2(servers, count)?),
            Who::OneByOne => self.threads(load, one_by_one::own(first, count)?),
            Who::MultiGet => self.threads(load, multi_get::own(first, count)?),
            Who::Pipelined => self.pipelined(load),
            Who::CacheL1 | Who::TwoSockets | Who::Pymemcache | Who::Pylibmc => {
                Err("no such cell".into())
            }
        }
    }

    /// Each caller a task.
    fn tasks<C: Caller>(
        &self,
        load: Load,
        callers: impl Future<Output = Result<Vec<C>, Failed>>,
    ) -> Result<Figures, Failed> {
        self.runtime()?.block_on(async {
            let gate = Gate::new(load.callers, load.size);
            let callers = callers.await?.into_iter().enumerate();
            let tasks = callers
                .map(|(index, caller)| tokio::spawn(work(caller, index, load, Arc::clone(&gate))));
            let tasks = tasks.collect();
            self.measure(&[gate], tasks).await
        })
    }

    /// Closes the `gates` when it is time; figures are those of the first.
    pub(super) async fn measure(
        &self,
        gates: &[Arc<Gate>],
        tasks: Vec<JoinHandle<Result<Histogram, Failed>>>,
    ) -> Result<Figures, Failed> {
        machine::pass(Duration::from_secs_f64(self.warm_up)).await;
        let measured = Measured::begin(gates, &self.processes);
        machine::pass(Duration::from_secs_f64(self.measured)).await;
        let mut figures = measured.end();
        let mut times = Histogram::default();
        tokio::time::timeout(END, async {
            for task in tasks {
                times.add(&task.await??);
            }
            Ok::<_, Failed>(())
        })
        .await??;
        figures.extend(times.figures());
        Ok(figures)
    }

    /// Each caller a thread.
    fn threads<C: Caller>(&self, load: Load, callers: Vec<C>) -> Result<Figures, Failed> {
        let gate = Gate::new(load.callers, load.size);
        let callers = callers.into_iter().enumerate();
        let threads: Vec<_> = callers
            .map(|(index, caller)| {
                let gate = Arc::clone(&gate);
                thread::spawn(move || blocking(work(caller, index, load, gate)))
            })
            .collect();
        let mut figures = self.measure_here(&gate);
        let mut times = Histogram::default();
        for thread in threads {
            times.add(&thread.join().map_err(|_| "a caller panicked")??);
        }
        figures.extend(times.figures());
        Ok(figures)
    }

    fn pipelined(&self, load: Load) -> Result<Figures, Failed> {
        let gate = Gate::new(1, load.size);
        thread::scope(|scope| {
            let sockets = scope.spawn(|| pipelined::run(&self.servers[0], load.size, &gate));
            let figures = self.measure_here(&gate);
            sockets.join().map_err(|_| "the sockets panicked")??;
            Ok(figures)
        })
    }

    fn measure_here(&self, gate: &Arc<Gate>) -> Figures {
        pause(self.warm_up);
        let measured = Measured::begin(std::slice::from_ref(gate), &self.processes);
        pause(self.measured);
        measured.end()
    }

    /// One thread where that has a core, otherwise two workers.
    pub(super) fn runtime(&self) -> Result<Runtime, Failed> {
        let mut builder = match self.place {
            Place::Pinned => Builder::new_current_thread(),
            Place::Free => Builder::new_multi_thread(),
        };
        if self.place == Place::Free {
            builder.worker_threads(2);
        }
        Ok(builder.enable_all().build()?)
    }
}

fn pause(seconds: f64) {
    let end = machine::now() + Duration::from_secs_f64(seconds);
    while let Some(left) = end
        .checked_duration_since(machine::now())
        .filter(|left| !left.is_zero())
    {
        thread::park_timeout(left);
    }
}

/// What is being measured.
struct Measured<'a> {
    gates: &'a [Arc<Gate>],
    processes: &'a [u32],
    before: Usage,
    calls: Vec<u64>,
}

impl<'a> Measured<'a> {
    fn begin(gates: &'a [Arc<Gate>], processes: &'a [u32]) -> Self {
        gates.iter().for_each(|gate| gate.measure());
        Self {
            gates,
            processes,
            before: Usage::now(processes),
            calls: gates.iter().map(|gate| gate.calls()).collect(),
        }
    }

    fn end(self) -> Figures {
        let calls: Vec<_> = self.gates.iter().map(|gate| gate.calls()).collect();
        let spent = Usage::now(self.processes).since(self.before);
        self.gates.iter().for_each(|gate| gate.close());
        let calls = calls.iter().zip(&self.calls);
        let calls: Vec<_> = calls
            .map(|(after, before)| (after - before) as f64)
            .collect();
        let each = |time: Duration| time.as_secs_f64() * 1e6 / calls[0].max(1.0);
        let rate = |calls: f64| calls / spent.elapsed.as_secs_f64();
        let mut figures = Figures::from([
            (RATE.to_owned(), rate(calls[0])),
            (CLIENT.to_owned(), each(spent.client)),
            (SERVER.to_owned(), each(spent.servers)),
            (FOREIGN.to_owned(), spent.foreign),
        ]);
        let large = calls
            .get(1)
            .map(|&calls| (trials::mixed::LARGE.to_owned(), rate(calls)));
        figures.extend(large);
        figures
    }
}
