//! What is in grace when a computation begins may be gone before it ends.

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::testkit::{ManualClock, ReferenceBackend};

const POLICY: Policy = Policy::new()
    .ttl(Duration::from_secs(1))
    .grace(Duration::from_secs(5));

static PATIENT: Function = Function::new("tests::after_grace", "patient").policy(POLICY);
static EAGER: Function =
    Function::new("tests::after_grace", "eager").policy(POLICY.stale_while_refresh());

/// A cache in this process, and one in front of a store.
fn caches(time: &ManualClock) -> [Cache; 2] {
    let builder = || Cache::builder().clock(time.clock());
    let store = ReferenceBackend::new(time.clock());
    [
        builder().build(),
        builder().backend(std::sync::Arc::new(store)).build(),
    ]
}

async fn get(
    cache: &Cache,
    function: &'static Function,
    compute: impl Future<Output = Result<u64, &'static str>>,
) -> Result<u64, &'static str> {
    let key: Key<u64> = function.key(&1_u64).unwrap();
    cache.get_or_compute(&key, || compute).await
}

#[tokio::test]
async fn a_computation_that_fails_after_the_end_of_grace_has_nothing_to_fall_back_on() {
    let time = ManualClock::new();
    for cache in caches(&time) {
        for (takes, expected) in [(2, Ok(1)), (30, Err("down"))] {
            assert_eq!(get(&cache, &PATIENT, async { Ok(1) }).await, Ok(1));
            time.advance(Duration::from_secs(2));
            let fails = async {
                time.advance(Duration::from_secs(takes));
                Err("down")
            };
            assert_eq!(get(&cache, &PATIENT, fails).await, expected);
            time.advance(Duration::from_secs(60));
        }
    }
}

#[tokio::test]
async fn a_computation_that_fails_after_a_removal_has_nothing_to_fall_back_on() {
    let time = ManualClock::new();
    let key: Key<u64> = PATIENT.key(&1_u64).unwrap();
    for cache in caches(&time) {
        for (is_removed, expected) in [(false, Ok(1)), (true, Err("down"))] {
            assert_eq!(get(&cache, &PATIENT, async { Ok(1) }).await, Ok(1));
            time.advance(Duration::from_secs(2));
            let fails = async {
                match is_removed {
                    true => cache.remove(&key).await.unwrap(),
                    false => cache.expire(&key).await.unwrap(),
                }
                Err("down")
            };
            assert_eq!(get(&cache, &PATIENT, fails).await, expected);
            time.advance(Duration::from_secs(60));
        }
    }
}

#[tokio::test]
async fn while_an_entry_is_refreshed_it_is_served_until_the_end_of_grace() {
    let time = ManualClock::new();
    for cache in caches(&time) {
        assert_eq!(get(&cache, &EAGER, async { Ok(1) }).await, Ok(1));
        time.advance(Duration::from_secs(2));
        let mut context = Context::from_waker(Waker::noop());
        let mut refreshing = pin!(get(&cache, &EAGER, std::future::pending()));
        assert!(refreshing.as_mut().poll(&mut context).is_pending());
        let other = || get(&cache, &EAGER, std::future::pending());
        assert_eq!(other().await, Ok(1));
        time.advance(Duration::from_secs(30));
        assert!(pin!(other()).poll(&mut context).is_pending());
    }
}
