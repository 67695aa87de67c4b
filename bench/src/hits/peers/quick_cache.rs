//! `quick_cache` with typed keys and its own default hasher, called by hand. It has no ttl.
//!
//! Its lock is the one that we use: features are shared by all who are built together.

use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::{BorrowedPair, Pair};
use crate::hits::contender::{Case, Contender, Role, numbers, pairs};
use crate::hits::keys::{CAPACITY, origin, shared_origin};
use crate::versions;

type Store<K, V> = Cache<K, V, UnitWeighter, RandomState>;

/// Nothing in it is awaited: an async function calls it as a sync one does.
pub(super) fn contenders(case: Case) -> Vec<Contender> {
    let who = versions::named("quick_cache");
    match case {
        Case::Number => vec![number(who, origin)],
        Case::Shared => vec![number::<Arc<String>>(who, shared_origin)],
        Case::Pair => vec![
            borrowed_pair(format!("{who}, borrowed key")),
            owned_pair(format!("{who}, owned key")),
        ],
        Case::AsyncNumber | Case::AsyncPair => Vec::new(),
    }
}

fn number<V: Clone + Send + Sync + 'static>(who: String, origin: fn(u64) -> V) -> Contender {
    let store: Store<u64, V> = store();
    let call = move |n| match store.get(&n) {
        Some(value) => value,
        None => {
            let value = origin(n);
            store.insert(n, value.clone());
            value
        }
    };
    Contender::new(Role::Store, who, numbers(call))
}

fn borrowed_pair(who: String) -> Contender {
    let store: Store<Pair, u64> = store();
    let call = move |text: &str, n| match store.get(&BorrowedPair(text, n)) {
        Some(value) => value,
        None => {
            let value = origin(u64::from(n));
            store.insert((text.to_owned(), n), value);
            value
        }
    };
    Contender::new(Role::Store, who, pairs(call))
}

fn owned_pair(who: String) -> Contender {
    let store: Store<Pair, u64> = store();
    let call = move |text: &str, n| {
        let pair = (text.to_owned(), n);
        match store.get(&pair) {
            Some(value) => value,
            None => {
                let value = origin(u64::from(n));
                store.insert(pair, value);
                value
            }
        }
    };
    Contender::new(Role::Store, who, pairs(call))
}

fn store<K: Eq + Hash, V: Clone>() -> Store<K, V> {
    Cache::with(
        CAPACITY,
        CAPACITY as u64,
        UnitWeighter,
        RandomState::default(),
        DefaultLifecycle::default(),
    )
}
