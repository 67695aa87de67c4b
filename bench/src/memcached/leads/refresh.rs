//! Entries that are computed anew before they end, all the time: what their readers notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cachekit::{Cache, Error, Function, Key, Policy};

use super::callers::cache;
use crate::Failed;
use crate::cells::histogram::Histogram;
use crate::cells::machine::{Usage, now, pass};
use crate::cells::{FOREIGN, Figures};
use crate::memcached::bars::Bar;
use crate::memcached::cell::Cell;
use crate::memcached::who::Who;

/// How long the origin takes.
const TAKES: Duration = Duration::from_millis(100);
/// The shortest of which something is left in the early window, a part of which is lost to the clock
/// of a server: that goes on once a second.
const TTL: Duration = Duration::from_secs(4);

static VALUES: Function = Function::new(module_path!(), "values").policy(Policy::new().ttl(TTL));

const KEYS: usize = 32;
const CALLERS: usize = 64;
/// As of so many processes.
const CACHES: usize = 2;
/// How long it is measured for: so many times as long as an entry is fresh.
const TTLS: u32 = 3;

/// Refreshes of all keys.
const REFRESHES: &str = "refreshes";
/// How many computations of one key ran at the same time, at most.
const AT_ONCE: &str = "at once";
/// Reads that took half of what the origin takes, or longer.
const WAITED: &str = "waited";
/// Reads of a key that nobody computed meanwhile.
const HITS: &str = "hits";
const HIT_P99: &str = "hit p99 µs";
/// Reads of a key that somebody computed when they began, or when they ended.
const OVER: &str = "over refresh";
const OVER_P99: &str = "over p99 µs";
const RATIO: &str = "over/hit";

pub(in crate::memcached) const COLUMNS: &[&str] = &[
    REFRESHES, AT_ONCE, WAITED, HITS, HIT_P99, OVER, OVER_P99, RATIO, FOREIGN,
];

pub(in crate::memcached) const BARS: &[Bar] = &[
    Bar::Figure(RATIO, 1.5),
    Bar::Figure(WAITED, 0.0),
    Bar::Figure(AT_ONCE, 1.0),
];

/// What all callers share.
#[derive(Debug, Default)]
struct Shared {
    origins: [Origin; KEYS],
    /// Whether reads count.
    measured: AtomicBool,
    over: AtomicBool,
}

/// The origin of one key.
#[derive(Debug, Default)]
struct Origin {
    now: AtomicU64,
    most: AtomicU64,
    calls: AtomicU64,
}

/// One computation that runs.
struct Running(Arc<Shared>, usize);

impl Running {
    fn begin(shared: Arc<Shared>, key: usize) -> Self {
        let origin = &shared.origins[key];
        let now = origin.now.fetch_add(1, Ordering::Relaxed) + 1;
        origin.most.fetch_max(now, Ordering::Relaxed);
        origin.calls.fetch_add(1, Ordering::Relaxed);
        Self(shared, key)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.origins[self.1].now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    async fn compute(self: Arc<Self>, key: usize) -> Result<u64, Error> {
        let _running = Running::begin(self, key);
        pass(TAKES).await;
        Ok(key as u64)
    }

    fn is_computed(&self, key: usize) -> bool {
        self.origins[key].now.load(Ordering::Relaxed) > 0
    }

    fn calls(&self) -> u64 {
        let calls = self.origins.iter().map(|origin| &origin.calls);
        calls.map(|calls| calls.load(Ordering::Relaxed)).sum()
    }

    fn most_at_once(&self) -> u64 {
        let most = self.origins.iter().map(|origin| &origin.most);
        let most = most.map(|most| most.load(Ordering::Relaxed));
        most.max().unwrap_or(0)
    }
}

/// Times of reads.
#[derive(Debug, Default)]
struct Times {
    hits: Histogram,
    over: Histogram,
    hit_count: u64,
    over_count: u64,
    waited: u64,
}

impl Times {
    fn record(&mut self, took: Duration, over: bool) {
        let (times, count) = match over {
            true => (&mut self.over, &mut self.over_count),
            false => (&mut self.hits, &mut self.hit_count),
        };
        times.record(took);
        *count += 1;
        self.waited += u64::from(took >= TAKES / 2);
    }

    fn add(&mut self, other: &Self) {
        self.hits.add(&other.hits);
        self.over.add(&other.over);
        self.hit_count += other.hit_count;
        self.over_count += other.over_count;
        self.waited += other.waited;
    }
}

/// Fills all keys, and reads for a while.
pub(in crate::memcached) fn run(cell: &Cell) -> Result<Figures, Failed> {
    let l1 = cell.who == Who::CacheL1;
    let caches: Vec<_> = (0..CACHES)
        .map(|_| cache(&cell.servers, l1))
        .collect::<Result<_, _>>()?;
    let measured = TTL * if cell.quick { 1 } else { TTLS };
    cell.runtime()?.block_on(async {
        let shared = Arc::<Shared>::default();
        let tasks: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let cache = caches[caller % CACHES].clone();
                tokio::spawn(call(cache, Arc::clone(&shared)))
            })
            .collect();
        // Until each key was computed for the first time, and found by all.
        pass(TTL / 4).await;
        let (before, calls) = (Usage::now(&cell.processes), shared.calls());
        shared.measured.store(true, Ordering::Relaxed);
        pass(measured).await;
        shared.over.store(true, Ordering::Relaxed);
        let foreign = Usage::now(&cell.processes).since(before).foreign;
        let refreshes = shared.calls() - calls;
        let mut times = Times::default();
        for task in tasks {
            times.add(&task.await??);
        }
        figures(&times, &shared, refreshes, foreign)
    })
}

/// Reads any key, again and again; others have their turn after each read, since what L1 has is
/// never waited for.
async fn call(cache: Cache, shared: Arc<Shared>) -> Result<Times, Failed> {
    let mut times = Times::default();
    let mut random = fastrand::Rng::new();
    while !shared.over.load(Ordering::Relaxed) {
        let index = random.usize(..KEYS);
        let key: Key<u64> = VALUES.key(&index)?;
        let measured = shared.measured.load(Ordering::Relaxed);
        let computed_before = shared.is_computed(index);
        let began = now();
        let value = cache.get_or_spawn(&key, Arc::clone(&shared).compute(index));
        let value = value.await?;
        let took = now().saturating_duration_since(began);
        if value != index as u64 {
            return Err("the value of another key".into());
        }
        if measured {
            times.record(took, computed_before || shared.is_computed(index));
        }
        tokio::task::yield_now().await;
    }
    Ok(times)
}

fn figures(
    times: &Times,
    shared: &Shared,
    refreshes: u64,
    foreign: f64,
) -> Result<Figures, Failed> {
    let hit = times.hits.quantile(0.99).ok_or("no hit")?;
    let over = times.over.quantile(0.99).ok_or("no refresh")?;
    Ok(Figures::from([
        (REFRESHES.to_owned(), refreshes as f64),
        (AT_ONCE.to_owned(), shared.most_at_once() as f64),
        (WAITED.to_owned(), times.waited as f64),
        (HITS.to_owned(), times.hit_count as f64),
        (HIT_P99.to_owned(), hit),
        (OVER.to_owned(), times.over_count as f64),
        (OVER_P99.to_owned(), over),
        (RATIO.to_owned(), over / hit),
        (FOREIGN.to_owned(), foreign),
    ]))
}
