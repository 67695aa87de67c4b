//! How long values live.

use std::time::Duration;

use cachekit::{Cache, Context, Key, Policy, Ttl};

use crate::cached::{Cached, Told, Way};
use crate::scene::Scene;

on!(everywhere:
    every_ttl_has_a_defined_result,
    a_ttl_of_zero_stores_nothing,
    what_a_computation_says_of_its_result_holds_for_no_other,
);
on!(by_hand:
    values_that_are_stored_together_do_not_end_together,
    a_value_lives_for_as_long_as_its_ttl_however_long_that_is,
);

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

async fn set(cache: &Cache, cached: &Cached, value: &str, ttl: Ttl) {
    let key = cached.key();
    cache.set_for(&key, value.to_owned(), ttl).await.unwrap();
}

async fn found(cache: &Cache, cached: &Cached) -> Option<String> {
    cache.get(&cached.key()).await.unwrap()
}

async fn every_ttl_has_a_defined_result(scene: Scene) {
    let long = [31 * DAY, 3_650 * DAY].map(|ttl| Ttl::new(ttl).unwrap());
    let cached = || Cached::new(Way::Inline, Policy::new());
    let lasting = [long[0], long[1], Ttl::NEVER].map(|ttl| (ttl, cached()));
    let (cache, brief) = (scene.process(), cached());
    for (ttl, cached) in &lasting {
        set(&cache, cached, "lasting", *ttl).await;
    }
    set(&cache, &brief, "brief", Ttl::from_millis(1)).await;
    let over = async || found(&cache, &brief).await.is_none();
    scene.eventually(SECOND, over).await;
    for (ttl, cached) in &lasting {
        let value = found(&cache, cached).await;
        assert_eq!(value.as_deref(), Some("lasting"), "{ttl:?}");
        if scene.shares() {
            let value = found(&scene.process(), cached).await;
            assert_eq!(value.as_deref(), Some("lasting"), "{ttl:?}");
        }
    }
}

async fn a_ttl_of_zero_stores_nothing(scene: Scene) {
    assert!(Ttl::new(Duration::ZERO).is_err());
    let cache = scene.process();
    for way in Way::ALL {
        let cached = Cached::new(way, Policy::new().ttl(Duration::ZERO));
        for value in ["first", "second"] {
            assert_eq!(cached.get(&cache, value).await, value, "{way:?}");
        }
        let cached = Cached::new(way, Policy::new());
        let unstored = async {
            Context::current().ttl(Duration::ZERO);
            Ok::<_, Told>("first".to_owned())
        };
        cached.call(&cache, unstored).await.unwrap();
        assert_eq!(cached.get(&cache, "second").await, "second", "{way:?}");
    }
}

async fn what_a_computation_says_of_its_result_holds_for_no_other(scene: Scene) {
    for way in Way::ALL {
        let cached = Cached::new(way, Policy::new().ttl(DAY));
        let cache = scene.process();
        let brief = async {
            let context = Context::current();
            context.ttl(SECOND);
            context.grace(Duration::ZERO);
            Ok::<_, Told>("brief".to_owned())
        };
        cached.call(&cache, brief).await.unwrap();
        let over = async || cached.get(&cache, "lasting").await == "lasting";
        scene.eventually(SECOND, over).await;
        // As long again, by another entry.
        let witness = Cached::new(way, Policy::new().ttl(SECOND));
        witness.get(&cache, "witness").await;
        let over = async || found(&cache, &witness).await.is_none();
        scene.eventually(SECOND, over).await;
        assert_eq!(cached.get(&cache, "newer").await, "lasting", "{way:?}");
    }
}

async fn values_that_are_stored_together_do_not_end_together(scene: Scene) {
    let (cache, cached) = (scene.process(), Cached::new(Way::Inline, Policy::new()));
    let count = if scene.shares() { 1_000 } else { 10_000 };
    let key = |id: u64| -> Key<u64> { cached.function.key(&id).unwrap() };
    let keys: Vec<_> = (0..count).map(key).collect();
    let ttl = Ttl::from_secs(1_000);
    for (id, key) in (0..).zip(&keys) {
        cache.set_for(key, id, ttl).await.unwrap();
    }
    let mut left = Vec::new();
    for seconds in [899, 26, 25, 25, 25] {
        scene.advance(seconds * SECOND);
        let found = cache.get_many(&keys).await;
        left.push(
            found
                .into_iter()
                .filter(|found| matches!(found, Ok(Some(_))))
                .count(),
        );
    }
    let count = keys.len();
    assert_eq!((left[0], left[4]), (count, 0), "{left:?}");
    for (share, left) in [(3, left[1]), (2, left[2]), (1, left[3])] {
        let expected = count * share / 4;
        assert!(
            left.abs_diff(expected) < count / 10,
            "{left} of {count}, not {expected}"
        );
    }
}

async fn a_value_lives_for_as_long_as_its_ttl_however_long_that_is(scene: Scene) {
    let (cache, cached) = (scene.process(), Cached::new(Way::Inline, Policy::new()));
    for days in [1, 31, 3_650] {
        let ttl = days * DAY;
        set(&cache, &cached, "v", Ttl::new(ttl).unwrap()).await;
        scene.advance(ttl / 10 * 9 - SECOND);
        assert_eq!(
            found(&cache, &cached).await.as_deref(),
            Some("v"),
            "{days} days"
        );
        scene.advance(ttl / 10 + SECOND);
        assert_eq!(found(&cache, &cached).await, None, "{days} days");
    }
}
