//! A process: its cache, its clock, and its way to the store.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cachekit_core::backend::{Backend, Ttl};
use cachekit_core::cache::{Cache, Function, Policy};
use cachekit_core::clock::{Clock, Time};
use cachekit_core::config::Config;
use cachekit_core::error::Result;
use cachekit_core::testkit::ManualClock;
use tokio::task::JoinHandle;

use crate::bug::Bug;
use crate::family::Topic;
use crate::history::Journal;
use crate::schedule::Schedule;
use crate::wire::{Chances, Store, Wire};

/// The module of the function.
pub(crate) const MODULE: &str = "schedules";
/// Its namespace, in schedules that are about namespaces.
pub(crate) const NAMESPACE: &str = "shop";

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) cache: Cache,
    pub(crate) function: &'static Function,
    pub(crate) wire: Arc<Wire>,
    pub(crate) clock: Arc<WallClock>,
}

/// The time of one process: its wall clock may be set back.
#[derive(Debug)]
pub(crate) struct WallClock {
    time: ManualClock,
    behind_ms: AtomicU64,
}

impl Process {
    pub(crate) fn new(
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
        config.max_computations = schedule.places + usize::from(bug == Some(Bug::OnePlaceMore));
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

/// One function in two releases, each of which has raised its version. Functions are for ever, and
/// learn from their computations: each schedule has its own.
pub(crate) fn releases(schedule: &Schedule) -> &'static [Function] {
    let mut policy = Policy::new()
        .ttl(schedule.ttl)
        .grace(schedule.grace)
        .timeout(schedule.timeout)
        .negative_ttl(schedule.negative_ttl);
    if schedule.stale_while_refresh {
        policy = policy.stale_while_refresh();
    }
    let namespace = match schedule.family.topic {
        Topic::Namespaces => NAMESPACE,
        _ => "",
    };
    let release = |version| {
        Function::new(MODULE, "item")
            .namespace(namespace)
            .version(version)
            .policy(policy)
    };
    Box::leak(Box::new([release(1), release(2)]))
}
