//! What ends many entries at once.

use std::time::Duration;

use cachekit::{Cache, Function, Policy};
use cachekit_core::testkit::ManualClock;
use tokio::spawn;

use crate::cached::{Cached, Told, Way};
use crate::origin::Origin;
use crate::scene::Scene;
use crate::tampered::Tampered;

on!(everywhere:
    what_is_computed_while_its_tag_is_removed_is_not_stored,
    what_goes_on_after_its_caller_while_its_tag_is_removed_is_not_stored,
    what_is_refreshed_early_while_its_tag_is_removed_is_not_stored,
    a_namespace_is_cleared_and_no_other,
);
on!(shared:
    an_entry_that_lacks_a_tag_is_computed_once_more,
    what_is_computed_while_another_process_removes_its_tag_is_not_stored,
    an_entry_whose_tag_is_evicted_is_not_served,
    a_tag_is_removed_for_all_whatever_their_clocks_show,
    a_namespace_is_cleared_for_all_processes_and_caches_of_another_name_keep_theirs,
);

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn tagged(way: Way, policy: Policy) -> Cached {
    Cached::new(way, policy).tags(&["group"])
}

fn answer(origin: &Origin, text: &str) -> impl Future<Output = Result<String, Told>> + use<> {
    origin.answer(Ok::<_, Told>(text.to_owned()))
}

async fn what_is_computed_while_its_tag_is_removed_is_not_stored(scene: Scene) {
    for way in Way::ALL {
        let (cache, origin) = (scene.process(), Origin::closed());
        let cached = tagged(way, Policy::new());
        let caller = spawn(cached.call(&cache, answer(&origin, "old")));
        scene.until(|| origin.asked() == 1).await;
        cache.remove_tag("group").await.unwrap();
        origin.open();
        caller.await.unwrap().unwrap();
        assert_eq!(cached.get(&cache, "new").await, "new", "{way:?}");
    }
}

async fn what_is_computed_while_another_process_removes_its_tag_is_not_stored(scene: Scene) {
    for way in Way::ALL {
        let (cache, other) = (scene.process_without_l1(), scene.process());
        let (cached, origin) = (tagged(way, Policy::new()), Origin::closed());
        let caller = spawn(cached.call(&cache, answer(&origin, "old")));
        scene.until(|| origin.asked() == 1).await;
        other.remove_tag("group").await.unwrap();
        origin.open();
        caller.await.unwrap().unwrap();
        for process in [&cache, &other] {
            assert_eq!(cached.get(process, "new").await, "new", "{way:?}");
        }
    }
}

async fn what_goes_on_after_its_caller_while_its_tag_is_removed_is_not_stored(scene: Scene) {
    let cached = tagged(Way::Detached, Policy::new().timeout(SECOND));
    let (cache, origin) = (scene.process(), Origin::closed());
    let caller = spawn(cached.call(&cache, answer(&origin, "old")));
    scene.until(|| origin.asked() == 1).await;
    scene.advance(SECOND);
    scene.in_time(|| caller.is_finished()).await;
    assert!(caller.await.unwrap().is_err());
    cache.remove_tag("group").await.unwrap();
    origin.open();
    scene.until(|| origin.asking() == 0).await;
    // Whoever comes before it has landed begins again.
    assert_eq!(next(&scene, &cache, cached).await, "new");
    assert_eq!(cached.get(&cache, "newer").await, "new");
}

/// What the next call is given, whose computation gives "new".
async fn next(scene: &Scene, cache: &Cache, cached: Cached) -> String {
    let cache = cache.clone();
    let next = spawn(async move { cached.get(&cache, "new").await });
    scene.in_time(|| next.is_finished()).await;
    next.await.unwrap()
}

