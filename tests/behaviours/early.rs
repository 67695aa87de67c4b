//! A value that is computed anew before it ends.

use std::time::Duration;

use cachekit::{Cache, Policy};
use tokio::spawn;

use crate::cached::{Cached, Told, Way};
use crate::origin::Origin;
use crate::scene::Scene;

on!(everywhere:
    shortly_before_its_end_one_caller_refreshes_while_all_are_served,
    what_ends_while_it_is_refreshed_is_waited_for,
);
on!(fenced: shortly_before_its_end_one_process_refreshes_for_all);
on!(by_hand: an_entry_that_nobody_reads_is_not_refreshed);

const SECOND: Duration = Duration::from_secs(1);
const TTL: Duration = Duration::from_secs(8);

/// A value that took two seconds, and that is refreshed in the second half of its time.
async fn computed(scene: &Scene, cache: &Cache) -> Cached {
    let cached = Cached::new(Way::Detached, Policy::new().ttl(TTL).timeout(60 * SECOND));
    let clock = scene.clock();
    let slow = async move {
        clock.advance(2 * SECOND);
        Ok::<_, Told>("old".to_owned())
    };
    cached.call(cache, slow).await.unwrap();
    cached
}

/// Reads until a refresh has begun.
async fn refreshing(scene: &Scene, cache: &Cache, cached: &Cached, origin: &Origin) {
    let refreshes = async || {
        let call = spawn(cached.call(cache, origin.answer(Ok::<_, Told>("new".to_owned()))));
        scene.until(|| call.is_finished()).await;
        assert_eq!(call.await.unwrap().unwrap(), "old");
        origin.asked() == 1
    };
    scene.eventually(TTL, refreshes).await;
}

async fn shortly_before_its_end_one_caller_refreshes_while_all_are_served(scene: Scene) {
    let (cache, origin) = (scene.process(), Origin::closed());
    let cached = computed(&scene, &cache).await;
    refreshing(&scene, &cache, &cached, &origin).await;
    let call = || spawn(cached.call(&cache, origin.answer(Ok::<_, Told>("new".to_owned()))));
    let callers: Vec<_> = (0..100).map(|_| call()).collect();
    for caller in callers {
        scene.until(|| caller.is_finished()).await;
        assert_eq!(caller.await.unwrap().unwrap(), "old");
    }
    let found = cache.get(&cached.key()).await.unwrap();
    assert_eq!(found.as_deref(), Some("old"), "it is still fresh");
    assert_eq!((origin.asked(), cache.stats().refreshed), (1, 1));
    origin.open();
    let refreshed = async || cached.get(&cache, "newer").await == "new";
    scene.eventually(SECOND, refreshed).await;
    assert_eq!(origin.asked(), 1);
}

async fn shortly_before_its_end_one_process_refreshes_for_all(scene: Scene) {
    let (first, origin) = (scene.process(), Origin::closed());
    let cached = computed(&scene, &first).await;
    refreshing(&scene, &first, &cached, &origin).await;
    for _ in 0..10 {
        let other = scene.process();
        let call = spawn(cached.call(&other, origin.answer(Ok::<_, Told>("new".to_owned()))));
        scene.until(|| call.is_finished()).await;
        assert_eq!(call.await.unwrap().unwrap(), "old");
    }
    assert_eq!(origin.asked(), 1);
    origin.open();
    let refreshed = async || cached.get(&scene.process(), "newer").await == "new";
    scene.eventually(SECOND, refreshed).await;
}

async fn what_ends_while_it_is_refreshed_is_waited_for(scene: Scene) {
    let (cache, origin) = (scene.process(), Origin::closed());
    let cached = computed(&scene, &cache).await;
    refreshing(&scene, &cache, &cached, &origin).await;
    let ended = async || cache.get(&cached.key()).await.unwrap().is_none();
    scene.eventually(TTL, ended).await;
    let call = || spawn(cached.call(&cache, origin.answer(Ok::<_, Told>("newer".to_owned()))));
    let callers = [call(), call()];
    scene.until(|| cache.stats().coalesced >= 2).await;
    origin.open();
    for caller in callers {
        scene.in_time(|| caller.is_finished()).await;
        assert_eq!(caller.await.unwrap().unwrap(), "new");
    }
    assert_eq!(origin.asked(), 1);
}

async fn an_entry_that_nobody_reads_is_not_refreshed(scene: Scene) {
    let cache = scene.process();
    computed(&scene, &cache).await;
    for _ in 0..40 {
        scene.advance(SECOND);
        tokio::task::yield_now().await;
    }
    assert_eq!((cache.stats().computed, cache.stats().refreshed), (1, 0));
}
