//! A value, a `None`, what was not found, and an error are four things.

use std::time::Duration;

use cachekit::{Cache, Context, ErrorKind, Policy};

use crate::cached::{Cached, Failure, Told, Way};
use crate::origin::Origin;
use crate::scene::Scene;

on!(everywhere:
    a_none_is_believed_for_the_negative_ttl,
    a_none_without_a_negative_ttl_is_not_stored,
    what_was_not_found_is_believed_for_as_long_as_the_computation_says,
    what_was_not_found_is_not_stored_where_no_error_can_say_so,
);

const SECOND: Duration = Duration::from_secs(1);

async fn find(cached: &Cached, cache: &Cache, origin: &Origin, there: bool) -> Option<String> {
    let answer = there.then(|| "there".to_owned());
    let found = cached
        .find(cache, origin.answer(Ok::<_, Told>(answer)))
        .await;
    found.unwrap()
}

async fn a_none_is_believed_for_the_negative_ttl(scene: Scene) {
    for way in Way::ALL {
        let policy = Policy::new().negative_ttl(SECOND).grace(Duration::ZERO);
        let (cached, origin, cache) = (Cached::new(way, policy), Origin::new(), scene.process());
        for _ in 0..3 {
            assert_eq!(find(&cached, &cache, &origin, false).await, None);
        }
        assert_eq!(origin.asked(), 1, "{way:?}");
        let appears = async || find(&cached, &cache, &origin, true).await.is_some();
        scene.eventually(SECOND, appears).await;
        assert_eq!(origin.asked(), 2, "{way:?}");
    }
}

async fn a_none_without_a_negative_ttl_is_not_stored(scene: Scene) {
    for way in Way::ALL {
        let (cached, origin) = (Cached::new(way, Policy::new()), Origin::new());
        let cache = scene.process();
        assert_eq!(find(&cached, &cache, &origin, false).await, None);
        assert!(find(&cached, &cache, &origin, true).await.is_some());
        assert!(find(&cached, &cache, &origin, false).await.is_some());
        assert_eq!(origin.asked(), 2, "{way:?}");
    }
}

/// Asks an origin that has nothing, and says for how long that is so.
async fn miss<E: Failure>(
    cached: &Cached,
    cache: &Cache,
    origin: &Origin,
    error: E,
) -> Result<String, E> {
    let asked = origin.answer(error);
    let compute = async move {
        let error = asked.await;
        Context::current().not_found_for(SECOND);
        Err(error)
    };
    cached.call(cache, compute).await
}

async fn what_was_not_found_is_believed_for_as_long_as_the_computation_says(scene: Scene) {
    for way in Way::ALL {
        let (cached, origin) = (Cached::new(way, Policy::new()), Origin::new());
        let cache = scene.process();
        let nothing = Told::Origin("no such row");
        let first = miss(&cached, &cache, &origin, nothing.clone()).await;
        assert_eq!(first, Err(nothing.clone()), "{way:?}");
        let remembered = miss(&cached, &cache, &origin, nothing.clone()).await;
        assert_eq!(
            remembered.unwrap_err().kind(),
            Some(ErrorKind::NotFound),
            "{way:?}"
        );
        if scene.shares() {
            let other = miss(&cached, &scene.process(), &origin, nothing).await;
            assert_eq!(
                other.unwrap_err().kind(),
                Some(ErrorKind::NotFound),
                "{way:?}"
            );
        }
        assert_eq!(origin.asked(), 1, "{way:?}");
        let appears = async || {
            let there = async { Ok::<_, Told>("there".to_owned()) };
            cached.call(&cache, there).await.is_ok()
        };
        scene.eventually(SECOND, appears).await;
    }
}

async fn what_was_not_found_is_not_stored_where_no_error_can_say_so(scene: Scene) {
    for way in Way::ALL {
        let (cached, origin) = (Cached::new(way, Policy::new()), Origin::new());
        let cache = scene.process();
        for asked in 1..=2 {
            let error = miss(&cached, &cache, &origin, "no such row").await;
            assert_eq!(error, Err("no such row"), "{way:?}");
            assert_eq!(origin.asked(), asked, "{way:?}");
        }
        assert_eq!(cached.get(&cache, "there").await, "there", "{way:?}");
    }
}
