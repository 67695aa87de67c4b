//! Carries a schedule out.

use std::time::Duration;

use cachekit_core::testkit::seed_jitter;
use cachekit_memcached::testkit;
use tokio::runtime::Builder;

use crate::bug::Bug;
use crate::schedule::{LASTS, Schedule};
use crate::told::Whole;
use crate::world::World;

/// So long after the last step everybody asks for everything, to learn of what was lost; and so long
/// after that once more, when nothing excuses any more what is computed.
pub(crate) const ROUND: Duration = Duration::from_secs(30);
/// Longer than any call may take.
const PATIENCE: Duration = Duration::from_secs(300);

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
        for round in [LASTS + ROUND, LASTS + 3 * ROUND] {
            world.until(round).await;
            (0..schedule.keys).for_each(|key| world.rush(key));
        }
        world.until(LASTS + 3 * ROUND + PATIENCE).await;
        world.end();
        world.told.whole()
    })
}