async fn what_is_refreshed_early_while_its_tag_is_removed_is_not_stored(scene: Scene) {
    let cached = tagged(Way::Detached, Policy::new().ttl(MINUTE).timeout(MINUTE));
    let (cache, origin, clock) = (scene.process(), Origin::closed(), scene.clock());
    let slow = async move {
        clock.advance(15 * SECOND);
        Ok::<_, Told>("old".to_owned())
    };
    cached.call(&cache, slow).await.unwrap();
    let found = async || {
        let call = spawn(cached.call(&cache, answer(&origin, "refreshed")));
        scene
            .until(|| call.is_finished() || origin.asked() > 0)
            .await;
        origin.asked() > 0
    };
    if scene.counts_its_own_time() {
        // Its minute is too long to wait for: it is as good as over.
        cache.expire(&cached.key()).await.unwrap();
        assert!(found().await);
    } else {
        scene.eventually(MINUTE, found).await;
    }
    cache.remove_tag("group").await.unwrap();
    origin.open();
    scene.until(|| origin.asking() == 0).await;
    assert_eq!(next(&scene, &cache, cached).await, "new");
}

async fn an_entry_whose_tag_is_evicted_is_not_served(scene: Scene) {
    let store = Tampered::new(scene.backend().unwrap());
    let process = || scene.process_over(&store);
    for way in Way::ALL {
        let cached = tagged(way, Policy::new());
        cached.get(&process(), "old").await;
        assert_eq!(cached.get(&process(), "new").await, "old", "{way:?}");
        store.remove_where(|key| key.contains("#tag:")).await;
        assert_eq!(cached.get(&process(), "new").await, "new", "{way:?}");
        assert_eq!(cached.get(&process(), "newer").await, "new", "{way:?}");
    }
}

async fn a_tag_is_removed_for_all_whatever_their_clocks_show(scene: Scene) {
    for way in Way::ALL {
        let late = ManualClock::new();
        late.step_back(15 * MINUTE);
        let behind = scene.process_on(&late, scene.backend(), |_| {});
        let (cache, cached) = (scene.process_without_l1(), tagged(way, Policy::new()));
        cached.get(&cache, "old").await;
        behind.remove_tag("group").await.unwrap();
        assert_eq!(cached.get(&cache, "new").await, "new", "{way:?}");
    }
}

async fn an_entry_that_lacks_a_tag_is_computed_once_more(scene: Scene) {
    for way in Way::ALL {
        let (cached, cache) = (Cached::new(way, Policy::new()), scene.process());
        cached.tags(&["a"]).get(&cache, "old").await;
        let declares_more = cached.tags(&["a", "b"]);
        let other = scene.process();
        assert_eq!(declares_more.get(&other, "new").await, "new", "{way:?}");
        assert_eq!(declares_more.get(&other, "newer").await, "new", "{way:?}");
        other.remove_tag("b").await.unwrap();
        assert_eq!(declares_more.get(&other, "newer").await, "newer", "{way:?}");
    }
}

/// A function of a namespace.
fn of(namespace: &'static str) -> Cached {
    let function = Function::new("", Cached::name()).namespace(namespace);
    Cached::of(Way::Detached, function)
}

async fn get(cache: &Cache, cached: &[Cached], value: &str) -> Vec<String> {
    let mut found = Vec::new();
    for cached in cached {
        found.push(cached.get(cache, value).await);
    }
    found
}

async fn a_namespace_is_cleared_and_no_other(scene: Scene) {
    let (cache, namespace) = (scene.process(), Cached::name());
    let all = [of(namespace), of(namespace), of(Cached::name()), of("")];
    assert_eq!(get(&cache, &all, "old").await, ["old"; 4]);
    cache.remove_namespace(namespace).await.unwrap();
    assert_eq!(get(&cache, &all, "new").await, ["new", "new", "old", "old"]);
}

async fn a_namespace_is_cleared_for_all_processes_and_caches_of_another_name_keep_theirs(
    scene: Scene,
) {
    let named = |name: &str| {
        let name = name.to_owned();
        scene.process_with(|config| {
            config.namespace = name;
            config.l1.enabled = false;
        })
    };
    let [shop, other_shop, office] = ["shop", "shop", "office"].map(named);
    let all = [of("users"), of("users")];
    for cache in [&shop, &office] {
        assert_eq!(get(cache, &all, "old").await, ["old"; 2]);
    }
    other_shop.remove_namespace("users").await.unwrap();
    assert_eq!(get(&shop, &all, "new").await, ["new"; 2]);
    assert_eq!(get(&office, &all, "new").await, ["old"; 2]);
}
