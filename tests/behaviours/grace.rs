//! What is no longer fresh, and when it is better than nothing.

use std::time::Duration;

use cachekit::{Cache, ErrorKind, Policy};
use tokio::spawn;

use crate::cached::{Cached, Failure, Told, Way};
use crate::origin::Origin;
use crate::scene::Scene;

on!(everywhere:
    what_is_in_grace_is_returned_when_the_time_of_the_caller_is_over,
    what_is_in_grace_is_returned_at_once_while_one_refreshes_where_that_is_written,
    where_there_is_nothing_in_grace_a_caller_waits,
    where_there_is_nothing_in_grace_a_caller_is_told_that_its_time_is_over,
    what_is_in_grace_is_returned_when_the_computation_fails,
    after_a_failure_the_origin_is_left_alone_for_five_seconds,
    after_its_grace_nothing_is_returned_when_the_computation_fails,
    without_grace_a_failure_is_an_error_and_nothing_is_stored,
    what_was_removed_is_not_returned_when_the_computation_fails,
);
on!(shared:
    what_another_process_removed_is_not_returned_when_the_computation_fails,
);
on!(fenced: after_a_failure_other_processes_do_not_wait_for_what_is_in_grace);

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Patient with nobody, and with an hour of grace.
fn policy() -> Policy {
    Policy::new().ttl(MINUTE).grace(60 * MINUTE).timeout(SECOND)
}

/// A process in which the value `old` is in grace.
async fn in_grace(scene: &Scene, cached: &Cached) -> Cache {
    let cache = scene.process();
    cached.get(&cache, "old").await;
    cache.expire(&cached.key()).await.unwrap();
    assert_eq!(cache.get(&cached.key()).await.unwrap(), None);
    cache
}

fn value<E>(text: &str) -> Result<String, E> {
    Ok(text.to_owned())
}

async fn fail(
    scene: &Scene,
    cached: &Cached,
    cache: &Cache,
    origin: &Origin,
) -> Result<String, Told> {
    let call = spawn(cached.call(cache, origin.answer(Err(Told::Origin("away")))));
    // A real store that was slow once is asked again after a pause.
    scene.in_time(|| call.is_finished()).await;
    call.await.unwrap()
}

async fn what_is_in_grace_is_returned_when_the_time_of_the_caller_is_over(scene: Scene) {
    for way in Way::ALL {
        is_over::<Told>(&scene, way).await;
        is_over::<&str>(&scene, way).await;
    }
}

async fn is_over<E: Failure>(scene: &Scene, way: Way) {
    let (cached, origin) = (Cached::new(way, policy()), Origin::closed());
    let cache = in_grace(scene, &cached).await;
    let call = || spawn(cached.call::<E, _>(&cache, origin.answer(value("new"))));
    let leader = call();
    scene.until(|| origin.asked() == 1).await;
    let waiter = call();
    scene.until(|| cache.stats().coalesced == 1).await;
    scene.advance(SECOND / 2);
    assert!(!leader.is_finished() && !waiter.is_finished(), "{way:?}");
    scene.advance(SECOND / 2);
    scene.in_time(|| waiter.is_finished()).await;
    assert_eq!(waiter.await.unwrap(), value("old"), "{way:?}");
    if way != Way::Blocking {
        scene.in_time(|| leader.is_finished()).await;
        assert_eq!(leader.await.unwrap(), value("old"), "{way:?}");
    }
    // Its future is gone, and with it what was computed there.
    let goes_on = way != Way::Inline;
    origin.open();
    scene
        .until(|| origin.answered() == usize::from(goes_on))
        .await;
    let new = async || cached.get(&cache, "newer").await;
    let expected = if goes_on { "new" } else { "newer" };
    scene
        .eventually(SECOND, async || new().await == expected)
        .await;
}

