//! Several processes that share a directory, carried through seeded schedules of calls, deaths, stops,
//! delays and losses; and whether what they did together is what they may do.
//!
//! Each process is a backend of its own. A call to one is done in one piece, by a thread that no
//! runtime knows of: so a seed makes one history, and what one process does comes between any two
//! calls of another. One that goes wrong is shown with the shortest schedule that still does.
//! `CACHEKIT_TEST_SEED` replays one seed, `CACHEKIT_TEST_SEEDS` says how many each family runs:
//!
//! ```text
//! CACHEKIT_TEST_SEED=1417 cargo test --package cachekit-file --test schedules killed
//! CACHEKIT_TEST_SEEDS=10000 cargo test --release --package cachekit-file --test schedules
//! ```

mod clock;
mod directory;
mod family;
mod judge;
mod planted;
mod trouble;
mod way;

use cachekit_core::testkit::history::Tally;
use cachekit_core::testkit::schedules::{self, assert_says_much as says_much, run};

use family::{CALM, Family, KILLED, LATE, LOST, SHORT_LIVED, SLOW, STOPPED};
use trouble::Trouble;

type Schedule = schedules::Schedule<Trouble>;

/// How many schedules of each family are run, unless `CACHEKIT_TEST_SEEDS` says so.
const SEEDS: u64 = 20;

fn holds(family: Family) -> Tally {
    schedules::holds(family, SEEDS)
}

#[test]
fn calm_processes_compute_once_and_never_read_what_is_over() {
    let sum = holds(CALM);
    says_much(sum.computations * 50 > sum.reads, &sum);
}

#[test]
fn so_do_those_whose_leaders_are_killed() {
    let sum = holds(KILLED);
    says_much(sum.reads_over_a_death > 0, &sum);
}

#[test]
fn so_do_those_whose_origin_is_slower_than_a_lease() {
    holds(SLOW);
}

#[test]
fn so_do_those_whose_entries_are_short_lived() {
    let sum = holds(SHORT_LIVED);
    says_much(sum.reads_over_a_death > 0, &sum);
}

#[test]
fn so_do_those_whose_files_are_removed() {
    let sum = holds(LOST);
    says_much(sum.node_losses > 0, &sum);
}

#[test]
fn those_whose_calls_take_long_never_read_what_is_over() {
    holds(LATE);
}

#[test]
fn nor_those_that_are_stopped_for_a_while() {
    holds(STOPPED);
}

#[test]
fn the_same_seed_makes_the_same_history() {
    for family in [CALM, KILLED, SHORT_LIVED, SLOW, LATE, LOST, STOPPED] {
        for seed in 0..2 {
            let schedule = Schedule::new(family, seed);
            let name = family.name;
            let again = run(&schedule);
            assert!(run(&schedule) == again, "{name} {seed}");
        }
    }
}
