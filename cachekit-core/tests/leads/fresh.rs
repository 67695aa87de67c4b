//! What is fresh is given out while it is computed anew: by processes that keep nothing as well.

use cachekit_core::backend::Want;
use cachekit_core::cache::Policy;
use cachekit_core::config::Config;
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
        pass(&fleet, SECOND).await;
        assert!(!later.is_finished(), "what was removed is given to nobody");
        until_done(&fleet, || later.is_finished()).await;
        assert_eq!((later.await.unwrap(), origin.begun()), (3, 3));
        pass(&fleet, 2 * REFRESH).await;
        let last = spawn(&origin, &cache, &REMOVED, SECOND);
        assert_eq!(at_once(&fleet, vec![last]).await, [3]);
        assert_eq!(cache.stats().superseded(), 1);
    }
}

#[tokio::test]
async fn nor_does_anybody_once_the_copy_of_the_process_is_over() {
    static COPIED: Function = Function::new("tests::leads", "copied").policy(TTL);
    let fleet = Fleet::new();
    let mut config = Config::default();
    config.l1.max_age = SECOND;
    let cache = fleet.process_with(config);
    let origin = early(&fleet, &cache, &COPIED).await;
    let call = |_| spawn(&origin, &cache, &COPIED, REFRESH);
    assert_eq!(at_once(&fleet, (0..8).map(call).collect()).await, [1; 8]);
    pass(&fleet, SECOND).await;
    let reads = fleet.store.calls().get;
    assert_eq!(at_once(&fleet, (0..8).map(call).collect()).await, [1; 8]);
    assert_eq!(fleet.store.calls().get, reads + 1);
    pass(&fleet, SECOND / 2).await;
    assert_eq!(at_once(&fleet, (0..8).map(call).collect()).await, [1; 8]);
    assert_eq!(fleet.store.calls().get, reads + 1, "it has a copy again");
    assert_eq!(origin.begun(), 2);
}

#[tokio::test]
async fn a_refresh_whose_borrowed_caller_is_gone_is_left_to_the_next() {
    static GONE: Function = Function::new("tests::leads", "gone").policy(TTL);
    let fleet = Fleet::new();
    let cache = fleet.process_without_l1();
    let origin = early(&fleet, &cache, &GONE).await;
    let borrowed = origin.call(&cache, &GONE, REFRESH);
    pass(&fleet, AT_ONCE).await;
    borrowed.abort();
    pass(&fleet, AT_ONCE).await;
    let next = spawn(&origin, &cache, &GONE, SECOND);
    assert_eq!(at_once(&fleet, vec![next]).await, [1]);
    pass(&fleet, 2 * SECOND).await;
    let last = spawn(&origin, &cache, &GONE, SECOND);
    assert_eq!(at_once(&fleet, vec![last]).await, [3]);
}

#[tokio::test]
async fn no_process_takes_a_refresh_over_from_itself() {
    static KEPT: Function = Function::new("tests::leads", "kept").policy(TTL);
    let fleet = Fleet::new();
    let mut config = Config::default();
    config.l1.enabled = false;
    let wire = Arc::new(Wire::new(&fleet.store));
    let builder = Cache::builder()
        .config(config)
        .backend(Arc::clone(&wire) as _);
    let cache = builder.clock(fleet.time.clock()).build();
    let origin = early(&fleet, &cache, &KEPT).await;
    for patience in [8, 120, 120] {
        let call = spawn(&origin, &cache, &KEPT, REFRESH);
        assert_eq!(at_once(&fleet, vec![call]).await, [1]);
        match wire.last_read().1 {
            Want::Lead {
                patience: asked, ..
            } => assert_eq!(asked, patience * SECOND),
            Want::Value => panic!("a look for the lead"),
        }
    }
    let stats = cache.stats();
    assert_eq!(
        (stats.refreshed, stats.leads_won, stats.leads_lost),
        (1, 2, 0)
    );
}

#[tokio::test]
async fn a_call_for_many_in_a_task_waits_for_no_refresh_either() {
    static EACH: Function = Function::new("tests::leads", "each").policy(TTL);
    let fleet = Fleet::new();
    let cache = fleet.process_without_l1();
    let origin = early(&fleet, &cache, &EACH).await;
    let many = || {
        let (origin, cache) = (origin.clone(), cache.clone());
        tokio::spawn(async move {
            let compute = move |ids: Vec<u64>| {
                let computed = origin.clone().compute(REFRESH);
                async move {
                    let number = computed.await?;
                    Ok::<_, Error>(ids.into_iter().map(|id| (id, number)).collect())
                }
            };
            let found = cache.get_or_spawn_many(&EACH, vec![1_u64], compute).await;
            found.unwrap()[0].unwrap()
        })
    };
    assert_eq!(at_once(&fleet, vec![many()]).await, [1]);
    assert_eq!(at_once(&fleet, vec![many()]).await, [1]);
    let one = spawn(&origin, &cache, &EACH, REFRESH);
    assert_eq!(at_once(&fleet, vec![one]).await, [1]);
    pass(&fleet, REFRESH).await;
    assert_eq!(at_once(&fleet, vec![many()]).await, [2]);
    assert_eq!(origin.begun(), 2);
}
