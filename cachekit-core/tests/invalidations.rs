//! Invalidations that wait for the commit of a transaction.

use cachekit_core::cache::{Cache, Function, Invalidations, Key};
use cachekit_core::testkit::{Faults, Fleet};
use cachekit_core::{Error, ErrorKind};

static USERS: Function = Function::new("tests::invalidations", "users");

fn key(id: u64) -> Key<String> {
    USERS.key(&id).unwrap()
}

async fn get(cache: &Cache, id: u64, origin: &str) -> String {
    let compute = || async { Ok::<_, Error>(origin.to_owned()) };
    cache.get_or_compute(&key(id), compute).await.unwrap()
}

#[tokio::test]
async fn on_commit_everything_is_invalidated_exactly_once() {
    let fleet = Fleet::new();
    let (store, cache) = (&fleet.store, fleet.process());
    get(&cache, 1, "old").await;
    get(&cache, 2, "old").await;
    let mut invalidations = Invalidations::new();
    invalidations.remove(&key(1));
    invalidations.remove(&key(2));
    invalidations.remove_tag("team:7");
    invalidations.remove_namespace("shop");
    assert_eq!(
        get(&cache, 1, "new").await,
        "old",
        "nothing before the commit"
    );
    invalidations.send(&cache).await.unwrap();
    assert_eq!(store.calls().remove_many, 1);
    assert_eq!(get(&cache, 1, "new").await, "new");
    assert_eq!(get(&cache, 2, "new").await, "new");
}

#[tokio::test]
async fn on_rollback_nothing_is_invalidated() {
    let fleet = Fleet::new();
    let (store, cache) = (&fleet.store, fleet.process());
    get(&cache, 1, "old").await;
    let before = store.calls();
    let mut invalidations = Invalidations::new();
    invalidations.remove(&key(1));
    invalidations.remove_tag("team:7");
    drop(invalidations);
    assert_eq!(store.calls(), before);
    assert_eq!(get(&cache, 1, "new").await, "old");
}

#[tokio::test]
async fn what_does_not_arrive_is_an_error_and_the_rest_is_sent_all_the_same() {
    let fleet = Fleet::new();
    let (store, cache) = (&fleet.store, fleet.process());
    for id in 0..10 {
        get(&cache, id, "old").await;
    }
    let half = Faults {
        seed: 1,
        errors: 0.5,
        ..Faults::default()
    };
    let mut invalidations = Invalidations::new();
    (0..10).for_each(|id| invalidations.remove(&key(id)));
    store.set_faults(half);
    let error = invalidations.send(&cache).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    store.set_faults(Faults::default());
    let mut new = 0;
    for id in 0..10 {
        new += usize::from(get(&cache, id, "new").await == "new");
    }
    assert!((1..10).contains(&new), "{new}");
}

#[test]
fn a_thread_sends_them_as_well() {
    let cache = Cache::in_process();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(get(&cache, 1, "old"));
    let mut invalidations = Invalidations::new();
    invalidations.expire(&key(1));
    invalidations.send_blocking(&cache).unwrap();
    assert_eq!(runtime.block_on(get(&cache, 1, "new")), "new");
}

#[test]
fn debug_shows_how_many_there_are_and_not_which() {
    let mut invalidations = Invalidations::new();
    invalidations.remove_tag("secret");
    assert_eq!(format!("{invalidations:?}"), "Invalidations(1)");
}
