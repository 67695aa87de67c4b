//! Whole fleets over servers in memory, carried through seeded schedules of calls, deaths, losses and
//! delays; and whether what they did together is what they may do.
//!
//! A seed makes one schedule, and a schedule one history, on one thread and a clock that goes on only
//! when nobody has anything to do. One that goes wrong is shown with the shortest schedule that
//! still does. `CACHEKIT_TEST_SEED` replays one seed, `CACHEKIT_TEST_SEEDS` says how many each family
//! runs:
//!
//! ```text
//! CACHEKIT_TEST_SEED=1417 cargo test --package cachekit-memcached --test schedules killed
//! CACHEKIT_TEST_SEEDS=100000 cargo test --release --package cachekit-memcached --test schedules
//! ```

mod bug;
#[path = "../../../cachekit-core/tests/schedules/chance.rs"]
mod chance;
mod expired;
mod family;
mod judge;
mod origin;
mod planted;
mod process;
mod run;
mod schedule;
mod shrink;
mod stood_in;
mod time;
mod told;
mod world;

use std::ops::Range;

use cachekit_core::env::{Problems, Vars};

use bug::Bug;
use family::{CALM, Family, KILLED, LATE, LOST, RESTARTED, SHORT_LIVED, SLOW};
use judge::{Judged, Sum, judged};
use run::run;
use schedule::Schedule;
use shrink::shrunk;

/// How many schedules of each family are run, unless `CACHEKIT_TEST_SEEDS` says so.
const SEEDS: u64 = 40;

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

/// Runs every seed of `family`, and returns what there was in all of them.
fn holds(family: Family) -> Sum {
    let mut sum = Sum::default();
    for seed in seeds() {
        let schedule = Schedule::new(family, seed);
        let judged = judged(&schedule, None);
        if !judged.wrong.is_empty() {
            panic!("{}", report(&schedule, None));
        }
        sum.add(&judged.tally);
    }
    sum
}

/// How to see again what goes wrong in `schedule`, and a short one in which it does.
fn report(schedule: &Schedule, bug: Option<Bug>) -> String {
    let short = shrunk(schedule.clone(), bug);
    let Judged { wrong, .. } = judged(&short, bug);
    let told = run(&short, bug);
    let (name, seed) = (schedule.family.name, schedule.seed);
    let wrong = wrong.join("\n");
    format!(
        "{name}: CACHEKIT_TEST_SEED={seed}\n{wrong}\n\n{short}\n{}",
        told.history
    )
}

/// Rules that seldom apply prove nothing.
fn says_much(says_much: bool, sum: &Sum) {
    assert!(
        says_much || variable("CACHEKIT_TEST_SEED").is_some(),
        "{sum:?}"
    );
}

#[test]
fn calm_processes_compute_once_and_never_read_what_is_over() {
    let sum = holds(CALM);
    says_much(sum.bound * 3 > sum.reads, &sum);
    says_much(sum.computations * 50 > sum.reads, &sum);
}

#[test]
fn so_do_those_whose_leaders_are_killed() {
    let sum = holds(KILLED);
    says_much(sum.over_a_death > 0, &sum);
    says_much(sum.bound * 3 > sum.reads, &sum);
}

#[test]
fn so_do_those_whose_origin_is_slower_than_a_lease() {
    let sum = holds(SLOW);
    says_much(sum.bound * 3 > sum.reads, &sum);
}

#[test]
fn those_whose_replies_are_late_never_read_what_is_over() {
    let sum = holds(LATE);
    says_much(sum.bound * 3 > sum.reads, &sum);
}

#[test]
fn nor_those_whose_entries_are_short_lived() {
    let sum = holds(SHORT_LIVED);
    says_much(sum.over_a_death > 0, &sum);
    says_much(sum.bound * 3 > sum.reads, &sum);
}

#[test]
fn those_that_lose_connections_compute_once_for_each_loss() {
    let sum = holds(LOST);
    says_much(sum.losses > 0 && sum.bound * 3 > sum.reads, &sum);
}

#[test]
fn so_do_those_whose_servers_are_started_again() {
    let sum = holds(RESTARTED);
    says_much(sum.losses > 0 && sum.bound * 3 > sum.reads, &sum);
}

#[test]
fn the_same_seed_makes_the_same_history() {
    for family in [CALM, KILLED, SHORT_LIVED, SLOW, LATE] {
        for seed in 0..10 {
            let schedule = Schedule::new(family, seed);
            let name = family.name;
            let again = run(&schedule, None);
            assert!(run(&schedule, None) == again, "{name} {seed}");
        }
    }
}
