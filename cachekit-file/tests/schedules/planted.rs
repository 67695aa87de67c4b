//! Mistakes that are made on purpose are found.

use cachekit_core::testkit::history::Rule;
use cachekit_core::testkit::schedules::{Bug, found};

use crate::SEEDS;
use crate::family::{CALM, KILLED, SLOW};

#[test]
fn a_fill_without_its_token_is_found() {
    assert!(found(Bug::BlindFill, SLOW, SEEDS, Rule::Fresh).is_some());
}

#[test]
fn who_computes_beside_another_is_found() {
    assert!(found(Bug::NobodyWaits, CALM, SEEDS, Rule::Once).is_some());
}

/// It takes one that hangs, and somebody who waits for it.
#[test]
fn a_dead_leader_whose_place_nobody_takes_is_found() {
    assert!(found(Bug::NobodyFollows, KILLED, 4 * SEEDS, Rule::Replaced).is_some());
}
