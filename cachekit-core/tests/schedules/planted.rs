//! Mistakes that are made on purpose are found.

use crate::bug::Bug;
use crate::family::{CALM, CROWDED, Family, MANY, MOODY, NAMESPACES, NESTED, REFRESHED, UNSTORED};
use crate::oracle::Rule;
use crate::run::run;
use crate::schedule::Schedule;
use crate::{SEEDS, judged, report};

/// The first schedule of a family in which `bug` breaks `rule`, if as many as usual have one.
fn found(family: Family, bug: Bug, rule: Rule) -> Option<Schedule> {
    let mut schedules = (0..SEEDS).map(|seed| Schedule::new(family, seed));
    schedules.find(|schedule| judged(schedule, Some(bug)).break_rule(rule))
}

#[test]
fn tags_that_are_read_after_the_computation_are_found() {
    // It shows where another process removes a tag, and a third computation makes its next token,
    // before the first one writes: all are tagged here, and it takes more schedules than the others.
    let tagged = |seed| Schedule {
        tagged: true,
        ..Schedule::new(MOODY, seed)
    };
    let mut schedules = (0..4 * SEEDS).map(tagged);
    let breaks =
        |schedule: &Schedule| judged(schedule, Some(Bug::LateTags)).break_rule(Rule::Fresh);
    assert!(schedules.any(|schedule| breaks(&schedule)));
}

#[test]
fn a_blind_late_fill_is_found_and_shown_with_its_seed_and_a_short_history() {
    let schedule = found(CALM, Bug::BlindFill, Rule::Fresh).expect("a read that is too old");
    let report = report(&schedule, Some(Bug::BlindFill), Rule::Fresh);
    let (head, history) = report.split_once("\n\n").expect("two parts");
    let seed = schedule.seed;
    assert!(head.starts_with(&format!("calm: CACHEKIT_TEST_SEED={seed}\nFresh: ")));
    let whole = run(&schedule, Some(Bug::BlindFill));
    assert!(history.lines().count() < whole.len() / 2, "{report}");
}

#[test]
fn so_is_one_of_many_ids() {
    assert!(found(MANY, Bug::BlindFill, Rule::Fresh).is_some());
}

#[test]
fn a_namespace_that_stays_when_it_is_removed_is_found() {
    assert!(found(NAMESPACES, Bug::KeptNamespace, Rule::Fresh).is_some());
}

#[test]
fn an_id_that_is_falsely_said_not_to_be_is_found() {
    assert!(found(MANY, Bug::FalseAbsence, Rule::Absence).is_some());
}

#[test]
fn a_result_that_is_stored_although_it_is_not_to_be_is_found() {
    assert!(found(UNSTORED, Bug::StoredAnyway, Rule::NotStored).is_some());
}

#[test]
fn a_computation_that_waits_for_itself_is_found() {
    assert!(found(NESTED, Bug::LostChain, Rule::Circle).is_some());
}

#[test]
fn one_computation_more_than_there_are_places_is_found() {
    assert!(found(CROWDED, Bug::OnePlaceMore, Rule::Places).is_some());
}

#[test]
fn a_refresh_beside_another_is_found() {
    assert!(found(REFRESHED, Bug::NobodyWaits, Rule::OneInFleet).is_some());
}
