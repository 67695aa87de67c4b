//! The server in memory against the real one: the same commands, and reply for reply the same
//! answers.
//!
//! `CACHEKIT_TEST_SEED` replays one seed, `CACHEKIT_TEST_SEEDS` says how many are run.

mod directed;
mod expiring;
mod pair;
mod random;
mod shrink;
mod step;

use std::ops::Range;

use cachekit_core::env::{Problems, Vars};

use pair::Pair;
use random::sequence;
use shrink::report;

/// How many sequences of commands are tried, unless `CACHEKIT_TEST_SEEDS` says so.
const SEEDS: u64 = 1_000;

fn variable(name: &str) -> Option<u64> {
    let given = Vars::from_process(&mut Problems::default());
    let number = given.get(name)?.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is a number")))
}

fn seeds() -> Range<u64> {
    match variable("CACHEKIT_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("CACHEKIT_TEST_SEEDS").unwrap_or(SEEDS),
    }
}

/// Sends every sequence to both servers, started with `args`.
fn agree(args: &[&str]) {
    let mut pair = Pair::start(args);
    for seed in seeds() {
        let steps = sequence(seed);
        if let Some(difference) = pair.first_difference(&steps) {
            panic!("{}", report(seed, steps, &difference, args));
        }
    }
}

#[test]
fn any_commands_are_answered_alike() {
    agree(&[]);
}

#[test]
fn any_commands_are_answered_alike_where_no_cas_numbers_are_counted() {
    agree(&["-C"]);
}
