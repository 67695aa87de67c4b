//! Caches of others, each set up as its documentation says: bounded, and with a ttl where it has
//! one.

mod cached;
mod cachekit_rs;
mod moka;
mod quick_cache;

use ::quick_cache::Equivalent;

use crate::hits::contender::{Case, Contender};

/// All who can do `case`.
pub(crate) fn contenders(case: Case) -> Vec<Contender> {
    let peers = [
        cached::contenders,
        moka::contenders,
        quick_cache::contenders,
        cachekit_rs::contenders,
    ];
    let contenders = peers.iter().flat_map(|contenders| contenders(case));
    contenders.collect()
}

/// What is stored under a text and a number.
type Pair = (String, u32);

/// A look-up of a [`Pair`] without making one.
#[derive(Hash)]
struct BorrowedPair<'a>(&'a str, u32);

impl Equivalent<Pair> for BorrowedPair<'_> {
    fn equivalent(&self, (text, n): &Pair) -> bool {
        self.0 == text && self.1 == *n
    }
}
