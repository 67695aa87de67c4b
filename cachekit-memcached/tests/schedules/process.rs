//! A process: its cache, and its ways to the servers.

use std::sync::Arc;

use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::clock::Clock;
use cachekit_core::config::Config;
use cachekit_memcached::testkit::{MemoryServer, Way};
use cachekit_memcached::{self as memcached, Memcached};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::task::AbortHandle;

use crate::bug::{Bug, Buggy};
use crate::chance::Chance;
use crate::family::Family;
use crate::schedule::Schedule;
use crate::time::RuntimeTime;

/// Longer than any wait, even where one computation after another is overtaken: nothing in grace is
/// given out instead.
const TIMEOUT: Duration = Duration::from_secs(200);

pub(crate) struct Process {
    /// No other has it, before or after.
    pub(crate) number: u32,
    pub(crate) cache: Cache,
    function: &'static Function,
    pub(crate) ways: Vec<Way>,
    /// Whether its connections are made. Calls that wait for the same connection would go on in any
    /// order, and no seed would say in which.
    warm: Arc<OnceCell<()>>,
    /// Its calls, which end with it.
    calls: Vec<AbortHandle>,
}

impl Process {
    pub(crate) fn start(
        number: u32,
        schedule: &Schedule,
        servers: &[MemoryServer],
        time: RuntimeTime,
        bug: Option<Bug>,
    ) -> Self {
        let ways: Vec<Way> = servers.iter().map(MemoryServer::way).collect();
        for (server, way) in ways.iter().enumerate() {
            let mixed = u64::from(number) << 32 | server as u64;
            way.delay(delays(schedule.family, schedule.seed ^ mixed));
        }
        let addresses = ways.iter().map(Way::address);
        let config = memcached::Config::of_servers(addresses).expect("addresses");
        let backend = Memcached::new(config).expect("a configuration");
        let mut config = Config::default();
        config.l1.enabled = schedule.l1_max_age.is_some();
        config.l1.max_age = schedule.l1_max_age.unwrap_or_default();
        let cache = Cache::builder()
            .config(config)
            .clock(Clock::with_time(Arc::new(time)))
            .backend(Arc::new(Buggy { backend, bug }))
            .build();
        Self {
            number,
            cache,
            function: function(schedule),
            ways,
            warm: Arc::default(),
            calls: Vec::new(),
        }
    }

    pub(crate) fn key(&self, key: u32) -> Key<u64> {
        self.function.key(&key).expect("a number is a key")
    }

    /// Runs `call` as one of its own.
    pub(crate) fn call(&mut self, call: impl Future<Output = ()> + Send + 'static) {
        let (cache, warm) = (self.cache.clone(), Arc::clone(&self.warm));
        let call = tokio::spawn(async move {
            warm.get_or_init(|| async { drop(cache.health().await) })
                .await;
            call.await;
        });
        self.calls.push(call.abort_handle());
    }

    pub(crate) fn open_calls(&self) -> usize {
        self.calls.iter().filter(|call| !call.is_finished()).count()
    }

    /// Nothing that it says arrives any more, and nobody in it asks for anything.
    pub(crate) fn kill(&self) {
        for way in &self.ways {
            way.cut(true);
            way.hang_up();
        }
        for call in &self.calls {
            call.abort();
        }
    }
}

/// Functions are for ever, and learn from their computations: each process has its own.
fn function(schedule: &Schedule) -> &'static Function {
    let policy = Policy::new()
        .ttl(schedule.ttl)
        .grace(schedule.grace)
        .timeout(TIMEOUT);
    Box::leak(Box::new(
        Function::new("schedules", "version").policy(policy),
    ))
}

/// How long what is sent takes: seldom as long as it may.
fn delays(family: Family, seed: u64) -> impl FnMut() -> Duration + Send + 'static {
    let mut chance = Chance::new(seed);
    move || drawn(family.latest, &mut chance)
}

/// Up to `longest`, and mostly much less.
pub(crate) fn drawn(longest: Duration, chance: &mut Chance) -> Duration {
    let longest = match chance.one_in(5) {
        true => longest,
        false => Family::usual(longest),
    };
    longest.mul_f64(chance.below(1_001) as f64 / 1_000.0)
}