async fn what_is_in_grace_is_returned_at_once_while_one_refreshes_where_that_is_written(
    scene: Scene,
) {
    for way in Way::ALL {
        let cached = Cached::new(way, policy().stale_while_refresh());
        let origin = Origin::closed();
        let cache = in_grace(&scene, &cached).await;
        let call = || spawn(cached.call::<Told, _>(&cache, origin.answer(value("new"))));
        let first = call();
        scene.until(|| origin.asked() == 1).await;
        if way == Way::Detached {
            scene.until(|| first.is_finished()).await;
        }
        for _ in 0..10 {
            let other = call();
            scene.until(|| other.is_finished()).await;
            assert_eq!(other.await.unwrap(), value("old"), "{way:?}");
        }
        assert_eq!(
            cache.get(&cached.key()).await.unwrap(),
            None,
            "it is not called fresh"
        );
        origin.open();
        let expected = if way == Way::Detached { "old" } else { "new" };
        assert_eq!(first.await.unwrap(), value(expected), "{way:?}");
        let fresh = async || cache.get(&cached.key()).await.unwrap().as_deref() == Some("new");
        scene.eventually(SECOND, fresh).await;
        assert_eq!(origin.asked(), 1, "{way:?}");
    }
}

async fn where_there_is_nothing_in_grace_a_caller_waits(scene: Scene) {
    for way in Way::ALL {
        let cached = Cached::new(way, policy().stale_while_refresh());
        let (cache, origin) = (scene.process(), Origin::closed());
        let call = || spawn(cached.call::<&str, _>(&cache, origin.answer(value("new"))));
        let callers = [call(), call()];
        scene
            .until(|| origin.asked() == 1 && cache.stats().coalesced == 1)
            .await;
        scene.advance(5 * SECOND);
        tokio::task::yield_now().await;
        assert!(
            callers.iter().all(|caller| !caller.is_finished()),
            "{way:?}"
        );
        origin.open();
        for caller in callers {
            scene.until(|| caller.is_finished()).await;
            assert_eq!(caller.await.unwrap(), value("new"), "{way:?}");
        }
    }
}

async fn where_there_is_nothing_in_grace_a_caller_is_told_that_its_time_is_over(scene: Scene) {
    for way in Way::ALL {
        let (cached, origin) = (Cached::new(way, policy()), Origin::closed());
        let cache = scene.process();
        let call = || spawn(cached.call(&cache, origin.answer(value("late"))));
        let leader = call();
        scene.until(|| origin.asked() == 1).await;
        let waiter = call();
        scene.until(|| cache.stats().coalesced == 1).await;
        scene.advance(SECOND);
        let told = if way == Way::Blocking {
            vec![waiter]
        } else {
            vec![leader, waiter]
        };
        for caller in told {
            scene.in_time(|| caller.is_finished()).await;
            let error: Told = caller.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), Some(ErrorKind::Timeout), "{way:?}");
        }
        origin.open();
        if way != Way::Inline {
            let stored = async || cached.get(&cache, "newer").await == "late";
            scene.eventually(SECOND, stored).await;
            assert_eq!(origin.asked(), 1, "{way:?}");
        }
    }
}

async fn what_is_in_grace_is_returned_when_the_computation_fails(scene: Scene) {
    for way in Way::ALL {
        let (cached, origin) = (Cached::new(way, policy()), Origin::closed());
        let cache = in_grace(&scene, &cached).await;
        let call = || {
            let failure = origin.answer(Err(Told::Origin("away")));
            spawn(cached.call(&cache, failure))
        };
        let callers: Vec<_> = (0..10).map(|_| call()).collect();
        scene
            .until(|| origin.asked() == 1 && cache.stats().coalesced == 9)
            .await;
        origin.open();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), value("old"), "{way:?}");
        }
        assert_eq!(origin.asked(), 1, "{way:?}");
        assert_eq!(
            cache.get(&cached.key()).await.unwrap(),
            None,
            "it is not called fresh"
        );
    }
}

