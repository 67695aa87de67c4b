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

mod chance;
mod history;
mod oracle;
mod run;
mod schedule;
mod shrink;
mod wire;
mod world;

use std::ops::Range;

use cachekit_core::env::{Problems, Vars};

use history::Lines;
use oracle::{Findings, Rule, Tally, judge};
use run::run;
use schedule::{Family, Schedule};
use shrink::shrunk;
use wire::Bug;

/// How many schedules of each family are run, unless `CACHEKIT_TEST_SEEDS` says so.
const SEEDS: u64 = 2_500;

/// Nothing goes wrong but calls that are dropped.
const CALM: Family = Family {
    name: "calm",
    shared: true,
    troubled: false,
    slow: false,
    moody: false,
};
const TROUBLED: Family = Family {
    name: "troubled",
    troubled: true,
    ..CALM
};
const SLOW: Family = Family {
    name: "slow",
    slow: true,
    moody: true,
    ..TROUBLED
};
const MOODY: Family = Family {
    name: "moody",
    moody: true,
    ..CALM
};
const ALONE: Family = Family {
    name: "alone",
    shared: false,
    moody: true,
    ..CALM
};

fn variable(name: &str) -> Option<u64> {
    let mut problems = Problems::default();
    let given = Vars::from_process(&mut problems);
    assert_eq!(problems, Problems::default());
    let number = given.get(name)?.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is a number")))
}

fn seeds() -> Range<u64> {
    match variable("CACHEKIT_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("CACHEKIT_TEST_SEEDS").unwrap_or(SEEDS),
    }
}

fn judged(schedule: &Schedule, bug: Option<Bug>) -> Findings {
    judge(schedule, &run(schedule, bug))
}

/// Runs every seed of `family`. Of its computations, less than one in `excused` may be beside another.
fn holds(family: Family, excused: u64) {
    let mut sum = Tally::default();
    for seed in seeds() {
        let schedule = Schedule::new(family, seed);
        let findings = judged(&schedule, None);
        if let Some(violation) = findings.violations.first() {
            panic!("{}", report(&schedule, None, violation.rule));
        }
        sum += findings.tally;
    }
    if variable("CACHEKIT_TEST_SEED").is_none() {
        assert_says_much(sum, excused);
    }
}

/// Rules that seldom apply, or are excused whenever they do, prove nothing.
fn assert_says_much(sum: Tally, excused: u64) {
    assert!(sum.computations * 6 > sum.calls, "{sum:?}");
    assert!(sum.bound_reads * 12 > sum.calls, "{sum:?}");
    assert!(sum.excused_in_grace * 8 < sum.bound_reads, "{sum:?}");
    assert!(
        sum.excused_in_process * excused < sum.computations,
        "{sum:?}"
    );
    assert!(sum.excused_in_fleet * excused < sum.computations, "{sum:?}");
}

/// How to see `rule` broken again, and a short history in which it is.
fn report(schedule: &Schedule, bug: Option<Bug>, rule: Rule) -> String {
    let short = shrunk(schedule.clone(), bug, rule);
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
fn the_same_seed_makes_the_same_history() {
    for seed in 0..50 {
        let schedule = Schedule::new(SLOW, seed);
        assert_eq!(run(&schedule, None), run(&schedule, None), "seed {seed}");
    }
}

/// The first schedule of a family in which `bug` makes a read too old, if as many as usual have one.
fn found(family: Family, bug: Bug) -> Option<Schedule> {
    let mut schedules = (0..SEEDS).map(|seed| Schedule::new(family, seed));
    schedules.find(|schedule| judged(schedule, Some(bug)).break_rule(Rule::Fresh))
}

#[test]
fn tags_that_are_read_after_the_computation_are_found() {
    // It shows where another process removes a tag, and a third computation makes its next token,
    // before the first one writes: all are tagged here.
    let tagged = |seed| Schedule {
        tagged: true,
        ..Schedule::new(MOODY, seed)
    };
    let mut schedules = (0..SEEDS).map(tagged);
    let breaks =
        |schedule: &Schedule| judged(schedule, Some(Bug::LateTags)).break_rule(Rule::Fresh);
    assert!(schedules.any(|schedule| breaks(&schedule)));
}

#[test]
fn a_blind_late_fill_is_found_and_shown_with_its_seed_and_a_short_history() {
    let schedule = found(CALM, Bug::BlindFill).expect("a read that is too old");
    let report = report(&schedule, Some(Bug::BlindFill), Rule::Fresh);
    let (head, history) = report.split_once("\n\n").expect("two parts");
    let seed = schedule.seed;
    assert!(head.starts_with(&format!("calm: CACHEKIT_TEST_SEED={seed}\nFresh: ")));
    let whole = run(&schedule, Some(Bug::BlindFill));
    assert!(history.lines().count() < whole.len() / 2, "{report}");
}
