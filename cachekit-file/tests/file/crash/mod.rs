//! A writer that is killed at any instant: what it confirmed stays, what it was at either happened
//! or did not, and nobody is held up.
//!
//! `CACHEKIT_TEST_KILLS` says how often, in each of the directories:
//!
//! ```sh
//! CACHEKIT_TEST_KILLS=1000 cargo test --package cachekit-file --test file crash
//! ```

mod killing;
mod writer;

use cachekit_core::key::StoreKey;
use cachekit_file::Config;

use crate::child;
use crate::scratch::key;
use killing::Killing;

/// Keys of a directory, and how many a writer sets at once.
const KEYS: u64 = 150;
const AT_ONCE: u64 = 3;

fn name(number: u64) -> StoreKey {
    key(&format!("crash:{number}"))
}

fn roomy(config: Config) -> Config {
    Config {
        max_entries: 1_000,
        ..config
    }
}

fn tight(config: Config) -> Config {
    Config {
        max_entries: 100,
        max_size: 2 << 20,
        max_value: 1 << 20,
        ..config
    }
}

#[tokio::test]
async fn a_writer_that_is_killed_loses_nothing_that_it_confirmed() {
    const THIS: &str = "crash::a_writer_that_is_killed_loses_nothing_that_it_confirmed";
    match child::config() {
        Some(config) => writer::write_until_killed(roomy(config)).await,
        None => Killing::new(THIS, roomy).run().await,
    }
}

#[tokio::test]
async fn a_writer_that_is_killed_while_it_evicts_leaves_the_caps_as_they_were() {
    const THIS: &str =
        "crash::a_writer_that_is_killed_while_it_evicts_leaves_the_caps_as_they_were";
    match child::config() {
        Some(config) => writer::write_until_killed(tight(config)).await,
        None => Killing::new(THIS, tight).run().await,
    }
}
