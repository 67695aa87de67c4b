//! Mistakes that are made on purpose are found.

use cachekit_core::testkit::history::Rule;
use cachekit_core::testkit::schedules::{Bug, found, report};

use crate::SEEDS;
use crate::family::{CALM, SLOW};

#[test]
fn a_fill_without_its_token_is_found_and_shown_with_its_seed_and_a_short_schedule() {
    let schedule = found(Bug::BlindFill, SLOW, SEEDS, Rule::Fresh);
    let schedule = schedule.expect("a read that is too old");
    let report = report(&schedule);
    let seed = schedule.seed;
    assert!(report.starts_with(&format!("slow: CACHEKIT_TEST_SEED={seed}\n")));
    assert!(report.lines().count() < 80, "{report}");
}

#[test]
fn who_computes_beside_another_is_found() {
    assert!(found(Bug::NobodyWaits, CALM, SEEDS, Rule::Once).is_some());
}
