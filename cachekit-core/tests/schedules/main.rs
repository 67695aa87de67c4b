//! Whole fleets, carried through seeded schedules of calls, faults, pauses and steps of clocks, and
//! an oracle that judges what happened.
//!
//! A seed makes one schedule, and a schedule one history, on one thread and a clock that stands
//! still between its steps. One that goes wrong is shown with the shortest history that still does.
//! `CACHEKIT_TEST_SEED` replays one seed, `CACHEKIT_TEST_SEEDS` says how many each family runs:
//!
//! ```text
//! CACHEKIT_TEST_SEED=1417 cargo test --package cachekit-core --test schedules moody
//! CACHEKIT_TEST_SEEDS=100000 cargo test --release --package cachekit-core --test schedules
//! ```

mod annotated;
mod bug;
mod family;
mod history;
mod operation;
mod oracle;
mod origin;
mod planted;
mod process;
mod run;
mod schedule;
mod wire;
mod world;

use cachekit_core::testkit::schedules::{is_replay, seeds, shrunk};

use bug::Bug;
use family::{
    ALONE, CALM, CROWDED, Family, MANY, MOODY, NAMESPACES, NESTED, REFRESHED, SLOW, TROUBLED,
    TROUBLED_MANY, TROUBLED_NAMESPACES, Topic, UNSTORED,
};
use history::Lines;
use oracle::{Findings, Rule, Tally, judge};
use run::{carried_out, run};
use schedule::{Schedule, Step};

/// How many schedules of each family are run, unless `CACHEKIT_TEST_SEEDS` says so.
const SEEDS: u64 = 800;

fn judged(schedule: &Schedule, bug: Option<Bug>) -> Findings {
    judge(schedule, &run(schedule, bug))
}

/// Runs every seed of `family`. Of its computations, less than one in `excused` may be beside another.
fn holds(family: Family, excused: u64) {
    let mut sum = Tally::default();
    for seed in seeds(SEEDS) {
        let schedule = Schedule::new(family, seed);
        let findings = judged(&schedule, None);
        if let Some(violation) = findings.violations.first() {
            panic!("{}", report(&schedule, None, violation.rule));
        }
        sum += findings.tally;
    }
    if !is_replay() {
        assert_says_much(family.topic, sum, excused);
    }
}

/// Rules that seldom apply, or are excused whenever they do, prove nothing.
fn assert_says_much(topic: Topic, sum: Tally, excused: u64) {
    assert!(sum.computations * 6 > sum.calls, "{sum:?}");
    if topic != Topic::Refreshed {
        assert!(sum.bound_reads * 12 > sum.calls, "{sum:?}");
        assert!(sum.bound_without_l1 * 6 > sum.bound_reads, "{sum:?}");
        assert!(sum.excused_in_grace * 8 < sum.bound_reads, "{sum:?}");
    }
    if topic != Topic::Entries {
        assert!(sum.to_the_point * 40 > sum.computations, "{sum:?}");
    }
    assert!(
        sum.excused_in_process * excused < sum.computations,
        "{sum:?}"
    );
    assert!(sum.excused_in_fleet * excused < sum.computations, "{sum:?}");
}

/// How to see `rule` broken again, and a short history in which it is.
fn report(schedule: &Schedule, bug: Option<Bug>, rule: Rule) -> String {
    let of = |steps: &[Step]| Schedule {
        steps: steps.to_vec(),
        ..schedule.clone()
    };
    let breaks = |steps: &[Step]| judged(&of(steps), bug).break_rule(rule);
    let short = of(&shrunk(carried_out(schedule, bug).1, breaks));
    let history = run(&short, bug);
    let violations = judge(&short, &history).violations;
    let violations: String = violations.iter().map(|v| format!("{v}\n")).collect();
    format!(
        "{}: CACHEKIT_TEST_SEED={}\n{violations}\n{}\n{}",
        schedule.family.name,
        schedule.seed,
        short.settings(),
        Lines(&history)
    )
}

#[test]
fn a_calm_fleet_never_reads_what_is_over_and_never_computes_twice() {
    holds(CALM, 6);
}

#[test]
fn nor_a_fleet_whose_store_is_troubled() {
    holds(TROUBLED, 3);
}

#[test]
fn nor_a_fleet_whose_store_is_troubled_and_slow() {
    holds(SLOW, 2);
}

#[test]
fn nor_a_fleet_with_a_moody_origin() {
    holds(MOODY, 3);
}

#[test]
fn nor_processes_alone_with_a_moody_origin() {
    holds(ALONE, 3);
}

#[test]
fn nor_one_whose_namespace_is_removed() {
    holds(NAMESPACES, 3);
    holds(TROUBLED_NAMESPACES, 3);
}

#[test]
fn nor_calls_for_many_ids() {
    holds(MANY, 3);
    holds(TROUBLED_MANY, 2);
    holds(MANY.alone(), 3);
}

#[test]
fn nor_is_anything_stored_that_is_not_to_be() {
    holds(UNSTORED, 2);
    holds(UNSTORED.alone(), 2);
}

#[test]
fn nor_do_computations_wait_for_themselves() {
    holds(NESTED, 2);
    holds(NESTED.alone(), 2);
}

#[test]
fn nor_do_more_compute_than_there_are_places() {
    holds(CROWDED, 2);
    holds(CROWDED.alone(), 2);
}

#[test]
fn nor_is_an_entry_refreshed_twice_at_once() {
    holds(REFRESHED, 6);
}

#[test]
fn the_same_seed_makes_the_same_history() {
    for family in [SLOW, TROUBLED_NAMESPACES, TROUBLED_MANY, CROWDED] {
        for seed in 0..20 {
            let schedule = Schedule::new(family, seed);
            let name = family.name;
            assert_eq!(run(&schedule, None), run(&schedule, None), "{name} {seed}");
        }
    }
}
