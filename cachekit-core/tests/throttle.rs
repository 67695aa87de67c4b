//! An origin that fails is left alone for five seconds while there is something in grace, also
//! where the process keeps nothing of a store.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cachekit_core::Error;
use cachekit_core::cache::explanation::{Here, Outcome};
use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::config::Config;
use cachekit_core::testkit::{ManualClock, ReferenceBackend};

const SECOND: Duration = Duration::from_secs(1);

static USERS: Function = Function::new("tests::throttle", "users").policy(
    Policy::new()
        .ttl(Duration::from_secs(10))
        .grace(Duration::from_secs(60)),
);

/// A process over a store, and what its origin was asked.
struct Scene {
    time: ManualClock,
    cache: Cache,
    asked: AtomicUsize,
}

impl Scene {
    /// A value in grace.
    async fn new(keeps_copies: bool) -> Self {
        let time = ManualClock::new();
        let mut config = Config::default();
        config.l1.enabled = keeps_copies;
        let store = Arc::new(ReferenceBackend::new(time.clock()));
        let builder = Cache::builder().config(config).clock(time.clock());
        let cache = builder.backend(store).build();
        let scene = Self {
            time,
            cache,
            asked: AtomicUsize::new(0),
        };
        assert_eq!(scene.get(Ok(1)).await, Ok(1));
        scene.time.advance(10 * SECOND);
        scene
    }

    fn key() -> Key<u64> {
        USERS.key(&1_u64).unwrap()
    }

    async fn get(&self, answer: Result<u64, &'static str>) -> Result<u64, &'static str> {
        let compute = || async {
            self.asked.fetch_add(1, Ordering::Relaxed);
            answer
        };
        self.cache.get_or_compute(&Self::key(), compute).await
    }

    /// How often the origin was asked since this was called last.
    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn an_origin_that_fails_is_asked_once_in_five_seconds() {
    for keeps_copies in [true, false] {
        let scene = Scene::new(keeps_copies).await;
        for _ in 0..3 {
            scene.asked();
            for _ in 0..10 {
                assert_eq!(scene.get(Err("down")).await, Ok(1));
            }
            assert_eq!(scene.asked(), 1, "{keeps_copies}");
            scene.time.advance(5 * SECOND);
        }
        assert_eq!(scene.get(Ok(2)).await, Ok(2));
        assert_eq!(scene.get(Err("down")).await, Ok(2));
    }
}

#[tokio::test]
async fn an_origin_that_fails_for_many_ids_is_asked_once_in_five_seconds() {
    for keeps_copies in [true, false] {
        let scene = Scene::new(keeps_copies).await;
        scene.asked();
        for _ in 0..3 {
            let compute = |_| async {
                scene.asked.fetch_add(1, Ordering::Relaxed);
                Err::<HashMap<u64, u64>, _>("down")
            };
            let found = scene.cache.get_or_compute_many(&USERS, vec![1], compute);
            assert_eq!(found.await, Ok(vec![Some(1)]));
        }
        assert_eq!(scene.asked(), 1, "{keeps_copies}");
    }
}

#[tokio::test]
async fn after_a_failure_what_was_removed_or_expired_is_computed_at_once() {
    for keeps_copies in [true, false] {
        let scene = Scene::new(keeps_copies).await;
        assert_eq!(scene.get(Err("down")).await, Ok(1));
        scene.cache.remove(&Scene::key()).await.unwrap();
        assert_eq!(scene.get(Err("down")).await, Err("down"));
        assert_eq!(scene.get(Ok(2)).await, Ok(2));
        scene.cache.expire(&Scene::key()).await.unwrap();
        assert_eq!(scene.get(Err("down")).await, Ok(2));
        scene.cache.expire(&Scene::key()).await.unwrap();
        assert_eq!(scene.get(Ok(3)).await, Ok(3));
    }
}

#[tokio::test]
async fn a_throttle_is_no_copy_of_a_value() {
    let scene = Scene::new(false).await;
    assert_eq!(scene.get(Err("down")).await, Ok(1));
    assert_eq!(scene.cache.get(&Scene::key()).await.unwrap(), None);
    let explanation = scene.cache.explain(&Scene::key()).await;
    assert_eq!(explanation.outcome, Outcome::Stale);
    assert_eq!(explanation.here, Here::Failed);
    scene.cache.set(&Scene::key(), 5).await.unwrap();
    let compute = || async { Ok::<_, Error>(6) };
    let found = scene.cache.get_or_compute(&Scene::key(), compute).await;
    assert_eq!(found.unwrap(), 5);
}
