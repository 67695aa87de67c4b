//! The macros of `cached`: one lock around an LRU, and the sharded form of it.

use std::sync::Arc;

use cached::macros::{cached, concurrent_cached};

use crate::hits::contender::{Case, Contender, Role, async_numbers, async_pairs, numbers, pairs};
use crate::hits::keys::{origin, shared_origin};
use crate::versions;

#[cached(max_size = 40_000, ttl_secs = 600)]
fn number(n: u64) -> u64 {
    origin(n)
}

#[concurrent_cached(max_size = 40_000, ttl_secs = 600)]
fn concurrent_number(n: u64) -> u64 {
    origin(n)
}

#[cached(max_size = 40_000, ttl_secs = 600)]
fn shared(n: u64) -> Arc<String> {
    shared_origin(n)
}

#[concurrent_cached(max_size = 40_000, ttl_secs = 600)]
fn concurrent_shared(n: u64) -> Arc<String> {
    shared_origin(n)
}

#[cached(max_size = 40_000, ttl_secs = 600, key = "(String, u32)", convert = { (text.to_owned(), n) })]
fn pair(text: &str, n: u32) -> u64 {
    let _ = text;
    origin(u64::from(n))
}

#[concurrent_cached(max_size = 40_000, ttl_secs = 600, key = "(String, u32)", convert = { (text.to_owned(), n) })]
fn concurrent_pair(text: &str, n: u32) -> u64 {
    let _ = text;
    origin(u64::from(n))
}

#[cached(max_size = 40_000, ttl_secs = 600)]
async fn async_number(n: u64) -> u64 {
    origin(n)
}

#[concurrent_cached(max_size = 40_000, ttl_secs = 600)]
async fn async_concurrent_number(n: u64) -> u64 {
    origin(n)
}

#[cached(max_size = 40_000, ttl_secs = 600, key = "(String, u32)", convert = { (text.to_owned(), n) })]
async fn async_pair(text: &str, n: u32) -> u64 {
    let _ = text;
    origin(u64::from(n))
}

#[concurrent_cached(max_size = 40_000, ttl_secs = 600, key = "(String, u32)", convert = { (text.to_owned(), n) })]
async fn async_concurrent_pair(text: &str, n: u32) -> u64 {
    let _ = text;
    origin(u64::from(n))
}

pub(super) fn contenders(case: Case) -> Vec<Contender> {
    let crate_name = versions::named("cached");
    let lru = format!("{crate_name} #[cached(max_size, ttl)]");
    let concurrent = format!("{crate_name} #[concurrent_cached(max_size, ttl)]");
    let role = Role::Macro;
    match case {
        Case::Number => vec![
            Contender::new(role, lru, numbers(number)),
            Contender::new(role, concurrent, numbers(concurrent_number)),
        ],
        Case::Shared => vec![
            Contender::new(role, lru, numbers(shared)),
            Contender::new(role, concurrent, numbers(concurrent_shared)),
        ],
        Case::Pair => vec![
            Contender::new(role, lru, pairs(pair)),
            Contender::new(role, concurrent, pairs(concurrent_pair)),
        ],
        Case::AsyncNumber => vec![
            Contender::new(role, lru, async_numbers(async_number)),
            Contender::new(role, concurrent, async_numbers(async_concurrent_number)),
        ],
        Case::AsyncPair => vec![
            Contender::new(role, lru, async_pairs(async_pair)),
            Contender::new(role, concurrent, async_pairs(async_concurrent_pair)),
        ],
    }
}
