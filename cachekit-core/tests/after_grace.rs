//! What is in grace when a computation begins may be gone before it ends.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use cachekit_core::backend::Backend;
use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::testkit::{Faults, FaultyBackend, ManualClock, ReferenceBackend};
use cachekit_core::{Error, ErrorKind};
use tokio::sync::oneshot;
use tokio::task::yield_now;

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
        builder().backend(Arc::new(store)).build(),
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
        assert_eq!(cache.stats().stale, 1);
        time.advance(Duration::from_secs(30));
        assert!(pin!(other()).poll(&mut context).is_pending());
    }
}

/// Grace begins when an entry is expired, but a store does not tell when that was: there it ends
/// with the entry at the latest, however often it is read.
#[tokio::test]
async fn what_was_expired_is_served_for_its_grace_in_a_process_and_until_its_end_in_a_store() {
    const SECOND: Duration = Duration::from_secs(1);
    static EXPIRED: Function = Function::new("tests::after_grace", "expired").policy(
        Policy::new()
            .ttl(Duration::from_secs(20))
            .grace(Duration::from_secs(5)),
    );
    let time = ManualClock::new();
    // Jitter takes up to a tenth of the ttl.
    for (cache, served) in caches(&time).into_iter().zip([4..=5, 22..=25]) {
        assert_eq!(get(&cache, &EXPIRED, async { Ok(1) }).await, Ok(1));
        cache
            .expire(&EXPIRED.key::<u64>(&1_u64).unwrap())
            .await
            .unwrap();
        let mut seconds = 0;
        while get(&cache, &EXPIRED, async { Err("down") }).await == Ok(1) {
            time.advance(SECOND);
            seconds += 1;
            assert!(seconds < 60, "it has no end");
        }
        assert!(served.contains(&seconds), "{seconds} s");
    }
}

/// A copy in the process, and what those who wait are given, end with the entry of the store.
#[tokio::test]
async fn what_was_expired_in_a_store_that_is_away_since_is_served_no_longer_than_it_had_it() {
    const SECOND: Duration = Duration::from_secs(1);
    static EXPIRED: Function = Function::new("tests::after_grace", "expired and away").policy(
        Policy::new()
            .ttl(Duration::from_secs(20))
            .grace(Duration::from_secs(20)),
    );
    for away_after in [0, 10, 20, 30] {
        let time = ManualClock::new();
        let store = ReferenceBackend::new(time.clock());
        let store = FaultyBackend::new(store, Faults::default(), time.clock());
        let store = Arc::new(store);
        let backend = Arc::clone(&store) as Arc<dyn Backend>;
        let cache = Cache::builder()
            .clock(time.clock())
            .backend(backend)
            .build();
        assert_eq!(get(&cache, &EXPIRED, async { Ok(1) }).await, Ok(1));
        cache
            .expire(&EXPIRED.key::<u64>(&1_u64).unwrap())
            .await
            .unwrap();
        let mut seconds = 0;
        while get(&cache, &EXPIRED, async { Err("down") }).await == Ok(1) {
            store.set_outage(seconds >= away_after);
            time.advance(SECOND);
            seconds += 1;
            assert!(seconds <= 40, "the store had it for forty seconds");
        }
        assert!(seconds >= 20.min(away_after), "{seconds} s");
    }
}

#[tokio::test]
async fn each_caller_that_is_given_what_is_in_grace_is_counted_once() {
    let time = ManualClock::new();
    for cache in caches(&time) {
        let before = cache.stats().stale;
        assert_eq!(get(&cache, &PATIENT, async { Ok(1) }).await, Ok(1));
        time.advance(Duration::from_secs(2));
        let (fail, failed) = oneshot::channel::<()>();
        let key: Key<u64> = PATIENT.key(&1_u64).unwrap();
        let leader = tokio::spawn({
            let (cache, key) = (cache.clone(), key.clone());
            let fails = async move {
                let _ = failed.await;
                Err(Error::new(ErrorKind::Unavailable, "origin"))
            };
            async move { cache.get_or_spawn(&key, fails).await }
        });
        while !cache.explain(&key).await.computing {
            yield_now().await;
        }
        let mut context = Context::from_waker(Waker::noop());
        let mut waiters = [(); 3].map(|()| Box::pin(get(&cache, &PATIENT, std::future::pending())));
        for waiter in &mut waiters {
            assert!(waiter.as_mut().poll(&mut context).is_pending());
        }
        fail.send(()).unwrap();
        assert_eq!(leader.await.unwrap().unwrap(), 1);
        for waiter in waiters {
            assert_eq!(waiter.await, Ok(1));
        }
        assert_eq!(cache.stats().stale - before, 4);
    }
}
