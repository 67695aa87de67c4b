//! Results that cannot be stored: nobody leads in turn, and nobody waits.

use cachekit_core::cache::explanation::Reason;
use cachekit_core::cache::{Context, Policy};

use super::*;

const POLICY: Policy = Policy::new().ttl(Duration::from_secs(300));

/// A process whose store takes no value with more bytes than the mark has.
fn small(fleet: &Fleet) -> Cache {
    let mut wire = Wire::new(&fleet.store);
    wire.most = 48;
    process_over(fleet, wire).0
}

/// Two processes that are called at once, once one has found out: how long it takes both.
async fn in_parallel(fleet: &Fleet, origin: &Origin, function: &'static Function) -> Duration {
    let (one, other) = (small(fleet), small(fleet));
    let calls = [&one, &other].map(|cache| origin.call(cache, function, 5 * SECOND));
    let before = fleet.store.calls().release;
    let took = until_done(fleet, || calls.iter().all(JoinHandle::is_finished)).await;
    assert_eq!(fleet.store.calls().release, before, "nobody leads in turn");
    for cache in [one, other] {
        let stats = cache.stats();
        assert_eq!((stats.leads_won, stats.leads_waited), (0, 0), "{stats:?}");
        assert_eq!((stats.uncacheable, stats.computed), (1, 1));
    }
    took
}

#[tokio::test]
async fn once_one_was_too_large_all_processes_compute_at_once_for_ten_seconds() {
    static LARGE: Function = Function::new("tests::leads", "large").policy(POLICY);
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let first = small(&fleet);
    let large = origin.call(&first, &LARGE, 2 * SECOND);
    until_done(&fleet, || large.is_finished()).await;
    assert_eq!((large.await.unwrap(), first.stats().too_large), (1, 1));
    let took = in_parallel(&fleet, &origin, &LARGE).await;
    assert_eq!((took, origin.begun()), (5 * SECOND, 3));
    let explained = fleet.process().explain(&key(&LARGE)).await;
    assert_eq!(explained.reason, Some(Reason::NotStored));
    pass(&fleet, 6 * SECOND).await;
    let late = small(&fleet);
    let led = origin.call(&late, &LARGE, SECOND);
    until_done(&fleet, || led.is_finished()).await;
    assert_eq!((late.stats().uncacheable, late.stats().leads_won), (0, 1));
}

#[tokio::test]
async fn the_same_holds_once_one_was_for_its_caller_alone() {
    static PRIVATE: Function = Function::new("tests::leads", "private").policy(POLICY);
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let private = || async {
        Context::current().no_store();
        Ok::<_, Error>(0)
    };
    let first = process(&fleet).0;
    let value = first.get_or_compute(&key(&PRIVATE), private).await.unwrap();
    assert_eq!(value, 0);
    let took = in_parallel(&fleet, &origin, &PRIVATE).await;
    assert_eq!((took, origin.begun()), (5 * SECOND, 2));
}

#[tokio::test]
async fn and_once_one_was_refused() {
    static REFUSED: Function = Function::new("tests::leads", "refused").policy(POLICY);
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let tagged = || async {
        (0..20).for_each(|tag| Context::current().tag(tag.to_string()));
        Ok::<_, Error>(0)
    };
    let first = process(&fleet).0;
    let value = first.get_or_compute(&key(&REFUSED), tagged).await.unwrap();
    assert_eq!((value, first.stats().refused), (0, 1));
    in_parallel(&fleet, &origin, &REFUSED).await;
}

#[tokio::test]
async fn what_is_stored_after_all_takes_the_place_of_the_mark() {
    static SHRUNK: Function = Function::new("tests::leads", "shrunk").policy(POLICY);
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let large = origin.call(&small(&fleet), &SHRUNK, Duration::ZERO);
    until_done(&fleet, || large.is_finished()).await;
    fleet.process().set(&key(&SHRUNK), 7).await.unwrap();
    assert_eq!(fleet.process().get(&key(&SHRUNK)).await.unwrap(), Some(7));
}

#[tokio::test]
async fn an_invalidation_ends_the_mark() {
    static CHANGED: Function = Function::new("tests::leads", "changed").policy(POLICY);
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let large = origin.call(&small(&fleet), &CHANGED, Duration::ZERO);
    until_done(&fleet, || large.is_finished()).await;
    fleet.process().expire(&key(&CHANGED)).await.unwrap();
    let cache = process(&fleet).0;
    let stored = origin.call(&cache, &CHANGED, Duration::ZERO);
    until_done(&fleet, || stored.is_finished()).await;
    assert_eq!((cache.stats().uncacheable, cache.stats().leads_won), (0, 1));
    assert_eq!(fleet.process().get(&key(&CHANGED)).await.unwrap(), Some(2));
}
