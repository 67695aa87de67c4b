//! What is fresh is given out while it is computed anew: by processes that keep nothing as well.

use cachekit_core::cache::Policy;
use cachekit_core::testkit::Faults;

use super::*;

const TTL: Policy = Policy::new().ttl(Duration::from_secs(60));
/// What a call of the store takes.
const CALL: Duration = Duration::from_millis(20);
/// A look, and one more for those who came when it was under way.
const AT_ONCE: Duration = Duration::from_millis(50);
const REFRESH: Duration = Duration::from_secs(5);

/// A caller whose computation runs in a task of its own, in a task.
fn spawn(
    origin: &Origin,
    cache: &Cache,
    function: &'static Function,
    takes: Duration,
) -> JoinHandle<u32> {
    let (origin, cache) = (origin.clone(), cache.clone());
    tokio::spawn(async move {
        let key = key(function);
        let called = cache.get_or_spawn::<_, _, Error>(&key, origin.compute(takes));
        called.await.unwrap()
    })
}

/// An entry that took four seconds, in the last sixteen of its time, behind a store that takes a
/// while to answer.
async fn early(fleet: &Fleet, cache: &Cache, function: &'static Function) -> Origin {
    let origin = Origin::new(fleet);
    let computed = origin.call(cache, function, 4 * SECOND);
    until_done(fleet, || computed.is_finished()).await;
    fleet.time.advance(45 * SECOND);
    fleet.store.set_faults(Faults {
        delayed: 1.0,
        delay: CALL,
        ..Faults::default()
    });
    origin
}

async fn values(calls: Vec<JoinHandle<u32>>) -> Vec<u32> {
    let mut values = Vec::new();
    for call in calls {
        values.push(call.await.unwrap());
    }
    values
}

/// What all these come to, at once.
async fn at_once(fleet: &Fleet, calls: Vec<JoinHandle<u32>>) -> Vec<u32> {
    let took = until_done(fleet, || calls.iter().all(JoinHandle::is_finished)).await;
    assert!(took <= AT_ONCE, "{took:?}");
    values(calls).await
}

#[tokio::test]
async fn nobody_waits_for_the_refresh_of_what_is_fresh() {
    static SPARED: Function = Function::new("tests::leads", "spared").policy(TTL);
    let fleet = Fleet::new();
    let cache = fleet.process_without_l1();
    let origin = early(&fleet, &cache, &SPARED).await;
    let call = |_| spawn(&origin, &cache, &SPARED, REFRESH);
    let mut calls: Vec<_> = (0..8).map(call).collect();
    settle().await;
    calls.extend((0..8).map(call));
    assert_eq!(at_once(&fleet, calls).await, [1; 16]);
    for _ in 0..4 {
        pass(&fleet, SECOND).await;
        let later = (0..8).map(call).collect();
        assert_eq!(at_once(&fleet, later).await, [1; 8]);
    }
    assert_eq!(origin.begun(), 2);
    pass(&fleet, 2 * SECOND).await;
    assert_eq!(at_once(&fleet, vec![call(0)]).await, [2]);
    assert_eq!(origin.begun(), 2);
}

#[tokio::test]
async fn who_refreshes_in_its_own_future_waits_for_it_and_nobody_else() {
    static BORROWED: Function = Function::new("tests::leads", "borrowed").policy(TTL);
    let fleet = Fleet::new();
    let cache = fleet.process_without_l1();
    let origin = early(&fleet, &cache, &BORROWED).await;
    let call = |_| origin.call(&cache, &BORROWED, REFRESH);
    let starter = call(0);
    settle().await;
    assert_eq!(at_once(&fleet, (0..8).map(call).collect()).await, [1; 8]);
    assert_eq!(at_once(&fleet, (0..8).map(call).collect()).await, [1; 8]);
    assert!(!starter.is_finished());
    until_done(&fleet, || starter.is_finished()).await;
    assert_eq!((starter.await.unwrap(), origin.begun()), (2, 2));
}

#[tokio::test]
async fn what_is_removed_while_it_is_refreshed_is_given_to_nobody_and_stays_away() {
    static REMOVED: Function = Function::new("tests::leads", "removed").policy(TTL);
    for elsewhere in [false, true] {
        let fleet = Fleet::new();
        let cache = fleet.process_without_l1();
        let other = match elsewhere {
            true => fleet.process_without_l1(),
            false => cache.clone(),
        };
        let origin = early(&fleet, &cache, &REMOVED).await;
        let first = spawn(&origin, &cache, &REMOVED, REFRESH);
        assert_eq!(at_once(&fleet, vec![first]).await, [1]);
        let removal = tokio::spawn(async move { other.remove(&key(&REMOVED)).await });
        until_done(&fleet, || removal.is_finished()).await;
        removal.await.unwrap().unwrap();
        let later = spawn(&origin, &cache, &REMOVED, SECOND);
        until_done(&fleet, || later.is_finished()).await;
        assert_eq!((later.await.unwrap(), origin.begun()), (3, 3));
        pass(&fleet, 2 * REFRESH).await;
        let last = spawn(&origin, &cache, &REMOVED, SECOND);
        assert_eq!(at_once(&fleet, vec![last]).await, [3]);
        assert_eq!(cache.stats().superseded(), 1);
    }
}
