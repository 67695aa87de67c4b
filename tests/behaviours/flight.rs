//! One computation for all who ask at the same time.

use std::task::{Context, Waker};
use std::time::Duration;

use cachekit::{Cache, ErrorKind, Policy};
use tokio::spawn;

use crate::cached::{Cached, Told, Way};
use crate::origin::Origin;
use crate::scene::Scene;

on!(everywhere:
    a_thousand_callers_of_a_cold_key_share_one_computation,
    what_was_invalidated_while_it_was_computed_is_not_stored,
    a_computation_goes_on_when_one_of_its_callers_is_dropped,
    a_computation_ends_when_all_of_its_callers_are_dropped,
    a_caller_that_is_never_polled_again_keeps_nobody_waiting_for_ever,
    the_waiters_of_a_panic_get_an_error_and_the_next_caller_computes,
    the_waiters_of_a_failure_get_equal_errors_and_the_next_caller_computes,
    results_that_are_not_to_be_stored_are_computed_side_by_side,
);
on!(by_hand: a_computation_that_never_returns_keeps_its_key_for_a_minute);
on!(fenced:
    what_another_process_invalidated_while_it_was_computed_is_not_stored,
    what_is_newer_is_not_replaced_by_a_leader_that_was_overtaken,
);
on!(reference: of_two_who_take_over_from_a_hung_leader_one_computes);

const MINUTE: Duration = Duration::from_secs(60);

async fn a_thousand_callers_of_a_cold_key_share_one_computation(scene: Scene) {
    for way in Way::ALL {
        let (cache, origin) = (scene.process(), Origin::closed());
        let cached = Cached::new(way, Policy::new());
        let count = if way == Way::Blocking { 50 } else { 1_000 };
        let call = || spawn(cached.call(&cache, origin.answer(Ok::<_, Told>("v".to_owned()))));
        let callers: Vec<_> = (0..count).map(|_| call()).collect();
        scene.until(|| cache.stats().coalesced == count - 1).await;
        scene.until(|| origin.asked() == 1).await;
        origin.open();
        for caller in callers {
            assert_eq!(caller.await.unwrap().unwrap(), "v", "{way:?}");
        }
        assert_eq!(origin.asked(), 1, "{way:?}");
    }
}

async fn invalidate(cache: &Cache, cached: &Cached, expires: bool) {
    match expires {
        true => cache.expire(&cached.key()).await.unwrap(),
        false => cache.remove(&cached.key()).await.unwrap(),
    }
}

async fn what_was_invalidated_while_it_was_computed_is_not_stored(scene: Scene) {
    for way in Way::ALL {
        for expires in [false, true] {
            let (cache, origin) = (scene.process(), Origin::closed());
            let cached = Cached::new(way, Policy::new());
            let old = origin.answer(Ok::<_, Told>("old".to_owned()));
            let caller = spawn(cached.call(&cache, old));
            scene.until(|| origin.asked() == 1).await;
            invalidate(&cache, &cached, expires).await;
            origin.open();
            caller.await.unwrap().unwrap();
            assert_eq!(cached.get(&cache, "new").await, "new", "{way:?}, {expires}");
        }
    }
}

async fn what_another_process_invalidated_while_it_was_computed_is_not_stored(scene: Scene) {
    for way in Way::ALL {
        for expires in [false, true] {
            let (leader, other, origin) = (scene.process(), scene.process(), Origin::closed());
            let cached = Cached::new(way, Policy::new());
            let old = origin.answer(Ok::<_, Told>("old".to_owned()));
            let caller = spawn(cached.call(&leader, old));
            scene.until(|| origin.asked() == 1).await;
            invalidate(&other, &cached, expires).await;
            origin.open();
            caller.await.unwrap().unwrap();
            for process in [&leader, &other, &scene.process()] {
                assert_eq!(
                    cached.get(process, "new").await,
                    "new",
                    "{way:?}, {expires}"
                );
            }
        }
    }
}

async fn what_is_newer_is_not_replaced_by_a_leader_that_was_overtaken(scene: Scene) {
    for way in Way::ALL {
        let (leader, other, origin) = (scene.process(), scene.process(), Origin::closed());
        let cached = Cached::new(way, Policy::new());
        let caller = spawn(cached.call(&leader, origin.answer(Ok::<_, Told>("old".to_owned()))));
        scene.until(|| origin.asked() == 1).await;
        other.set(&cached.key(), "newer".to_owned()).await.unwrap();
        origin.open();
        caller.await.unwrap().unwrap();
        for process in [&leader, &other, &scene.process()] {
            let found = process.get(&cached.key()).await.unwrap();
            assert_eq!(found.as_deref(), Some("newer"), "{way:?}");
        }
    }
}

