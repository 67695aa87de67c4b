//! Who computes in a fleet: leads that are held, lost, waited for and taken over. Each `Cache` here
//! is one process, with a way to the store of its own.

mod events;
mod foreign;
mod fresh;
mod graceless;
mod holding;
mod leased;
mod many;
mod uncacheable;
mod waiting;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cachekit_core::Error;
use cachekit_core::cache::{Cache, Function, Key};
use cachekit_core::testkit::{Fleet, ManualClock};
use tokio::task::{JoinHandle, yield_now};

use wire::Wire;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// How long a lead stands unless it is renewed.
const HOLD: Duration = Duration::from_secs(6);
/// The longest pause between two looks.
const POLL: Duration = Duration::from_millis(250);
/// How finely time passes here.
const STEP: Duration = Duration::from_millis(10);

/// A process, and its way to the store.
fn process(fleet: &Fleet) -> (Cache, Arc<Wire>) {
    process_over(fleet, Wire::new(&fleet.store))
}

fn process_over(fleet: &Fleet, wire: Wire) -> (Cache, Arc<Wire>) {
    let wire = Arc::new(wire);
    let builder = Cache::builder().backend(Arc::clone(&wire) as _);
    (builder.clock(fleet.time.clock()).build(), wire)
}

fn key(function: &'static Function) -> Key<u32> {
    function.key(&1_u64).unwrap()
}

/// Answers after a while with the number of the computation.
#[derive(Clone)]
struct Origin {
    time: ManualClock,
    begun: Arc<AtomicU32>,
}

impl Origin {
    fn new(fleet: &Fleet) -> Self {
        Self {
            time: fleet.time.clone(),
            begun: Arc::default(),
        }
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }

    async fn compute(self, takes: Duration) -> Result<u32, Error> {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        self.time.clock().sleep(takes).await;
        Ok(number)
    }

    /// A caller who cannot be told an error of ours, in a task.
    fn call(&self, cache: &Cache, function: &'static Function, takes: Duration) -> JoinHandle<u32> {
        let (origin, cache) = (self.clone(), cache.clone());
        tokio::spawn(async move {
            let compute = || origin.compute(takes);
            let called = cache.get_or_compute(&key(function), compute).await;
            called.unwrap()
        })
    }
}

/// Lets the tasks go on until nothing is left to do at this moment.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// Lets time pass.
async fn pass(fleet: &Fleet, duration: Duration) {
    let mut left = duration;
    while !left.is_zero() {
        let step = left.min(STEP);
        fleet.time.advance(step);
        settle().await;
        left -= step;
    }
}

/// How long it takes until `done`.
async fn until_done(fleet: &Fleet, done: impl Fn() -> bool) -> Duration {
    settle().await;
    let mut passed = Duration::ZERO;
    while !done() {
        assert!(passed < Duration::from_secs(200), "not done");
        pass(fleet, STEP).await;
        passed += STEP;
    }
    passed
}
