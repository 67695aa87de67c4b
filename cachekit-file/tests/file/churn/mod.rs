//! Processes that do everything at once, on the same keys, in a directory that is too small for
//! them: no wrong value, never more disk than the cap, and everybody gets on.
//!
//! `CACHEKIT_TEST_SECONDS` says for how long:
//!
//! ```sh
//! CACHEKIT_TEST_SECONDS=30 cargo test --package cachekit-file --test file churn
//! ```

mod crowd;
mod work;

use std::path::{Path, PathBuf};

use cachekit_core::backend::Lookup;
use cachekit_core::key::StoreKey;
use cachekit_file::Config;

use crate::chance::Chance;
use crate::child;
use crate::described::Described;
use crate::scratch::key;
use crowd::Crowd;
use work::{Disturbed, churn};

const PROCESSES: u64 = 8;
const KEYS: u64 = 1_000;
const CAP: u64 = 20 << 20;

fn config(config: Config) -> Config {
    Config {
        max_size: CAP,
        max_value: 4 << 20,
        max_entries: KEYS * 9 / 10,
        ..config
    }
}

fn name(number: u64) -> StoreKey {
    key(&format!("churn:{number}"))
}

/// Asserts that what was found was set for this key.
fn check(number: u64, lookup: &Lookup) {
    if let Some(found) = &lookup.found {
        let said = Described::read(&found.value).expect("a value that was set");
        assert_eq!(said.key, number);
    }
}

/// Where the parent puts a file for its children to end.
fn over(directory: &Path) -> PathBuf {
    directory.with_file_name("over")
}

#[tokio::test]
async fn eight_processes_find_no_wrong_value_and_keep_to_the_cap() {
    const THIS: &str = "churn::eight_processes_find_no_wrong_value_and_keep_to_the_cap";
    if let Some(config) = child::config() {
        return churn(config, Disturbed::No).await;
    }
    let mut crowd = Crowd::start(THIS);
    while crowd.goes_on() {
        crowd.get_on();
        crowd.measure();
    }
    crowd.end().await;
}

#[tokio::test]
async fn processes_that_are_stopped_and_killed_hold_up_nobody_for_long() {
    const THIS: &str = "churn::processes_that_are_stopped_and_killed_hold_up_nobody_for_long";
    if let Some(config) = child::config() {
        return churn(config, Disturbed::Yes).await;
    }
    let mut crowd = Crowd::start(THIS);
    let mut chance = Chance::new(1);
    while crowd.goes_on() {
        crowd.replace_one(&mut chance);
        crowd.leave_one_standing(&mut chance);
        for _ in 0..3 {
            crowd.measure();
            crowd.get_on();
        }
    }
    crowd.end().await;
}
