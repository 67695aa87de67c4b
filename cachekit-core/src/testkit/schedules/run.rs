//! Carries a schedule out.

use std::time::Duration;

use super::schedule::{LASTS, Schedule, Setting};
use super::told::Whole;
use super::world::World;
use crate::testkit::seed_jitter;

/// So long after the last step everybody asks for everything, to learn of what was lost; and twice
/// as long after that once more, when nothing excuses any more what is computed.
pub const ROUND: Duration = Duration::from_secs(30);

/// Longer than any call may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What happens if `schedule` is carried out: the same each time.
#[must_use]
pub fn run<S: Setting>(schedule: &Schedule<S>) -> Whole {
    seed_jitter(schedule.seed);
    S::runtime().block_on(async {
        let world = World::new(schedule);
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
