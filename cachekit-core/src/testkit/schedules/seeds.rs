//! Which seeds are run.

use std::ops::Range;

use crate::env::{Problems, Vars};

/// Those below `usual`, unless the environment says otherwise: `CACHEKIT_TEST_SEEDS` how many, or
/// `CACHEKIT_TEST_SEED` which one.
///
/// # Panics
/// A variable is no number.
#[must_use]
pub fn seeds(usual: u64) -> Range<u64> {
    match variable(ONE) {
        Some(seed) => seed..seed + 1,
        None => 0..variable("CACHEKIT_TEST_SEEDS").unwrap_or(usual),
    }
}

/// Whether one schedule is run again, which may say little: rules that seldom apply prove nothing.
///
/// # Panics
/// As [`seeds`].
#[must_use]
pub fn is_replay() -> bool {
    variable(ONE).is_some()
}

const ONE: &str = "CACHEKIT_TEST_SEED";

fn variable(name: &str) -> Option<u64> {
    let given = Vars::from_process(&mut Problems::default());
    let number = given.get(name)?.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is a number")))
}
