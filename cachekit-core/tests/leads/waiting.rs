//! Callers who wait for what another process computes.

use cachekit_core::ErrorKind;
use cachekit_core::backend::Want;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn one_of_all_callers_of_a_process_asks_whether_another_has_finished() {
    static BUSY: Function = Function::new("tests::leads", "busy");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (leader, other) = (process(&fleet).0, process(&fleet).0);
    let led = origin.call(&leader, &BUSY, 20 * SECOND);
    settle().await;
    let calls = (0..100).map(|_| origin.call(&other, &BUSY, SECOND));
    let calls: Vec<_> = calls.collect();
    until_done(&fleet, || calls.iter().all(JoinHandle::is_finished)).await;
    assert_eq!((led.await.unwrap(), origin.begun()), (1, 1));
    let stats = other.stats();
    assert_eq!((stats.leads_lost, stats.leads_waited), (1, 1));
    assert!((80..200).contains(&stats.polls), "{}", stats.polls);
}

#[tokio::test]
async fn a_flight_keeps_its_key_while_it_waits_and_then_for_its_own_computation() {
    static RELAYED: Function = Function::new("tests::leads", "relayed");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let ((leader, wire), (other, _)) = (process(&fleet), process(&fleet));
    let _dead = origin.call(&leader, &RELAYED, 2 * MINUTE);
    settle().await;
    let mut calls = vec![origin.call(&other, &RELAYED, 30 * SECOND)];
    pass(&fleet, 45 * SECOND).await;
    wire.cut(true);
    pass(&fleet, 20 * SECOND).await;
    assert_eq!(origin.begun(), 2);
    calls.extend((0..5).map(|_| origin.call(&other, &RELAYED, SECOND)));
    until_done(&fleet, || calls.iter().all(JoinHandle::is_finished)).await;
    assert_eq!(origin.begun(), 2);
    assert_eq!(fleet.process().get(&key(&RELAYED)).await.unwrap(), Some(2));
}

#[tokio::test]
async fn who_waits_bears_with_a_store_that_hiccups_and_not_with_one_that_is_away() {
    static HICCUP: Function = Function::new("tests::leads", "hiccup");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (leader, (other, wire)) = (process(&fleet).0, process(&fleet));
    let led = origin.call(&leader, &HICCUP, 30 * SECOND);
    settle().await;
    let waits = origin.call(&other, &HICCUP, 30 * SECOND);
    for _ in 0..5 {
        pass(&fleet, 2 * SECOND).await;
        wire.cut(true);
        pass(&fleet, SECOND / 5).await;
        wire.cut(false);
    }
    pass(&fleet, 2 * SECOND).await;
    assert_eq!(origin.begun(), 1);
    wire.cut(true);
    pass(&fleet, 2 * SECOND).await;
    assert_eq!(origin.begun(), 2);
    until_done(&fleet, || led.is_finished() && waits.is_finished()).await;
}

#[tokio::test]
async fn who_has_waited_for_a_minute_computes() {
    static ENDLESS: Function = Function::new("tests::leads", "endless");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (leader, other) = (process(&fleet).0, process(&fleet).0);
    let endless = origin.call(&leader, &ENDLESS, 100 * MINUTE);
    settle().await;
    let waits = origin.call(&other, &ENDLESS, SECOND);
    let took = until_done(&fleet, || waits.is_finished()).await;
    assert!(took >= MINUTE, "{took:?}");
    assert!(took <= MINUTE + 10 * SECOND, "{took:?}");
    assert_eq!(waits.await.unwrap(), 2);
    assert_eq!(other.stats().lead_timeouts, 1);
    pass(&fleet, HOLD).await;
    let renewed = fleet.store.calls().renew;
    pass(&fleet, HOLD).await;
    assert_eq!(fleet.store.calls().renew, renewed, "its time is over");
    endless.abort();
}

#[tokio::test]
async fn a_caller_who_can_be_told_is_told_when_its_time_is_over() {
    static TOLD: Function = Function::new("tests::leads", "told");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (leader, other) = (process(&fleet).0, process(&fleet).0);
    let led = origin.call(&leader, &TOLD, 20 * SECOND);
    settle().await;
    let told = tokio::spawn(async move {
        let compute = || async { panic!("another process does") };
        other
            .try_get_or_compute::<_, _, Error, _>(&key(&TOLD), compute)
            .await
    });
    let took = until_done(&fleet, || told.is_finished()).await;
    assert_eq!(took, 10 * SECOND);
    assert_eq!(told.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    until_done(&fleet, || led.is_finished()).await;
}

#[tokio::test]
async fn computations_that_wait_for_each_other_in_two_processes_come_apart() {
    static F: Function = Function::new("tests::leads", "f");
    static G: Function = Function::new("tests::leads", "g");
    let fleet = Fleet::new();
    let calls = [(&F, &G), (&G, &F)].map(|(outer, inner)| {
        let (cache, clock) = (process(&fleet).0, fleet.time.clock());
        tokio::spawn(async move {
            let compute = || async {
                clock.sleep(SECOND).await;
                let inner = cache
                    .get_or_compute(&key(inner), || async { Ok::<_, Error>(1) })
                    .await?;
                Ok::<_, Error>(inner + 1)
            };
            cache.get_or_compute(&key(outer), compute).await.unwrap()
        })
    });
    let took = until_done(&fleet, || calls.iter().all(JoinHandle::is_finished)).await;
    assert!(took <= 10 * SECOND, "{took:?}");
}

#[tokio::test]
async fn what_stands_is_left_to_its_leader_for_twice_what_it_takes() {
    static COSTLY: Function = Function::new("tests::leads", "costly");
    /// The same in a process that has not computed it.
    static SEEN: Function = Function::new("tests::leads", "costly");
    let patience = |wire: &Wire| match wire.last_read().1 {
        Want::Lead { hold, patience, .. } => {
            assert_eq!(hold.duration(), HOLD);
            patience
        }
        Want::Value => panic!("a look for the lead"),
    };
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let ((one, _), (other, wire)) = (process(&fleet), process(&fleet));
    let computed = origin.call(&one, &COSTLY, 7 * SECOND);
    until_done(&fleet, || computed.is_finished()).await;
    one.expire(&key(&COSTLY)).await.unwrap();
    for expected in [Duration::ZERO, 14 * SECOND] {
        let failed = other
            .get_or_compute(&key(&SEEN), || async { Err::<u32, _>(()) })
            .await;
        assert_eq!(failed, Ok(1), "it is in grace");
        assert_eq!(patience(&wire), expected);
        pass(&fleet, 6 * SECOND).await;
    }
}
