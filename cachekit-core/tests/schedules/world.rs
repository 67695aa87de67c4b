//! Processes, what lies between them and the store, and the source of truth.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachekit_core::backend::{Backend, Ttl};
use cachekit_core::cache::{
    Arguments, Cache, Call, ErrorProbe, Function, Key, Kind, OfResult, PlainResult, Policy, Probe,
    SayFrom, ShareClone, Tags, Voice,
};
use cachekit_core::clock::{Clock, Time};
use cachekit_core::config::Config;
use cachekit_core::error::{Error, Result};
use cachekit_core::testkit::{FaultyBackend, ManualClock, ReferenceBackend};
use tokio::task::JoinHandle;

use crate::history::{ComputationEnd, Event, Journal, Outcome, Value};
use crate::schedule::{Operation, Origin, Schedule, tag_of};
use crate::wire::{Bug, Chances, Store, Wire};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) journal: Arc<Journal>,
    pub(crate) store: Arc<Store>,
    pub(crate) processes: Vec<Process>,
    tagged: bool,
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
            tagged: schedule.tagged,
            truth: Mutex::new(vec![0; usize::from(schedule.keys)]),
        })
    }

    /// Raises the version of each key that `operation` writes; to which.
    pub(crate) fn raise(&self, operation: &Operation) -> Vec<(u8, u32)> {
        let mut truth = self.truth();
        let keys = u8::try_from(truth.len()).expect("a few keys");
        let raise = |key| {
            let version = &mut truth[usize::from(key)];
            *version += 1;
            (key, *version)
        };
        operation.writes(keys).into_iter().map(raise).collect()
    }

    fn truth(&self) -> MutexGuard<'_, Vec<u32>> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn perform(
        self: Arc<Self>,
        call: usize,
        process: usize,
        operation: Operation,
        writes: Vec<(u8, u32)>,
    ) -> Outcome {
        let cache = &self.processes[process].cache;
        let key = |key| self.annotated(process, key).key();
        let done = |result: Result<()>| result.map_or(Outcome::Failed, |()| Outcome::Done);
        match operation {
            Operation::Compute {
                key,
                detached,
                origin,
            } => {
                let compute = Box::pin(Arc::clone(&self).compute(call, key, origin));
                let computed = self.annotated(process, key).run(detached, compute).await;
                found(&[key], [computed.map(Some)])
            }
            Operation::Get { key: of } => found(&[of], [cache.get(&key(of)).await]),
            Operation::GetMany { keys } => {
                let asked: Vec<Key<Value>> = keys.iter().map(|of| key(*of)).collect();
                found(&keys, cache.get_many(&asked).await)
            }
            Operation::Set { key } => {
                let set = Value {
                    key,
                    version: writes[0].1,
                    set: true,
                };
                done(self.annotated(process, key).set(set).await)
            }
            Operation::Expire { key: of } => done(cache.expire(&key(of)).await),
            Operation::Remove { key: of } => done(cache.remove(&key(of)).await),
            Operation::RemoveTag { tag } => done(cache.remove_tag(&tag.to_string()).await),
        }
    }

    fn annotated(&self, process: usize, key: u8) -> Annotated<'_> {
        let Process {
            cache, function, ..
        } = &self.processes[process];
        Annotated {
            cache,
            function,
            key,
            tagged: self.tagged,
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

type Computed = std::result::Result<Value, OriginFailed>;

type Compute = Pin<Box<dyn Future<Output = Computed> + Send>>;

/// A call as an annotated function makes it, and without tags also as a caller of the cache does.
struct Annotated<'a> {
    cache: &'a Cache,
    function: &'static Function,
    key: u8,
    tagged: bool,
}

impl<'a> Annotated<'a> {
    async fn run(self, detached: bool, compute: Compute) -> Computed {
        let probe = ErrorProbe::new(kind());
        let voice = Voice::new((&&&probe).share(), (&probe).say());
        let call = self.call(kind());
        match (detached, self.tagged) {
            (true, _) => call.run_detached(None, |_| false, voice, compute).await,
            (false, true) => call.run_inline(None, |_| false, voice, compute).await,
            (false, false) => self.cache.get_or_compute(&self.key(), || compute).await,
        }
    }

    async fn set(self, value: Value) -> Result<()> {
        if self.tagged {
            self.call(kind()).prime(None, |_| false, Ok(value)).await
        } else {
            self.cache.set(&self.key(), value).await
        }
    }

    fn key(&self) -> Key<Value> {
        let arguments = arguments(self.function, self.key);
        arguments.into_key().expect("a number is a key")
    }

    fn call<K: Kind>(&self, kind: K) -> Call<'a, K> {
        let mut tags = Tags::new();
        if self.tagged {
            tags.push(&tag_of(self.key).to_string());
        }
        Call::new(kind, self.cache, arguments(self.function, self.key)).tags(tags)
    }
}

fn kind() -> PlainResult<Value, OriginFailed> {
    (&&Probe::<Computed>::new()).kind()
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
        let version = world.truth()[usize::from(key)];
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
