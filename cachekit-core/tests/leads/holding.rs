//! Leads while the computation runs, and after the death of who had them.

use cachekit_core::cache::Policy;

use super::*;

#[tokio::test]
async fn a_slow_origin_is_computed_once_and_stored() {
    static SLOW: Function = Function::new("tests::leads", "slow");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let processes: Vec<_> = (0..3).map(|_| process(&fleet)).collect();
    let calls: Vec<_> = processes
        .iter()
        .map(|(cache, _)| origin.call(cache, &SLOW, 50 * SECOND))
        .collect();
    let took = until_done(&fleet, || calls.iter().all(JoinHandle::is_finished)).await;
    for call in calls {
        assert_eq!(call.await.unwrap(), 1);
    }
    assert!(took <= 50 * SECOND + POLL + SECOND, "{took:?}");
    assert_eq!(fleet.process().get(&key(&SLOW)).await.unwrap(), Some(1));
    assert_eq!(fleet.store.calls().renew, 24);
}

#[tokio::test]
async fn a_renewal_that_fails_is_tried_again() {
    static PATIENT: Function = Function::new("tests::leads", "patient");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let ((leader, wire), (other, _)) = (process(&fleet), process(&fleet));
    let led = origin.call(&leader, &PATIENT, 12 * SECOND);
    settle().await;
    let waits = origin.call(&other, &PATIENT, SECOND);
    pass(&fleet, 3 * SECOND).await;
    for _ in 0..2 {
        wire.fail_renewals(1);
        pass(&fleet, 4 * SECOND).await;
    }
    until_done(&fleet, || led.is_finished() && waits.is_finished()).await;
    assert_eq!((led.await.unwrap(), waits.await.unwrap()), (1, 1));
    assert_eq!(leader.stats().leads_renewed, 3);
}

#[tokio::test]
async fn a_lead_that_is_lost_is_renewed_no_more() {
    static LOST: Function = Function::new("tests::leads", "lost");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (leader, _) = process(&fleet);
    let led = origin.call(&leader, &LOST, 12 * SECOND);
    pass(&fleet, 3 * SECOND).await;
    assert_eq!(fleet.store.calls().renew, 1);
    fleet.process().remove(&key(&LOST)).await.unwrap();
    until_done(&fleet, || led.is_finished()).await;
    assert_eq!(fleet.store.calls().renew, 2);
    assert_eq!(leader.stats().superseded(), 1);
}

#[tokio::test]
async fn a_leader_that_dies_is_replaced_within_its_hold() {
    static DEAD: Function = Function::new("tests::leads", "dead");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let ((leader, wire), (other, _)) = (process(&fleet), process(&fleet));
    let _dead = origin.call(&leader, &DEAD, 50 * SECOND);
    settle().await;
    let waits = origin.call(&other, &DEAD, SECOND);
    pass(&fleet, 5 * SECOND).await;
    wire.cut(true);
    let took = until_done(&fleet, || waits.is_finished()).await;
    assert!(took <= HOLD + POLL + 2 * SECOND, "{took:?}");
    assert_eq!((waits.await.unwrap(), origin.begun()), (2, 2));
    assert_eq!(other.stats().leads_taken_over, 1);
}

#[tokio::test]
async fn leaders_that_die_in_a_row_cost_one_hold_each() {
    static DOOMED: Function = Function::new("tests::leads", "doomed");
    const DEATHS: u32 = 4;
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (survivor, _) = process(&fleet);
    let mut dead = Vec::new();
    for _ in 0..DEATHS {
        let (leader, wire) = process(&fleet);
        dead.push(origin.call(&leader, &DOOMED, 100 * SECOND));
        let begun = origin.begun();
        until_done(&fleet, || origin.begun() > begun).await;
        wire.cut(true);
    }
    let last = origin.call(&survivor, &DOOMED, SECOND);
    let took = until_done(&fleet, || last.is_finished()).await;
    assert!(took <= HOLD + POLL + 2 * SECOND, "{took:?}");
    assert_eq!(last.await.unwrap(), DEATHS + 1);
    assert_eq!(origin.begun(), DEATHS + 1);
}

#[tokio::test]
async fn what_stands_is_served_while_a_dead_leader_is_replaced() {
    const POLICY: Policy = Policy::new()
        .ttl(Duration::from_secs(60))
        .stale_while_refresh();
    static STALE: Function = Function::new("tests::leads", "stale").policy(POLICY);
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let ((leader, wire), (other, _)) = (process(&fleet), process(&fleet));
    let first = origin.call(&leader, &STALE, Duration::ZERO);
    until_done(&fleet, || first.is_finished()).await;
    other.expire(&key(&STALE)).await.unwrap();
    pass(&fleet, 6 * SECOND).await;
    let _dead = origin.call(&leader, &STALE, 50 * SECOND);
    settle().await;
    assert_eq!(origin.begun(), 2);
    wire.cut(true);
    let mut waited = Duration::ZERO;
    loop {
        let read = origin.call(&other, &STALE, Duration::ZERO);
        let took = until_done(&fleet, || read.is_finished()).await;
        assert_eq!(took, Duration::ZERO, "nobody waits");
        if read.await.unwrap() != 1 {
            break;
        }
        pass(&fleet, 100 * MILLISECOND).await;
        waited += 100 * MILLISECOND;
    }
    assert!(waited <= HOLD.mul_f64(1.5), "{waited:?}");
    assert_eq!(origin.begun(), 3);
}

#[tokio::test]
async fn a_leader_that_comes_back_late_leaves_what_its_successor_has_stored() {
    static LATE: Function = Function::new("tests::leads", "late");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let ((leader, wire), (other, _)) = (process(&fleet), process(&fleet));
    let late = origin.call(&leader, &LATE, 20 * SECOND);
    settle().await;
    wire.cut(true);
    let second = origin.call(&other, &LATE, SECOND);
    until_done(&fleet, || second.is_finished()).await;
    wire.cut(false);
    until_done(&fleet, || late.is_finished()).await;
    assert_eq!((late.await.unwrap(), second.await.unwrap()), (1, 2));
    assert_eq!(leader.stats().superseded(), 1);
    for cache in [leader, fleet.process()] {
        assert_eq!(cache.get(&key(&LATE)).await.unwrap(), Some(2));
    }
}

#[tokio::test]
async fn of_many_who_wait_for_a_dead_leader_one_replaces_it() {
    static WANTED: Function = Function::new("tests::leads", "wanted");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (leader, wire) = process(&fleet);
    let _dead = origin.call(&leader, &WANTED, 50 * SECOND);
    settle().await;
    wire.cut(true);
    let others: Vec<_> = (0..10).map(|_| process(&fleet).0).collect();
    let waits: Vec<_> = others
        .iter()
        .map(|cache| origin.call(cache, &WANTED, SECOND))
        .collect();
    until_done(&fleet, || waits.iter().all(JoinHandle::is_finished)).await;
    assert_eq!(origin.begun(), 2);
    for wait in waits {
        assert_eq!(wait.await.unwrap(), 2);
    }
}