async fn of_two_who_take_over_from_a_hung_leader_one_computes(scene: Scene) {
    let (hung, origin) = (Origin::closed(), Origin::closed());
    let cached = Cached::new(Way::Detached, Policy::new().timeout(Duration::ZERO));
    let first = spawn(cached.call(
        &scene.process(),
        hung.answer(Ok::<_, Told>("late".to_owned())),
    ));
    scene.until(|| hung.asked() == 1).await;
    scene.pass(MINUTE + Duration::from_secs(20)).await;
    let second = || {
        let answer = origin.answer(Ok::<_, Told>("second".to_owned()));
        spawn(cached.call(&scene.process(), answer))
    };
    let others = [second(), second()];
    scene.in_time(|| origin.asked() == 1).await;
    origin.open();
    for other in others {
        scene.in_time(|| other.is_finished()).await;
        assert_eq!(other.await.unwrap().unwrap(), "second");
    }
    assert_eq!(origin.asked(), 1);
    hung.open();
    first.await.unwrap().unwrap();
    let found = scene.process().get(&cached.key()).await.unwrap();
    assert_eq!(found.as_deref(), Some("second"));
}

async fn a_computation_that_never_returns_keeps_its_key_for_a_minute(scene: Scene) {
    for way in Way::ALL {
        let (cache, hung) = (scene.process(), Origin::closed());
        let cached = Cached::new(way, Policy::new().timeout(Duration::ZERO));
        let first = spawn(cached.call(&cache, hung.answer(Ok::<_, Told>("late".to_owned()))));
        scene.until(|| hung.asked() == 1).await;
        let waiter = spawn(cached.call(&cache, async { Ok::<_, Told>("waiter".to_owned()) }));
        scene.until(|| cache.stats().coalesced == 1).await;
        scene.pass(MINUTE + Duration::from_secs(20)).await;
        scene.hastily(|| waiter.is_finished()).await;
        assert_eq!(waiter.await.unwrap().unwrap(), "waiter", "{way:?}");
        let found = cached.get(&cache, "next").await;
        hung.open();
        assert_eq!(first.await.unwrap().unwrap(), "late", "{way:?}");
        let later = cached.get(&cache, "newer").await;
        assert!(later == found && later != "late", "{way:?}: {later}");
    }
}

async fn a_computation_goes_on_when_one_of_its_callers_is_dropped(scene: Scene) {
    for way in Way::ASYNC {
        let (cache, origin) = (scene.process(), Origin::closed());
        let cached = Cached::new(way, Policy::new());
        let call = || spawn(cached.call(&cache, origin.answer(Ok::<_, Told>("v".to_owned()))));
        let (first, second) = (call(), call());
        scene
            .until(|| origin.asked() == 1 && cache.stats().coalesced == 1)
            .await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        // A computation in the caller's future goes with it, and the waiter begins its own.
        let computations = if way == Way::Detached { 1 } else { 2 };
        scene.in_time(|| origin.asked() == computations).await;
        origin.open();
        scene.in_time(|| second.is_finished()).await;
        assert_eq!(second.await.unwrap().unwrap(), "v", "{way:?}");
        assert_eq!(
            (origin.asked(), origin.answered()),
            (computations, 1),
            "{way:?}"
        );
    }
}

async fn a_computation_ends_when_all_of_its_callers_are_dropped(scene: Scene) {
    for way in Way::ASYNC {
        let (cache, origin) = (scene.process(), Origin::closed());
        let cached = Cached::new(way, Policy::new());
        let call = || spawn(cached.call(&cache, origin.answer(Ok::<_, Told>("v".to_owned()))));
        let (first, second) = (call(), call());
        scene
            .until(|| origin.asked() == 1 && cache.stats().coalesced == 1)
            .await;
        first.abort();
        second.abort();
        scene.until(|| origin.asking() == 0).await;
        origin.open();
        let next = spawn(cached.call(&cache, async { Ok::<_, Told>("next".to_owned()) }));
        scene.in_time(|| next.is_finished()).await;
        assert_eq!(next.await.unwrap().unwrap(), "next", "{way:?}");
        assert_eq!(origin.answered(), 0, "{way:?}");
    }
}

