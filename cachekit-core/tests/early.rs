//! Callers who compute a value anew before its time, and do not come to an end with it.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use cachekit_core::Error;
use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::testkit::ManualClock;
use tokio::task::yield_now;

const SECOND: Duration = Duration::from_secs(1);

static USERS: Function =
    Function::new("tests::early", "users").policy(Policy::new().ttl(Duration::from_secs(60)));

fn key() -> Key<u64> {
    USERS.key(&1_u64).unwrap()
}

/// What a caller gets whose computation takes no time.
async fn get(cache: &Cache, value: u64) -> u64 {
    let compute = || async { Ok::<_, Error>(value) };
    cache.get_or_compute(&key(), compute).await.unwrap()
}

/// A cache with a value that took four seconds, in the last sixteen of its time.
async fn early() -> (ManualClock, Cache) {
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let slow = || async {
        time.advance(4 * SECOND);
        Ok::<_, Error>(1)
    };
    cache.get_or_compute(&key(), slow).await.unwrap();
    time.advance(45 * SECOND);
    (time, cache)
}

#[tokio::test]
async fn a_refresher_that_is_dropped_leaves_the_refresh_to_another_after_a_while() {
    let (time, cache) = early().await;
    {
        let (key, computation) = (key(), || pending::<Result<u64, Error>>());
        let refresher = pin!(cache.get_or_compute(&key, computation));
        let mut context = Context::from_waker(Waker::noop());
        assert!(refresher.poll(&mut context).is_pending());
    }
    assert_eq!(get(&cache, 2).await, 1);
    time.advance(4 * SECOND);
    assert_eq!(get(&cache, 2).await, 2);
    assert_eq!(cache.stats().refreshed, 2);
}

#[tokio::test]
async fn a_refresher_that_panics_leaves_the_refresh_to_another_after_a_while() {
    for detached in [false, true] {
        let (time, cache) = early().await;
        let computation = async { panic!("computation") };
        let refresher = {
            let cache = cache.clone();
            tokio::spawn(AssertUnwindSafe(async move {
                match detached {
                    true => cache.get_or_spawn::<_, _, Error>(&key(), computation).await,
                    false => cache.get_or_compute(&key(), || computation).await,
                }
            }))
        };
        let told = refresher.await;
        assert_eq!(
            told.is_err(),
            !detached,
            "in a task it keeps nobody waiting"
        );
        while cache.explain(&key()).await.computing {
            yield_now().await;
        }
        assert_eq!(get(&cache, 2).await, 1);
        time.advance(4 * SECOND);
        assert_eq!(get(&cache, 2).await, 2);
    }
}

#[tokio::test]
async fn a_refresh_that_goes_on_for_long_is_not_begun_again() {
    let (time, cache) = early().await;
    let mut context = Context::from_waker(Waker::noop());
    let (key, computation) = (key(), || pending::<Result<u64, Error>>());
    let mut refresher = pin!(cache.get_or_compute(&key, computation));
    assert!(refresher.as_mut().poll(&mut context).is_pending());
    for _ in 0..5 {
        assert_eq!(get(&cache, 2).await, 1);
        time.advance(SECOND);
    }
    assert_eq!(cache.stats().refreshed, 1);
}
