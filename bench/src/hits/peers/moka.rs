//! `moka` with a ttl, called by hand: its read-through forms do more.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use super::{BorrowedPair, Pair};
use crate::hits::contender::{Case, Contender, Role, async_numbers, async_pairs, numbers, pairs};
use crate::hits::keys::{CAPACITY, origin, shared_origin};
use crate::versions;

const TTL: Duration = Duration::from_secs(600);

pub(super) fn contenders(case: Case) -> Vec<Contender> {
    let who = versions::named("moka");
    let contender = match case {
        Case::Number => sync_number(who, origin),
        Case::Shared => sync_number::<Arc<String>>(who, shared_origin),
        Case::Pair => sync_pair(who),
        Case::AsyncNumber => async_number(who),
        Case::AsyncPair => async_pair(who),
    };
    vec![contender]
}

fn sync_number<V: Clone + Send + Sync + 'static>(who: String, origin: fn(u64) -> V) -> Contender {
    let cache = sync_cache::<u64, V>();
    let call = move |n| match cache.get(&n) {
        Some(value) => value,
        None => {
            let value = origin(n);
            cache.insert(n, value.clone());
            value
        }
    };
    Contender::new(Role::Store, who, numbers(call))
}

fn sync_pair(who: String) -> Contender {
    let cache = sync_cache::<Pair, u64>();
    let call = move |text: &str, n| match cache.get(&BorrowedPair(text, n)) {
        Some(value) => value,
        None => {
            let value = origin(u64::from(n));
            cache.insert((text.to_owned(), n), value);
            value
        }
    };
    Contender::new(Role::Store, who, pairs(call))
}

fn async_number(who: String) -> Contender {
    let cache = future_cache::<u64>();
    let call = async move |n| match cache.get(&n).await {
        Some(value) => value,
        None => {
            let value = origin(n);
            cache.insert(n, value).await;
            value
        }
    };
    Contender::new(Role::Store, who, async_numbers(call))
}

fn async_pair(who: String) -> Contender {
    let cache = future_cache::<Pair>();
    let call = async move |text: &str, n| match cache.get(&BorrowedPair(text, n)).await {
        Some(value) => value,
        None => {
            let value = origin(u64::from(n));
            cache.insert((text.to_owned(), n), value).await;
            value
        }
    };
    Contender::new(Role::Store, who, async_pairs(call))
}

fn sync_cache<K, V>() -> moka::sync::Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let cache = moka::sync::Cache::builder();
    let cache = cache.max_capacity(CAPACITY as u64);
    cache.time_to_live(TTL).build()
}

fn future_cache<K: Hash + Eq + Send + Sync + 'static>() -> moka::future::Cache<K, u64> {
    let cache = moka::future::Cache::builder();
    let cache = cache.max_capacity(CAPACITY as u64);
    cache.time_to_live(TTL).build()
}
