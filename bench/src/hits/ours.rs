//! Our own row. The functions share one cache, as those of users do: it holds the entries of the
//! cases before, too.

use std::sync::Arc;

use cachekit::cached;

use crate::hits::contender::{Case, Contender, Role, async_numbers, async_pairs, numbers, pairs};
use crate::hits::keys::{origin, shared_origin};

/// The contender's name.
pub(crate) const WHO: &str = "cachekit";

#[cached(ttl = "10m")]
fn number(n: u64) -> u64 {
    origin(n)
}

#[cached(ttl = "10m")]
fn shared(n: u64) -> Arc<String> {
    shared_origin(n)
}

#[cached(ttl = "10m")]
fn pair(text: &str, n: u32) -> u64 {
    let _ = text;
    origin(u64::from(n))
}

#[cached(ttl = "10m")]
async fn async_number(n: u64) -> u64 {
    origin(n)
}

#[cached(ttl = "10m")]
async fn async_pair(text: &str, n: u32) -> u64 {
    let _ = text;
    origin(u64::from(n))
}

/// Ours in `case`.
pub(crate) fn contenders(case: Case) -> Vec<Contender> {
    let contender = match case {
        Case::Number => Contender::new(Role::Ours, WHO, numbers(number)),
        Case::Shared => Contender::new(Role::Ours, WHO, numbers(shared)),
        Case::Pair => Contender::new(Role::Ours, WHO, pairs(pair)),
        Case::AsyncNumber => Contender::new(Role::Ours, WHO, async_numbers(async_number)),
        Case::AsyncPair => Contender::new(Role::Ours, WHO, async_pairs(async_pair)),
    };
    vec![contender]
}
