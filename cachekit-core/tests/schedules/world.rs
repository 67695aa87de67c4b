//! Processes, what lies between them and the store, and the source of truth.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachekit_core::backend::{Backend, Ttl};
use cachekit_core::cache::{
    Arguments, Cache, Call, ErrorProbe, Function, Key, OfResult, Policy, Probe, SayFrom,
    ShareClone, Voice,
};
use cachekit_core::clock::{Clock, Time};
use cachekit_core::config::Config;
use cachekit_core::error::{Error, Result};
use cachekit_core::testkit::{FaultyBackend, ManualClock, ReferenceBackend};
use tokio::task::JoinHandle;

use crate::history::{ComputationEnd, Event, Journal, Outcome, Value};
use crate::schedule::{Operation, Origin, Schedule};
use crate::wire::{Bug, Chances, Store, Wire};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) journal: Arc<Journal>,
    pub(crate) store: Arc<Store>,
    pub(crate) processes: Vec<Process>,
    /// The version of each key.
    truth: Mutex<Vec<u32>>,
}

#[derive(Debug)]
pub(crate) struct Process {
    cache: Cache,
    function: &'static Function,
    pub(crate) wire: Arc<Wire>,
    pub(crate) clock: Arc<WallClock>,
}

/// The time of one process: its wall clock may be set back.
#[derive(Debug)]
pub(crate) struct WallClock {
    time: ManualClock,
    behind_ms: AtomicU64,
}

/// Why a computation failed.
#[derive(Clone, Debug)]
struct OriginFailed;

/// What is ours is told, too.
impl From<Error> for OriginFailed {
    fn from(_: Error) -> Self {
        Self
    }
}

impl World {
    pub(crate) fn new(schedule: &Schedule, bug: Option<Bug>) -> Arc<Self> {
        let time = ManualClock::new();
        let journal = Arc::new(Journal::new(time.clone()));
        let reference = ReferenceBackend::new(time.clock());
        let store = Arc::new(FaultyBackend::new(
            reference,
            schedule.faults(),
            time.clock(),
        ));
        let releases = releases(schedule);
        let processes = (0..schedule.processes.len())
            .map(|number| Process::new(schedule, number, bug, releases, &store, &journal))
            .collect();
        Arc::new(Self {
            journal,
            store,
            processes,
            truth: Mutex::new(vec![0; usize::from(schedule.keys)]),
        })
    }

    /// The version of `key`, raised before where somebody writes.
    pub(crate) fn truth(&self, key: u8, raise: bool) -> u32 {
        let mut truth = self.truth.lock().unwrap_or_else(PoisonError::into_inner);
        let version = &mut truth[usize::from(key)];
        *version += u32::from(raise);
        *version
    }

    pub(crate) async fn perform(
        self: Arc<Self>,
        call: usize,
        process: usize,
        operation: Operation,
        truth: u32,
    ) -> Outcome {
        let Process {
            cache, function, ..
        } = &self.processes[process];
        let key = |key: u8| -> Key<Value> { arguments(function, key).into_key().expect("a key") };
        let done = |result: Result<()>| result.map_or(Outcome::Failed, |()| Outcome::Done);
        match operation {
            Operation::Compute {
                key: of,
                detached,
                origin,
            } => {
                let compute = Arc::clone(&self).compute(call, of, origin);
                let computed = if detached {
                    compute_detached(cache, function, of, Box::pin(compute)).await
                } else {
                    cache.get_or_compute(&key(of), || compute).await
                };
                found(&[of], [computed.map(Some)])
            }
            Operation::Get { key: of } => found(&[of], [cache.get(&key(of)).await]),
            Operation::GetMany { keys } => {
                let asked: Vec<Key<Value>> = keys.iter().map(|of| key(*of)).collect();
                found(&keys, cache.get_many(&asked).await)
            }
            Operation::Set { key: of } => {
                let value = Value {
                    key: of,
                    version: truth,
                    set: true,
                };
                done(cache.set(&key(of), value).await)
            }
            Operation::Expire { key: of } => done(cache.expire(&key(of)).await),
            Operation::Remove { key: of } => done(cache.remove(&key(of)).await),
        }
    }

    /// Reads the source of truth at once, and may be slow to tell.
    async fn compute(
        self: Arc<Self>,
        call: usize,
        key: u8,
        origin: Origin,
    ) -> std::result::Result<Value, OriginFailed> {
        let mut computing = Computing::begin(&self, call, key);
        let clock = self.journal.clock.clock();
        match origin {
            Origin::Answers { after } => {
                clock.sleep(after).await;
                computing.end = ComputationEnd::Value;
                Ok(computing.value)
            }
            Origin::Fails { after } => {
                clock.sleep(after).await;
                computing.end = ComputationEnd::Failed;
                Err(OriginFailed)
            }
            Origin::Panics { after } => {
                clock.sleep(after).await;
                computing.end = ComputationEnd::Panicked;
                drop(computing);
                resume_unwind(Box::new("the origin panics")) // without a word on stderr
            }
            Origin::Never => std::future::pending().await,
        }
    }
}

