//! What is counted.

use super::*;

#[tokio::test]
async fn what_happens_to_a_lead_is_counted_where_it_happens() {
    static COUNTED: Function = Function::new("tests::leads", "counted");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (leader, other) = (process(&fleet).0, process(&fleet).0);
    let led = origin.call(&leader, &COUNTED, 5 * SECOND);
    settle().await;
    let waits = origin.call(&other, &COUNTED, SECOND);
    until_done(&fleet, || led.is_finished() && waits.is_finished()).await;
    let (led, waited) = (leader.stats(), other.stats());
    assert_eq!((led.leads_won, led.leads_renewed, led.polls), (1, 2, 0));
    assert_eq!((led.leads_lost, led.leads_waited), (0, 0));
    assert_eq!((waited.leads_won, waited.leads_lost), (0, 1));
    assert_eq!((waited.leads_waited, waited.lead_timeouts), (1, 0));
    assert!(waited.polls > 10);
}

#[tokio::test]
async fn why_a_result_was_superseded_is_counted() {
    static WHY: Function = Function::new("tests::leads", "why");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (leader, other) = (process(&fleet).0, process(&fleet).0);
    let key = key(&WHY);
    for (round, invalidated) in ["removed", "set", "removed here"].into_iter().enumerate() {
        let led = origin.call(&leader, &WHY, SECOND);
        settle().await;
        match invalidated {
            "removed" => other.remove(&key).await.unwrap(),
            "set" => other.set(&key, 0).await.unwrap(),
            _ => leader.remove(&key).await.unwrap(),
        }
        until_done(&fleet, || led.is_finished()).await;
        other.remove(&key).await.unwrap();
        assert_eq!(leader.stats().superseded(), round as u64 + 1);
    }
    let stats = leader.stats();
    // What was removed here as well: the fence of the store decides.
    assert_eq!((stats.superseded_gone, stats.superseded_overtaken), (2, 1));
    assert_eq!((stats.superseded_here, stats.superseded_moved), (0, 0));
}

#[tokio::test]
async fn a_function_most_of_whose_results_are_overtaken_is_under_pressure() {
    static PRESSED: Function = Function::new("tests::leads", "pressed");
    let fleet = Fleet::new();
    let (leader, other) = (process(&fleet).0, process(&fleet).0);
    let key = key(&PRESSED);
    for round in 0..12 {
        let compute = || async {
            other.remove(&key).await?;
            Ok::<_, Error>(round)
        };
        leader.get_or_compute(&key, compute).await.unwrap();
    }
    let stats = leader.stats();
    assert_eq!((stats.superseded(), stats.invalidation_pressure), (12, 4));
}
