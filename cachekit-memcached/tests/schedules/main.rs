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

mod expired;
mod family;
mod judge;
mod planted;
mod servers;
mod stood_in;

use cachekit_core::testkit::history::Tally;
use cachekit_core::testkit::schedules::{self, assert_says_much as says_much, run};

use family::{CALM, Family, KILLED, LATE, LOST, RESTARTED, SHORT_LIVED, SLOW};
use servers::Servers;

type Schedule = schedules::Schedule<Servers>;

/// How many schedules of each family are run, unless `CACHEKIT_TEST_SEEDS` says so.
const SEEDS: u64 = 40;

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
fn those_whose_replies_are_late_never_read_what_is_over() {
    holds(LATE);
}

#[test]
fn nor_those_whose_entries_are_short_lived() {
    let sum = holds(SHORT_LIVED);
    says_much(sum.reads_over_a_death > 0, &sum);
}

#[test]
fn those_that_lose_connections_compute_once_for_each_loss() {
    let sum = holds(LOST);
    says_much(sum.node_losses > 0, &sum);
}

#[test]
fn so_do_those_whose_servers_are_started_again() {
    let sum = holds(RESTARTED);
    says_much(sum.node_losses > 0, &sum);
}

#[test]
fn the_same_seed_makes_the_same_history() {
    for family in [CALM, KILLED, SHORT_LIVED, SLOW, LATE] {
        for seed in 0..10 {
            let schedule = Schedule::new(family, seed);
            let name = family.name;
            let again = run(&schedule);
            assert!(run(&schedule) == again, "{name} {seed}");
        }
    }
}
