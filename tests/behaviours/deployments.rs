//! The environment decides where entries live, and nothing else.

use cachekit::{Cache, Deployment, Policy};
use cachekit_memcached::testkit::Server;
use tokio::spawn;

use crate::cached::{Cached, Told, Way};
use crate::origin::Origin;
use crate::scene::Scene;

fn deployed(vars: &[(&str, &str)]) -> Cache {
    let deployment = Deployment::from_vars(vars.iter().copied()).unwrap();
    deployment.build().unwrap()
}

/// Calls one after the other, an invalidation between them, and calls at the same time: how often
/// the origin was asked in each part.
async fn asked(cache: &Cache, way: Way) -> [usize; 3] {
    let (cached, origin) = (Cached::new(way, Policy::new()), Origin::new());
    let call = || cached.call(cache, origin.answer(Ok::<_, Told>("v".to_owned())));
    for _ in 0..3 {
        assert_eq!(call().await.unwrap(), "v");
    }
    let one_by_one = origin.asked();
    cache.remove(&cached.key()).await.unwrap();
    assert_eq!(call().await.unwrap(), "v");
    let again = origin.asked() - one_by_one;
    cache.remove(&cached.key()).await.unwrap();
    origin.close();
    let (before, coalesced) = (origin.asked(), cache.stats().coalesced);
    let callers: Vec<_> = (0..20).map(|_| spawn(call())).collect();
    let scene = Scene::in_process();
    let all = || cache.stats().coalesced == coalesced + 19 && origin.asked() > before;
    scene.until(all).await;
    origin.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), "v");
    }
    [one_by_one, again, origin.asked() - before]
}

#[tokio::test]
async fn the_environment_chooses_the_store_and_nothing_else_changes() {
    let (directory, server) = (tempfile::tempdir().unwrap(), Server::start());
    let address = server.address();
    let places = [
        vec![("CACHEKIT_BACKEND", "memory")],
        vec![
            ("CACHEKIT_BACKEND", "file"),
            (
                "CACHEKIT_FILE_CACHE_DIR",
                directory.path().to_str().unwrap(),
            ),
        ],
        vec![
            ("CACHEKIT_BACKEND", "memcached"),
            ("CACHEKIT_MEMCACHED_SERVERS", address.as_str()),
        ],
    ];
    for place in places {
        for way in Way::ALL {
            assert_eq!(
                asked(&deployed(&place), way).await,
                [1; 3],
                "{way:?}, {place:?}"
            );
        }
    }
}

#[tokio::test]
async fn without_a_store_every_call_computes_and_callers_at_the_same_time_share_it() {
    let null = [("CACHEKIT_BACKEND", "null")];
    for way in Way::ALL {
        assert_eq!(asked(&deployed(&null), way).await, [3, 1, 1], "{way:?}");
    }
}

#[test]
fn a_misspelt_variable_is_an_error_that_names_the_one_that_was_meant() {
    let misspelt = [("CACHEKIT_MEMCACHED_TIMOUT", "1")];
    let problems = Deployment::from_vars(misspelt).unwrap_err().to_string();
    assert!(problems.contains("CACHEKIT_MEMCACHED_TIMOUT"), "{problems}");
    assert!(
        problems.contains("CACHEKIT_MEMCACHED_TIMEOUT"),
        "{problems}"
    );
}