/// One function in two releases, each of which has raised its version. Functions are for ever, and
/// learn from their computations: each schedule has its own.
fn releases(schedule: &Schedule) -> &'static [Function] {
    let mut policy = Policy::new()
        .ttl(schedule.ttl)
        .grace(schedule.grace)
        .timeout(schedule.timeout);
    if schedule.stale_while_refresh {
        policy = policy.stale_while_refresh();
    }
    let release = |version| {
        Function::new("schedules", "item")
            .version(version)
            .policy(policy)
    };
    Box::leak(Box::new([release(1), release(2)]))
}

fn arguments(function: &'static Function, key: u8) -> Arguments {
    let mut arguments = Arguments::readable(function);
    arguments.placeholder(&key);
    arguments
}

async fn compute_detached(
    cache: &Cache,
    function: &'static Function,
    key: u8,
    compute: Pin<Box<dyn Future<Output = std::result::Result<Value, OriginFailed>> + Send>>,
) -> std::result::Result<Value, OriginFailed> {
    let kind = (&&Probe::<std::result::Result<Value, OriginFailed>>::new()).kind();
    let probe = ErrorProbe::new(kind);
    let voice = Voice::new((&&&probe).share(), (&probe).say());
    Call::new(kind, cache, arguments(function, key))
        .run_detached(None, |_| false, voice, compute)
        .await
}

/// What was found under `keys`. Keys whose read failed say nothing; if all did, the call failed.
fn found<E>(
    keys: &[u8],
    results: impl IntoIterator<Item = std::result::Result<Option<Value>, E>>,
) -> Outcome {
    let results = keys.iter().copied().zip(results);
    let values: Vec<_> = results
        .filter_map(|(key, result)| Some((key, result.ok()?)))
        .collect();
    if values.is_empty() {
        Outcome::Failed
    } else {
        Outcome::Values(values)
    }
}

impl Process {
    fn new(
        schedule: &Schedule,
        number: usize,
        bug: Option<Bug>,
        releases: &'static [Function],
        store: &Arc<Store>,
        journal: &Arc<Journal>,
    ) -> Self {
        let plan = &schedule.processes[number];
        let wire = Arc::new(Wire {
            process: number,
            store: Arc::clone(store),
            journal: Arc::clone(journal),
            chances: Chances::new(schedule.seed ^ ((number as u64 + 1) << 32)),
            slow: schedule.family.slow,
            cut: AtomicBool::new(false),
            bug,
        });
        let clock = Arc::new(WallClock {
            time: journal.clock.clone(),
            behind_ms: AtomicU64::new(0),
        });
        let mut config = Config::default();
        config.default_ttl = Ttl::new(schedule.ttl).expect("a ttl");
        config.l1.enabled = plan.l1_max_age.is_some();
        config.l1.max_age = plan.l1_max_age.unwrap_or_default();
        config.l1.max_entries = 64;
        let mut builder = Cache::builder()
            .config(config)
            .clock(Clock::with_time(Arc::clone(&clock) as Arc<dyn Time>));
        if schedule.family.shared {
            builder = builder.backend(Arc::clone(&wire) as Arc<dyn Backend>);
        }
        Self {
            cache: builder.build(),
            function: &releases[plan.release],
            wire,
            clock,
        }
    }
}

impl WallClock {
    pub(crate) fn step_back(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).expect("a short step");
        self.behind_ms.fetch_add(by, Ordering::SeqCst);
    }
}

impl Time for WallClock {
    fn monotonic_ms(&self) -> u64 {
        self.time.monotonic_ms()
    }

    fn unix_ms(&self) -> u64 {
        let behind_ms = self.behind_ms.load(Ordering::SeqCst);
        self.time.unix_ms().saturating_sub(behind_ms)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.time.sleep(duration)
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> Result<JoinHandle<()>> {
        self.time.spawn(task)
    }
}

/// One computation: it writes into the history when it ends, however it ends.
struct Computing {
    world: Arc<World>,
    call: usize,
    value: Value,
    end: ComputationEnd,
}

impl Computing {
    fn begin(world: &Arc<World>, call: usize, key: u8) -> Self {
        let version = world.truth(key, false);
        world.journal.write(Event::Computing { call, key, version });
        Self {
            world: Arc::clone(world),
            call,
            value: Value {
                key,
                version,
                set: false,
            },
            end: ComputationEnd::Cancelled,
        }
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        let (call, end) = (self.call, self.end);
        self.world.journal.write(Event::Computed { call, end });
    }
}
