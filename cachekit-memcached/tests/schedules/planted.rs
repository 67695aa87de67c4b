//! Mistakes that are made on purpose are found.

use crate::bug::Bug;
use crate::family::{CALM, Family, SLOW};
use crate::judge::judged;
use crate::schedule::Schedule;
use crate::{SEEDS, report};

/// The first schedule of `family` in which `bug` breaks the rule of this name.
fn found(family: Family, bug: Bug, rule: &str) -> Option<Schedule> {
    let mut schedules = (0..SEEDS).map(|seed| Schedule::new(family, seed));
    let breaks = |schedule: &Schedule| {
        let wrong = judged(schedule, Some(bug)).wrong;
        wrong.iter().any(|what| what.starts_with(rule))
    };
    schedules.find(breaks)
}

#[test]
fn a_fill_without_its_token_is_found_and_shown_with_its_seed_and_a_short_schedule() {
    let schedule = found(SLOW, Bug::BlindFill, "fresh").expect("a read that is too old");
    let report = report(&schedule, Some(Bug::BlindFill));
    let seed = schedule.seed;
    assert!(report.starts_with(&format!("slow: CACHEKIT_TEST_SEED={seed}\n")));
    assert!(report.lines().count() < 80, "{report}");
}

#[test]
fn who_computes_beside_another_is_found() {
    assert!(found(CALM, Bug::NobodyWaits, "once").is_some());
}
