//! Hits in this process, counted by function and by cache.

use std::thread;

use cachekit_core::Error;
use cachekit_core::cache::{Cache, Function, Key};

async fn call(cache: &Cache, key: &Key<u64>) -> u64 {
    let compute = || async { Ok::<_, Error>(7) };
    cache.get_or_compute(key, compute).await.unwrap()
}

#[tokio::test]
async fn what_is_found_in_this_process_is_a_hit_of_its_function_and_its_cache() {
    static FUNCTION: Function = Function::new("tests::hits", "found");
    let (cache, key) = (Cache::in_process(), FUNCTION.key(&1).unwrap());
    call(&cache, &key).await;
    assert_eq!(FUNCTION.stats().hits, 0);
    for _ in 0..3 {
        call(&cache, &key).await;
    }
    cache.get(&key).await.unwrap();
    let absent = FUNCTION.key(&2).unwrap();
    cache.get_many(&[key, absent]).await;
    assert_eq!(FUNCTION.stats().hits, 5);
    assert_eq!(cache.stats().hits, 5);
    assert_eq!(cache.stats().computed, 1);
}

#[tokio::test]
async fn each_cache_counts_the_hits_that_were_found_in_it() {
    static FUNCTION: Function = Function::new("tests::hits", "two_caches");
    let key = FUNCTION.key(&1).unwrap();
    let (one, other) = (Cache::in_process(), Cache::in_process());
    for cache in [&one, &one, &one, &other, &other] {
        call(cache, &key).await;
    }
    assert_eq!(one.stats().hits, 2);
    assert_eq!(other.stats().hits, 1);
    assert_eq!(FUNCTION.stats().hits, 3);
}

#[test]
fn hits_of_several_threads_are_all_counted() {
    const THREADS: u64 = 4;
    const CALLS: u64 = 10_000;
    static FUNCTION: Function = Function::new("tests::hits", "threads");
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let (cache, key) = (Cache::in_process(), FUNCTION.key(&1).unwrap());
    runtime().block_on(call(&cache, &key));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                runtime().block_on(async {
                    for _ in 0..CALLS {
                        call(&cache, &key).await;
                    }
                });
            });
        }
    });
    assert_eq!(FUNCTION.stats().hits, THREADS * CALLS);
    assert_eq!(cache.stats().hits, THREADS * CALLS);
}

#[tokio::test]
async fn without_a_backend_a_miss_has_its_reason_as_well() {
    static FUNCTION: Function = Function::new("tests::hits", "reasons");
    let (cache, key) = (Cache::in_process(), FUNCTION.key(&1).unwrap());
    call(&cache, &key).await;
    cache.expire(&key).await.unwrap();
    call(&cache, &key).await;
    let stats = FUNCTION.stats();
    assert_eq!((stats.cold, stats.expired, stats.computed), (1, 1, 2));
}
