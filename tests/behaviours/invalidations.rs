//! Invalidations that wait for the commit of a transaction.

use cachekit::{Cache, Invalidations, Policy};

use crate::cached::{Cached, Way};
use crate::scene::Scene;

on!(everywhere:
    on_rollback_nothing_is_invalidated,
    on_commit_everything_is_invalidated_once,
);

/// What is collected while a transaction runs, and the functions whose entries it is about.
async fn transaction(cache: &Cache) -> (Invalidations, [Cached; 3]) {
    let functions = [(); 3].map(|()| Cached::new(Way::Inline, Policy::new()));
    let functions = [functions[0], functions[1], functions[2].tags(&["group"])];
    let mut invalidations = Invalidations::new();
    for cached in &functions {
        cached.get(cache, "old").await;
    }
    invalidations.remove(&functions[0].key());
    invalidations.expire(&functions[1].key());
    invalidations.remove_tag("group");
    for cached in &functions {
        assert_eq!(
            cached.get(cache, "new").await,
            "old",
            "nothing happens before the commit"
        );
    }
    (invalidations, functions)
}

async fn on_rollback_nothing_is_invalidated(scene: Scene) {
    let cache = scene.process();
    let (invalidations, functions) = transaction(&cache).await;
    drop(invalidations);
    for cached in &functions {
        assert_eq!(cached.get(&cache, "new").await, "old");
    }
}

async fn on_commit_everything_is_invalidated_once(scene: Scene) {
    let cache = scene.process();
    let (invalidations, functions) = transaction(&cache).await;
    invalidations.send(&cache).await.unwrap();
    for value in ["new", "newer"] {
        for cached in &functions {
            assert_eq!(cached.get(&cache, value).await, "new");
        }
    }
}
