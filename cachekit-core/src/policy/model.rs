//! Model tests: shuttle runs the threads of a test in one order after the other, and decides at
//! every lock who goes on. What tokio's own locks guard happens in one step.
//!
//! A failing order prints its seed; `SHUTTLE_RANDOM_SEED=… cargo test …` runs it again.

use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner};

/// Orders of one test: the same in every run.
const ORDERS: usize = 1_000;

/// Runs `test` in many orders. A thread that waits for ever fails it.
pub(super) fn in_many_orders(test: impl Fn() + Send + Sync + 'static) {
    let scheduler = RandomScheduler::new_from_seed(4, ORDERS);
    Runner::new(scheduler, Config::new()).run(test);
}

/// Before and after every lock, in a model test; elsewhere nothing happens.
pub(super) fn others_may_go_on() {
    if shuttle::current::try_get_current_task().is_some() && !std::thread::panicking() {
        shuttle::thread::yield_now();
    }
}
