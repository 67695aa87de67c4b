//! Model tests: shuttle runs the threads of a test in one order after the other, and decides at
//! every lock who goes on. What tokio's own locks guard happens in one step.
//!
//! A failing order prints its seed; `SHUTTLE_RANDOM_SEED=… cargo test …` runs it again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner};
use tokio::task::JoinHandle;

use crate::background;
use crate::clock::{Clock, Time};
use crate::error::Result;
use crate::testkit::ManualClock;

/// Orders of one test: the same in every run.
const ORDERS: usize = 1_000;

/// Runs `test` in many orders. A thread that waits for ever fails it.
pub(in crate::policy) fn in_many_orders(test: impl Fn() + Send + Sync + 'static) {
    let scheduler = RandomScheduler::new_from_seed(4, ORDERS);
    Runner::new(scheduler, Config::new()).run(test);
}

/// Before and after every lock, in a model test; elsewhere nothing happens.
pub(in crate::policy) fn others_may_go_on() {
    if shuttle::current::try_get_current_task().is_some() && !std::thread::panicking() {
        shuttle::thread::yield_now();
    }
}

/// A clock that shows `time`, and whose background is a thread of the model.
pub(in crate::policy) fn clock(time: &ManualClock) -> Clock {
    Clock::with_time(Arc::new(ModelTime(time.clone())))
}

#[derive(Debug)]
struct ModelTime(ManualClock);

impl Time for ModelTime {
    fn monotonic_ms(&self) -> u64 {
        self.0.monotonic_ms()
    }

    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.sleep(duration)
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> Result<JoinHandle<()>> {
        shuttle::future::spawn(task);
        // Nobody waits for the task, and tokio makes no handle without one of its own.
        background::spawn(std::future::ready(()))
    }
}
