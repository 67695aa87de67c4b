//! The store is away, and everybody asks the origin.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::config::Config;
use cachekit_core::testkit::Fleet;
use cachekit_core::{Error, ErrorKind};
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

const MINUTE: Duration = Duration::from_secs(60);

static USERS: Function =
    Function::new("tests::outage", "users").policy(Policy::new().ttl(MINUTE).grace(MINUTE));

fn over_store(places: usize) -> (Fleet, Cache) {
    let fleet = Fleet::new();
    let mut config = Config::default();
    config.max_computations = places;
    let cache = fleet.process_with(config);
    (fleet, cache)
}

fn key(id: usize) -> Key<String> {
    USERS.key(&id).unwrap()
}

async fn get(cache: &Cache, id: usize, value: &str) -> Result<String, Error> {
    let compute = || async { Ok::<_, Error>(value.to_owned()) };
    cache.try_get_or_compute(&key(id), compute).await
}

/// Computations that never end have all places.
async fn occupied(cache: &Cache, places: usize) -> JoinSet<()> {
    let mut computations = JoinSet::new();
    let begun = Arc::new(AtomicUsize::new(0));
    for place in 0..places {
        let (cache, begun) = (cache.clone(), Arc::clone(&begun));
        computations.spawn(async move {
            let compute = || async {
                begun.fetch_add(1, Ordering::SeqCst);
                pending::<Result<String, Error>>().await
            };
            let _ = cache.get_or_compute(&key(1_000 + place), compute).await;
        });
    }
    while begun.load(Ordering::SeqCst) < places {
        yield_now().await;
    }
    computations
}

#[tokio::test]
async fn no_more_ask_the_origin_at_once_than_there_are_places() {
    let (fleet, cache) = over_store(8);
    fleet.store.set_outage(true);
    let (asking, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for call in 0..2_000 {
        let (cache, asking, most) = (cache.clone(), Arc::clone(&asking), Arc::clone(&most));
        callers.spawn(async move {
            let compute = || async {
                most.fetch_max(asking.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..20 {
                    yield_now().await;
                }
                asking.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, Error>("new".to_owned())
            };
            cache.get_or_compute(&key(call % 200), compute).await
        });
    }
    while let Some(caller) = callers.join_next().await {
        assert_eq!(caller.unwrap().unwrap(), "new");
    }
    assert_eq!(most.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn who_finds_no_place_is_given_what_is_in_grace_at_once() {
    let (fleet, cache) = over_store(2);
    for id in 0..100 {
        get(&cache, id, "old").await.unwrap();
    }
    fleet.time.advance(MINUTE);
    fleet.store.set_outage(true);
    let _computations = occupied(&cache, 2).await;
    for id in 0..100 {
        assert_eq!(get(&cache, id, "new").await.unwrap(), "old");
    }
    assert_eq!(cache.stats().stale, 100);
}

#[tokio::test]
async fn who_finds_neither_a_place_nor_grace_is_told_so_after_a_second() {
    let (fleet, cache) = over_store(2);
    fleet.store.set_outage(true);
    let mut computations = occupied(&cache, 2).await;
    let caller = tokio::spawn({
        let cache = cache.clone();
        async move { get(&cache, 1, "new").await }
    });
    while !caller.is_finished() {
        yield_now().await;
        fleet.time.advance(Duration::from_millis(10));
    }
    let error = caller.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert_eq!(cache.stats().shed, 1);
    computations.shutdown().await;
    assert_eq!(get(&cache, 1, "new").await.unwrap(), "new");
}

#[tokio::test]
async fn what_is_computed_without_a_lead_is_not_stored_remotely() {
    let (fleet, cache) = over_store(1);
    fleet.store.set_outage(true);
    let compute = || async {
        fleet.store.set_outage(false);
        Ok::<_, Error>("new".to_owned())
    };
    let computed = cache.try_get_or_compute(&key(1), compute).await;
    assert_eq!(computed.unwrap(), "new");
    let calls = fleet.store.calls();
    assert_eq!((calls.set, calls.set_many), (0, 0));
    fleet.time.advance(MINUTE);
    assert_eq!(get(&cache, 2, "other").await.unwrap(), "other");
    assert!(fleet.store.calls().set > 0, "the store is back, and leads");
}

#[tokio::test]
async fn what_is_computed_inside_of_another_cache_takes_a_place_of_its_own() {
    let (_, outer) = over_store(8);
    let (_, weak) = over_store(1);
    let (asking, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for id in 0..8 {
        let (outer, weak) = (outer.clone(), weak.clone());
        let (asking, most) = (Arc::clone(&asking), Arc::clone(&most));
        callers.spawn(async move {
            let ask = || async {
                most.fetch_max(asking.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..20 {
                    yield_now().await;
                }
                asking.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, Error>("new".to_owned())
            };
            let inner = || async { weak.get_or_compute(&key(id), ask).await };
            outer.get_or_compute(&key(id), inner).await
        });
    }
    while let Some(called) = callers.join_next().await {
        called.unwrap().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn two_caches_whose_computations_ask_each_other_do_not_wait_for_ever() {
    let (fleet, one) = over_store(1);
    let time = &fleet.time;
    let mut config = Config::default();
    config.max_computations = 1;
    let other = Cache::builder().config(config).clock(time.clock()).build();
    let both_begun = Arc::new(Barrier::new(2));
    let mut callers = JoinSet::new();
    for (outer, inner) in [(one.clone(), other.clone()), (other, one)] {
        let both_begun = Arc::clone(&both_begun);
        callers.spawn(async move {
            let ask = || async { Ok::<_, Error>("new".to_owned()) };
            let nested = || async {
                both_begun.wait().await;
                inner.get_or_compute(&key(2), ask).await
            };
            outer.get_or_compute(&key(1), nested).await
        });
    }
    let mut done = 0;
    for _ in 0..10_000 {
        time.advance(Duration::from_millis(10));
        yield_now().await;
        while let Some(called) = callers.try_join_next() {
            called.unwrap().unwrap();
            done += 1;
        }
    }
    assert_eq!(done, 2);
}

#[tokio::test]
async fn an_origin_that_never_returns_keeps_its_place_for_a_minute() {
    let (fleet, cache) = over_store(1);
    let time = &fleet.time;
    let hung = {
        let cache = cache.clone();
        tokio::spawn(async move { cache.get_or_spawn(&key(1), pending()).await })
    };
    while !hung.is_finished() {
        time.advance(Duration::from_secs(1));
        yield_now().await;
    }
    let told: Result<String, Error> = hung.await.unwrap();
    assert_eq!(told.unwrap_err().kind(), ErrorKind::Timeout);
    for _ in 0..120 {
        time.advance(Duration::from_secs(1));
        yield_now().await;
    }
    let next = tokio::spawn(async move { get(&cache, 2, "new").await });
    for _ in 0..120 {
        if !next.is_finished() {
            time.advance(Duration::from_millis(100));
            yield_now().await;
        }
    }
    assert_eq!(next.await.unwrap().unwrap(), "new");
}
