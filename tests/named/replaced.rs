//! A cache in the place of all others, for what is called inside.

use std::time::Duration;

use cachekit::{Cache, cached, with_cache, with_cache_sync};
use cachekit_core::testkit::ManualClock;

use crate::{Shop, caches, plain, price, session};

/// Its computation, a task of its own, calls functions of all caches.
#[cached]
async fn page(id: u64) -> String {
    let session = session(id).await;
    format!("{session}: {} {}", plain(id), price(id))
}

#[tokio::test]
async fn a_cache_takes_the_place_of_the_unnamed_and_of_every_named_one() {
    let cache = Cache::in_process();
    with_cache(cache.clone(), async {
        plain(101);
        price(101);
        session(101).await;
        Shop.article("pin").await;
    })
    .await;
    assert_eq!((cache.entries(), cache.stats().computed), (4, 4));
    assert_eq!(price::peek(101), None);
    assert_eq!(session::peek(101).await, None);
}

#[tokio::test]
async fn detached_computations_that_begin_inside_are_inside() {
    let cache = Cache::in_process();
    let page = with_cache(cache.clone(), page(102)).await;
    assert_eq!(page, "session 102: 102 10200");
    assert_eq!((cache.entries(), cache.stats().computed), (4, 4));
    assert_eq!(plain::peek(102), None);
}

#[test]
fn the_sync_form_holds_on_this_thread_until_the_call_returns() {
    let cache = Cache::in_process();
    let ours = with_cache_sync(cache.clone(), || {
        price(103);
        std::thread::spawn(|| price::peek(103)).join().unwrap()
    });
    assert_eq!(ours, None, "another thread has the usual cache");
    assert_eq!(cache.entries(), 1);
    assert_eq!(price::peek(103), None);
}

#[test]
fn companions_act_on_the_cache_in_place() {
    let cache = Cache::in_process();
    with_cache_sync(cache.clone(), || {
        price::prime(104, 7).unwrap();
        assert_eq!(price(104), 7);
        price::remove(104).unwrap();
        assert_eq!(price::peek(104), None);
        assert_eq!(price::refresh(104), 10_400);
    });
    assert_eq!(cache.stats().computed, 1);
}

#[tokio::test]
async fn what_the_user_spawns_has_the_usual_cache_unless_it_is_given_one() {
    let cache = Cache::in_process();
    with_cache(cache.clone(), async {
        tokio::spawn(async { price(105) }).await.unwrap();
        let given = with_cache(cache.clone(), async { price(106) });
        tokio::spawn(given).await.unwrap();
    })
    .await;
    assert_eq!((price::peek(105), price::peek(106)), (Some(10_500), None));
    assert_eq!(cache.entries(), 1);
}

#[test]
fn a_function_whose_cache_is_code_keeps_it() {
    static CODE: std::sync::LazyLock<Cache> = std::sync::LazyLock::new(Cache::in_process);
    #[cached(cache = CODE)]
    fn load(id: u64) -> u64 {
        id
    }
    let cache = Cache::in_process();
    with_cache_sync(cache.clone(), || load(1));
    assert_eq!((cache.entries(), CODE.entries()), (0, 1));
}

#[test]
fn code_may_ask_for_the_cache_of_the_call() {
    #[cached(cache = caches::catalog())]
    fn load(id: u64) -> u64 {
        id
    }
    let cache = Cache::in_process();
    with_cache_sync(cache.clone(), || load(1));
    assert_eq!(cache.entries(), 1);
}

#[test]
fn with_none_in_their_place_named_caches_have_entries_and_counters_of_their_own() {
    price(107);
    assert_eq!(price(107), 10_700);
    assert!(caches::catalog().entries() > 0);
    assert!(caches::catalog().stats().computed > 0);
    // No test calls its functions outside of another cache.
    assert_eq!(caches::sessions().entries(), 0);
    assert_eq!(caches::sessions().stats().computed, 0);
}

#[tokio::test]
async fn a_refresh_that_a_call_inside_has_started_is_inside() {
    #[cached(ttl = "10s", grace = "1h", stale_while_refresh)]
    async fn offer(id: u64) -> u64 {
        plain(id) * 2
    }
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clock()).build();
    assert_eq!(with_cache(cache.clone(), offer(108)).await, 216);
    clock.advance(Duration::from_secs(11));
    assert_eq!(with_cache(cache.clone(), offer(108)).await, 216);
    // `offer`, `plain`, and `offer` once more.
    let refreshed = async {
        while cache.stats().computed < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refreshed)
        .await
        .unwrap();
    assert_eq!(
        plain::peek(108),
        None,
        "the refresh has used the usual cache"
    );
}
