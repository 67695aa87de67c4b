//! What no cache on quick_cache can beat: its look-up alone, with a key that is there already.

use std::hash::RandomState;
use std::hint::black_box;

use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::hits::contender::{Case, Contender, Role};
use crate::hits::keys::{CAPACITY, Keys, origin, shared_origin};

/// The contender's name.
const WHO: &str = "limit: quick_cache get, same key bytes, same hasher";

/// The limit of `case`. There is nothing to await in it.
pub(crate) fn contenders(case: Case) -> Vec<Contender> {
    vec![match case {
        Case::Number | Case::AsyncNumber => limit(|keys| &keys.number_bytes, || origin(0)),
        Case::Shared => limit(|keys| &keys.number_bytes, || shared_origin(0)),
        Case::Pair | Case::AsyncPair => limit(|keys| &keys.pair_bytes, || origin(0)),
    }]
}

fn limit<V: Clone + Send + Sync + 'static>(
    bytes: fn(&Keys) -> &[Box<[u8]>],
    origin: fn() -> V,
) -> Contender {
    let cache: Cache<Box<[u8]>, V, UnitWeighter, RandomState> = Cache::with(
        CAPACITY,
        CAPACITY as u64,
        UnitWeighter,
        RandomState::new(),
        DefaultLifecycle::default(),
    );
    Contender::new(Role::Limit, WHO, move |keys| {
        for key in bytes(keys) {
            black_box(cache.get(key).unwrap_or_else(|| {
                let value = origin();
                cache.insert(key.clone(), value.clone());
                value
            }));
        }
    })
}