async fn a_caller_that_is_never_polled_again_keeps_nobody_waiting_for_ever(scene: Scene) {
    for way in Way::ASYNC {
        let (cache, origin) = (scene.process_without_l1(), Origin::closed());
        let cached = Cached::new(way, Policy::new().timeout(Duration::ZERO));
        let mut leaked =
            Box::pin(cached.call(&cache, origin.answer(Ok::<_, Told>("first".into()))));
        let once = leaked
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(once.is_pending());
        std::mem::forget(leaked);
        let second = spawn(cached.call(&cache, async { Ok::<_, Told>("second".to_owned()) }));
        scene.until(|| cache.stats().coalesced == 1).await;
        if way == Way::Detached {
            origin.open();
        } else {
            scene.pass(MINUTE + Duration::from_secs(1)).await;
        }
        scene.in_time(|| second.is_finished()).await;
        let expected = if way == Way::Detached {
            "first"
        } else {
            "second"
        };
        assert_eq!(second.await.unwrap().unwrap(), expected, "{way:?}");
    }
}

async fn the_waiters_of_a_panic_get_an_error_and_the_next_caller_computes(scene: Scene) {
    for way in Way::ALL {
        let (cache, origin) = (scene.process(), Origin::closed());
        let cached = Cached::new(way, Policy::new());
        let asked = origin.answer(());
        let panicking = async move {
            asked.await;
            panic!("as it is to be")
        };
        let leader = spawn(cached.call::<Told, _>(&cache, panicking));
        scene.until(|| origin.asked() == 1).await;
        let waiters: Vec<_> = (0..20)
            .map(|_| spawn(cached.call(&cache, origin.answer(Ok::<_, Told>("waiter".into())))))
            .collect();
        scene.until(|| cache.stats().coalesced == 20).await;
        origin.open();
        assert!(leader.await.unwrap_err().is_panic(), "{way:?}");
        for waiter in waiters {
            scene.in_time(|| waiter.is_finished()).await;
            match waiter.await.unwrap() {
                // A caller who computes on its own takes the flight down with it: one begins again.
                Ok(value) => assert!(
                    way != Way::Detached && value == "waiter",
                    "{way:?}: {value}"
                ),
                Err(error) => assert_eq!(error.kind(), Some(ErrorKind::ComputationLost), "{way:?}"),
            }
        }
        assert!(origin.asked() <= 2, "{way:?}: {}", origin.asked());
        cache.remove(&cached.key()).await.unwrap();
        assert_eq!(cached.get(&cache, "next").await, "next", "{way:?}");
    }
}

async fn the_waiters_of_a_failure_get_equal_errors_and_the_next_caller_computes(scene: Scene) {
    for way in Way::ALL {
        let (cache, origin) = (scene.process(), Origin::closed());
        let cached = Cached::new(way, Policy::new());
        let fail = || origin.answer(Err(Told::Origin("away")));
        let callers: Vec<_> = (0..51)
            .map(|_| spawn(cached.call(&cache, fail())))
            .collect();
        scene.until(|| cache.stats().coalesced == 50).await;
        scene.until(|| origin.asked() == 1).await;
        origin.open();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Err(Told::Origin("away")), "{way:?}");
        }
        assert_eq!(origin.asked(), 1, "{way:?}");
        assert_eq!(cached.get(&cache, "next").await, "next", "{way:?}");
    }
}

async fn results_that_are_not_to_be_stored_are_computed_side_by_side(scene: Scene) {
    for way in Way::ALL {
        let cache = scene.process_with(|config| config.max_computations = 8);
        let origin = Origin::closed();
        let cached = Cached::new(way, Policy::new());
        let call = |_| {
            let asked = origin.answer(());
            spawn(cached.call(&cache, async move {
                asked.await;
                cachekit::Context::current().no_store();
                Ok::<_, Told>("mine".to_owned())
            }))
        };
        let first = call(0);
        scene.until(|| origin.asked() == 1).await;
        origin.open();
        first.await.unwrap().unwrap();
        origin.close();
        let callers: Vec<_> = (0..100).map(call).collect();
        scene.until(|| origin.asking() == 8).await;
        origin.open();
        for caller in callers {
            assert_eq!(caller.await.unwrap().unwrap(), "mine", "{way:?}");
        }
        assert_eq!((origin.asked(), origin.most()), (101, 8), "{way:?}");
    }
}
