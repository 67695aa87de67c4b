//! A key that is asked for inside its own computation.

use std::time::Duration;

use cachekit::{ErrorKind, Policy};
use tokio::spawn;
use tokio::sync::watch;

use crate::cached::{Cached, Failure, Told, Way};
use crate::scene::Scene;

on!(everywhere:
    a_key_asked_for_inside_its_own_computation_is_an_error,
    a_key_asked_for_inside_its_own_computation_is_computed_where_no_error_can_say_so,
    another_key_is_computed_inside_of_a_computation,
    two_computations_that_wait_for_each_other_come_apart,
);

async fn a_key_asked_for_inside_its_own_computation_is_an_error(scene: Scene) {
    for way in Way::ALL {
        let (cached, cache) = (Cached::new(way, Policy::new()), scene.process());
        let inner = cached.nested::<Told, _>(&cache, async { Ok("inner".to_owned()) });
        let error = cached.call(&cache, inner).await.unwrap_err();
        assert_eq!(error.kind(), Some(ErrorKind::Reentrant), "{way:?}");
        assert_eq!(cache.get(&cached.key()).await.unwrap(), None, "{way:?}");
    }
}

async fn a_key_asked_for_inside_its_own_computation_is_computed_where_no_error_can_say_so(
    scene: Scene,
) {
    for way in Way::ALL {
        let (cached, cache) = (Cached::new(way, Policy::new()), scene.process());
        let inner = cached.nested::<&str, _>(&cache, async { Ok("inner".to_owned()) });
        let outer = cached.call::<&str, _>(&cache, async { Ok(inner.await? + ", outer") });
        assert_eq!(outer.await.unwrap(), "inner, outer", "{way:?}");
        let found = cache.get(&cached.key()).await.unwrap();
        assert_eq!(found.as_deref(), Some("inner, outer"), "{way:?}");
    }
}

async fn another_key_is_computed_inside_of_a_computation(scene: Scene) {
    for outside in Way::ALL {
        for inside in Way::ALL {
            // One place for a computation: the inner one shares it.
            let cache = scene.process_with(|config| config.max_computations = 1);
            let [outer, inner] = [outside, inside].map(|way| Cached::new(way, Policy::new()));
            let nested = inner.nested::<Told, _>(&cache, async { Ok("inner".to_owned()) });
            let value = outer
                .call::<Told, _>(&cache, async { Ok(nested.await? + ", outer") })
                .await;
            assert_eq!(value.unwrap(), "inner, outer", "{outside:?}, {inside:?}");
            let found = cache.get(&inner.key()).await.unwrap();
            assert_eq!(found.as_deref(), Some("inner"), "{outside:?}, {inside:?}");
        }
    }
}

async fn two_computations_that_wait_for_each_other_come_apart(scene: Scene) {
    for way in Way::ALL {
        let kinds = come_apart(&scene, way, |told: Told| told.kind()).await;
        assert!(
            kinds.contains(&Err(Some(ErrorKind::Reentrant))),
            "{way:?}: {kinds:?}"
        );
        let values = come_apart(&scene, way, |untold: &str| untold).await;
        assert!(values.iter().all(Result::is_ok), "{way:?}: {values:?}");
    }
}

/// What becomes of two functions that call each other, at the same time.
async fn come_apart<E: Failure, T>(
    scene: &Scene,
    way: Way,
    seen: impl Fn(E) -> T,
) -> Vec<Result<String, T>> {
    let (cache, begun) = (scene.process(), watch::Sender::new(0));
    let [f, g] = [(); 2].map(|()| Cached::new(way, Policy::new()));
    let calling = |own: Cached, other: Cached| {
        let nested = other.nested::<E, _>(&cache, async { Ok("nested".to_owned()) });
        let begun = begun.clone();
        spawn(own.call(&cache, async move {
            begun.send_modify(|count| *count += 1);
            let _ = begun.subscribe().wait_for(|count| *count == 2).await;
            nested.await
        }))
    };
    let calls = [calling(f, g), calling(g, f)];
    scene.until(|| cache.stats().coalesced == 2).await;
    scene.pass(Duration::from_secs(2)).await;
    assert!(calls.iter().all(|call| !call.is_finished()));
    let mut ended = Vec::new();
    for call in calls {
        scene.hastily(|| call.is_finished()).await;
        ended.push(call.await.unwrap().map_err(&seen));
    }
    ended
}
