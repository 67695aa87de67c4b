//! Carries a schedule out.

use std::time::Duration;

use cachekit_core::testkit::seed_jitter;
use cachekit_memcached::testkit;
use tokio::runtime::Builder;

use crate::bug::Bug;
use crate::schedule::{LASTS, Schedule};
use crate::told::Whole;
use crate::world::World;

/// After the last step and every trouble, so long nothing happens: what is binding then binds all.
const PAUSE: Duration = Duration::from_secs(30);
/// Longer than any call may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What happens if `schedule` is carried out: the same each time.
pub(crate) fn run(schedule: &Schedule, bug: Option<Bug>) -> Whole {
    seed_jitter(schedule.seed);
    testkit::seed_jitter(schedule.seed);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let world = World::new(schedule, bug);
        for step in &schedule.steps {
            world.until(step.at).await;
            world.begin(&step.action);
        }
        world.until(LASTS + PAUSE).await;
        (0..schedule.keys).for_each(|key| world.rush(key));
        world.until(LASTS + PAUSE + PATIENCE).await;
        world.end();
        world.told.whole()
    })
}
