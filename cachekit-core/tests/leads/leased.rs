//! Stores that do not fence, and yet keep the others waiting.

use super::*;

fn leased(fleet: &Fleet) -> Cache {
    let mut wire = Wire::new(&fleet.store);
    wire.leases = true;
    process_over(fleet, wire).0
}

#[tokio::test]
async fn others_wait_for_a_lease_and_it_is_renewed() {
    static LEASED: Function = Function::new("tests::leads", "leased");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (one, other) = (leased(&fleet), leased(&fleet));
    let led = origin.call(&one, &LEASED, 12 * SECOND);
    settle().await;
    let waits = origin.call(&other, &LEASED, SECOND);
    until_done(&fleet, || led.is_finished() && waits.is_finished()).await;
    assert_eq!((led.await.unwrap(), waits.await.unwrap()), (1, 1));
    assert_eq!((one.stats().leads_won, one.stats().leads_renewed), (1, 5));
}

#[tokio::test]
async fn a_lease_is_handed_back_after_a_failure_and_after_a_caller_is_gone() {
    static FAILING: Function = Function::new("tests::leads", "failing");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (one, other) = (leased(&fleet), leased(&fleet));
    let failed = one
        .get_or_compute(&key(&FAILING), || async { Err::<u32, _>(()) })
        .await;
    assert_eq!(failed, Err(()));
    let gone = origin.call(&one, &FAILING, 50 * SECOND);
    settle().await;
    gone.abort();
    settle().await;
    let led = origin.call(&other, &FAILING, Duration::ZERO);
    let took = until_done(&fleet, || led.is_finished()).await;
    assert!(took <= STEP, "{took:?}");
}

#[tokio::test]
async fn a_result_whose_lease_is_gone_is_superseded() {
    static GONE: Function = Function::new("tests::leads", "gone");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (one, other) = (leased(&fleet), leased(&fleet));
    let led = origin.call(&one, &GONE, SECOND);
    settle().await;
    other.remove(&key(&GONE)).await.unwrap();
    until_done(&fleet, || led.is_finished()).await;
    assert_eq!(one.stats().superseded_gone, 1);
    assert_eq!(one.get(&key(&GONE)).await.unwrap(), None);
}

#[tokio::test]
async fn a_result_that_was_removed_here_is_not_sent() {
    static HERE: Function = Function::new("tests::leads", "here");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let one = leased(&fleet);
    let led = origin.call(&one, &HERE, SECOND);
    settle().await;
    one.remove(&key(&HERE)).await.unwrap();
    let before = fleet.store.calls().set;
    until_done(&fleet, || led.is_finished()).await;
    let stats = one.stats();
    assert_eq!((stats.superseded_here, stats.superseded()), (1, 1));
    assert_eq!(fleet.store.calls().set, before);
}