async fn after_a_failure_the_origin_is_left_alone_for_five_seconds(scene: Scene) {
    for way in Way::ALL {
        let (cached, origin) = (Cached::new(way, policy()), Origin::new());
        let cache = in_grace(&scene, &cached).await;
        for _ in 0..10 {
            assert_eq!(
                fail(&scene, &cached, &cache, &origin).await,
                value("old"),
                "{way:?}"
            );
        }
        assert_eq!(origin.asked(), 1, "{way:?}");
        scene.advance(5 * SECOND);
        let next = spawn(cached.call::<Told, _>(&cache, origin.answer(value("new"))));
        scene.in_time(|| next.is_finished()).await;
        assert_eq!(next.await.unwrap(), value("new"), "{way:?}");
    }
}

async fn after_a_failure_other_processes_do_not_wait_for_what_is_in_grace(scene: Scene) {
    for way in Way::ALL {
        let (cached, origin) = (Cached::new(way, policy()), Origin::new());
        let cache = in_grace(&scene, &cached).await;
        assert_eq!(
            fail(&scene, &cached, &cache, &origin).await,
            value("old"),
            "{way:?}"
        );
        for asked in 2..=4 {
            let other = scene.process();
            let failure = origin.answer(Err(Told::Origin("away")));
            let call = spawn(cached.call(&other, failure));
            scene.in_time(|| call.is_finished()).await;
            assert_eq!(call.await.unwrap(), value("old"), "{way:?}");
            assert!(origin.asked() <= asked, "{way:?}");
        }
    }
}

async fn after_its_grace_nothing_is_returned_when_the_computation_fails(scene: Scene) {
    let policy = Policy::new().ttl(SECOND).grace(SECOND);
    let (cached, cache) = (Cached::new(Way::Detached, policy), scene.process());
    cached.get(&cache, "old").await;
    let failed = async || {
        let asking = cached.call(&cache, async { Err(Told::Origin("away")) });
        let caller = spawn(asking);
        scene.in_time(|| caller.is_finished()).await;
        match caller.await.unwrap() {
            Ok(value) => assert_eq!(value, "old"),
            Err(error) => {
                assert_eq!(error, Told::Origin("away"));
                return true;
            }
        }
        false
    };
    scene.eventually(3 * SECOND, failed).await;
}

async fn without_grace_a_failure_is_an_error_and_nothing_is_stored(scene: Scene) {
    for way in Way::ALL {
        let cached = Cached::new(way, policy().grace(Duration::ZERO));
        let (cache, origin) = (in_grace(&scene, &cached).await, Origin::new());
        for asked in 1..=2 {
            let failed = fail(&scene, &cached, &cache, &origin).await;
            assert_eq!(failed, Err(Told::Origin("away")), "{way:?}");
            assert_eq!(origin.asked(), asked, "{way:?}");
        }
        assert_eq!(cached.get(&cache, "new").await, "new", "{way:?}");
    }
}

async fn what_was_removed_is_not_returned_when_the_computation_fails(scene: Scene) {
    for way in Way::ALL {
        for by_tag in [false, true] {
            let cached = Cached::new(way, policy()).tags(&["group"]);
            let (cache, origin) = (scene.process(), Origin::new());
            cached.get(&cache, "old").await;
            match by_tag {
                true => cache.remove_tag("group").await.unwrap(),
                false => cache.remove(&cached.key()).await.unwrap(),
            }
            let failed = fail(&scene, &cached, &cache, &origin).await;
            assert_eq!(failed, Err(Told::Origin("away")), "{way:?}, {by_tag}");
        }
    }
}

async fn what_another_process_removed_is_not_returned_when_the_computation_fails(scene: Scene) {
    for way in Way::ALL {
        for by_tag in [false, true] {
            let cached = Cached::new(way, policy()).tags(&["group"]);
            let (cache, other) = (scene.process(), scene.process());
            let origin = Origin::new();
            cached.get(&cache, "old").await;
            match by_tag {
                true => other.remove_tag("group").await.unwrap(),
                false => other.remove(&cached.key()).await.unwrap(),
            }
            scene.advance(5 * SECOND); // the copy in the process is in grace
            let failed = fail(&scene, &cached, &cache, &origin).await;
            assert_eq!(failed, Err(Told::Origin("away")), "{way:?}, {by_tag}");
        }
    }
}
