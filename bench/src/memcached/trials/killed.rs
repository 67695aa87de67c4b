//! One of four servers is killed under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cachekit_memcached::{Client, Ttl};

use crate::Failed;
use crate::cells::histogram::Histogram;
use crate::cells::machine::{Usage, now, pass};
use crate::cells::{FOREIGN, Figures};
use crate::memcached::cell::Cell;
use crate::memcached::keys::Keys;
use crate::memcached::servers;
use crate::memcached::trials::outage::Fleet;

/// Calls of which each may be repeated, that failed.
pub(crate) const FAILED: &str = "failed calls";
/// The 99.9th percentile of calls to the other servers, before and after.
pub(crate) const BEFORE: &str = "p999 before µs";
pub(crate) const AFTER: &str = "p999 after µs";
pub(crate) const RATIO: &str = "after/before";
pub(crate) const CALLS: &str = "calls";

const TTL: Ttl = Ttl::from_secs(60);
const CALLERS: usize = 64;
const SIZE: usize = 100;
/// How long the load lasts before and after, seconds.
const PHASE: f64 = 2.0;

/// What all callers see and count.
#[derive(Debug)]
struct Shared {
    keys: Keys,
    /// Whether the server that is killed owns the key of this index.
    victims: Vec<bool>,
    killed: AtomicBool,
    over: AtomicBool,
    failed: AtomicU64,
    calls: AtomicU64,
}

/// Times of the calls to the other servers.
#[derive(Debug, Default)]
struct Times {
    before: Histogram,
    after: Histogram,
}

/// Nine calls of ten are gets, the others sets.
pub(crate) fn run(cell: &Cell) -> Result<Figures, Failed> {
    let fleet = Fleet::start(cell)?;
    servers::fill(&fleet.servers, SIZE)?;
    let shared = Shared::new(&fleet);
    let client = Client::new(fleet.config.clone())?;
    let phase = if cell.quick { cell.measured } else { PHASE };
    let phase = Duration::from_secs_f64(phase);
    cell.runtime()?.block_on(async {
        let tasks: Vec<_> = (0..CALLERS)
            .map(|_| tokio::spawn(call(client.clone(), Arc::clone(&shared))))
            .collect();
        let with_all = foreign(phase, &fleet.processes()).await;
        shared.killed.store(true, Ordering::Relaxed);
        fleet.kill_victim()?;
        let without = foreign(phase, &fleet.processes()).await;
        shared.over.store(true, Ordering::Relaxed);
        let mut times = Times::default();
        for task in tasks {
            let of_caller = task.await??;
            times.before.add(&of_caller.before);
            times.after.add(&of_caller.after);
        }
        figures(&times, &shared, with_all.max(without))
    })
}

/// Waits for a `phase`; returns how many cores other programs had in it.
async fn foreign(phase: Duration, servers: &[u32]) -> f64 {
    let before = Usage::now(servers);
    pass(phase).await;
    Usage::now(servers).since(before).foreign
}

impl Shared {
    fn new(fleet: &Fleet) -> Arc<Self> {
        let keys = Keys::of(SIZE);
        let victims = keys.texts.iter().map(|key| fleet.victim_owns(key));
        Arc::new(Self {
            victims: victims.collect(),
            keys,
            killed: AtomicBool::new(false),
            over: AtomicBool::new(false),
            failed: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        })
    }
}

async fn call(client: Client, shared: Arc<Shared>) -> Result<Times, Failed> {
    let mut times = Times::default();
    let mut random = fastrand::Rng::new();
    while !shared.over.load(Ordering::Relaxed) {
        let index = random.usize(..shared.keys.texts.len());
        let key = &shared.keys.texts[index];
        let victim = shared.victims[index];
        let killed = shared.killed.load(Ordering::Relaxed);
        let began = now();
        let outcome = if random.u8(..10) == 0 {
            client.set(key, shared.keys.value.clone(), TTL).await
        } else {
            client.get(key).await.map(drop)
        };
        if !victim {
            let times = if killed {
                &mut times.after
            } else {
                &mut times.before
            };
            times.record(now().saturating_duration_since(began));
        }
        shared.calls.fetch_add(1, Ordering::Relaxed);
        shared
            .failed
            .fetch_add(u64::from(outcome.is_err()), Ordering::Relaxed);
    }
    Ok(times)
}

fn figures(times: &Times, shared: &Shared, foreign: f64) -> Result<Figures, Failed> {
    let before = times.before.quantile(0.999).ok_or("no call before")?;
    let after = times.after.quantile(0.999).ok_or("no call after")?;
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
    Ok(Figures::from([
        (CALLS.to_owned(), count(&shared.calls)),
        (FAILED.to_owned(), count(&shared.failed)),
        (BEFORE.to_owned(), before),
        (AFTER.to_owned(), after),
        (RATIO.to_owned(), after / before),
        (FOREIGN.to_owned(), foreign),
    ]))
}
