//! The store is away: how hard the origin is pressed, and how long they wait who get what is in
//! grace.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachekit::{Backend, Cache, Function, Key, Policy};
use cachekit_core::clock::Clock;
use cachekit_core::config::Config;
use cachekit_core::testkit::{Faults, FaultyBackend, ReferenceBackend};
use tokio::time::Instant;

use super::{Origin, pass, stampede};
use crate::bar;

const TTL: Duration = Duration::from_secs(1);

static VALUES: Function = Function::new(module_path!(), "values")
    .policy(Policy::new().ttl(TTL).grace(Duration::from_secs(600)));

const KEYS: u64 = 500;
/// More than may compute at once.
const CALLERS: u64 = 250;
const CALLS_OF_EACH: u64 = 40;
/// What was there before the outage.
const OLD: u64 = 1 << 32;

pub(super) async fn run() {
    let clock = Clock::system();
    let store = ReferenceBackend::new(clock.clone());
    let store = Arc::new(FaultyBackend::new(store, Faults::default(), clock));
    let config = Config::default();
    let limit = config.max_computations;
    let backend = Arc::clone(&store) as Arc<dyn Backend>;
    let cache = Cache::builder().config(config).backend(backend).build();
    for key in 0..KEYS {
        cache
            .set(&of(key), OLD + key)
            .await
            .expect("the store works");
    }
    pass(TTL).await;
    store.set_outage(true);
    let (origin, waits) = (Origin::default(), Arc::new(Mutex::new(Vec::new())));
    let callers = (0..CALLERS).map(|caller| {
        tokio::spawn(call(
            caller,
            cache.clone(),
            origin.clone(),
            Arc::clone(&waits),
        ))
    });
    stampede::all(callers).await;
    report(limit, &origin, &waits.lock().expect("no caller panicked"));
}

async fn call(caller: u64, cache: Cache, origin: Origin, waits: Arc<Mutex<Vec<Duration>>>) {
    let mut old = Vec::new();
    for call in 0..CALLS_OF_EACH {
        // At any time every caller is after another key.
        let number = (caller + call * CALLERS) % KEYS;
        let began = Instant::now();
        let (key, compute) = (of(number), || async {
            Ok::<_, cachekit::Error>(origin.ask(number).await)
        });
        let value = cache.try_get_or_compute(&key, compute).await;
        if value.is_ok_and(|value| value >= OLD) {
            old.push(began.elapsed());
        }
    }
    waits.lock().expect("no caller panicked").extend(old);
}

fn report(limit: usize, origin: &Origin, from_grace: &[Duration]) {
    let calls = CALLERS * CALLS_OF_EACH;
    let mut from_grace = from_grace.to_vec();
    from_grace.sort_unstable();
    println!("\nthe store is away: {calls} calls of {KEYS} keys, the origin takes 200 ms");
    println!(
        "  {} calls of the origin; {} calls were given what was in grace",
        origin.calls(),
        from_grace.len()
    );
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    bar::at_most(
        "computations at once, of the bulkhead",
        origin.most_at_once() as f64,
        limit as f64,
    );
    let p99 = from_grace.get(from_grace.len() * 99 / 100);
    let milliseconds = p99.map_or(f64::INFINITY, |wait| wait.as_secs_f64() * 1_000.0);
    bar::at_most("p99 of what was in grace, ms", milliseconds, 1.0);
}

fn of(number: u64) -> Key<u64> {
    VALUES.key(&number).expect("a number is a key")
}
