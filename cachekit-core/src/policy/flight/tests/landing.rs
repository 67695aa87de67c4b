//! Who is told what at the end.

use super::*;

#[test]
fn a_waiter_gets_the_value_of_the_leader() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    assert!(told(&waiter).is_none());
    leader.land(Landing::Value(Arc::new(7_u32)));
    assert_value(told(&waiter), 7);
}

#[test]
fn a_dropped_leader_hands_over() {
    let flights = flights();
    let first = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    drop(first);
    assert!(matches!(told(&waiter), Some(Arrival::Again)));
    leader(&flights, "a");
}

#[test]
fn only_the_starter_gets_what_is_overtaken() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let (starter, waiter) = (leader.starter(), waiter(&flights, "a"));
    leader.land(Landing::Superseded(Arc::new(1_u32)));
    assert!(matches!(told(&waiter), Some(Arrival::Again)));
    assert_value(told(&starter), 1);
}

#[test]
fn a_caller_reads_again_once_and_then_takes_what_is_overtaken() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let waiter = waiter(&flights, "a").after_another(true);
    leader.land(Landing::Superseded(Arc::new(1_u32)));
    assert_value(told(&waiter), 1);
}

#[test]
fn that_there_is_nothing_is_told_to_everybody() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let (starter, waiter) = (leader.starter(), waiter(&flights, "a"));
    leader.land(Landing::Absent);
    assert!(matches!(told(&starter), Some(Arrival::Absent)));
    assert!(matches!(told(&waiter), Some(Arrival::Absent)));
}

#[test]
fn a_private_value_is_for_the_starter_and_the_others_compute_side_by_side() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let starter = leader.starter();
    let waiters: Vec<_> = (0..100).map(|_| waiter(&flights, "a")).collect();
    leader.land(Landing::Private(Arc::new(1_u32)));
    for waiter in waiters {
        assert!(matches!(told(&waiter), Some(Arrival::Alone)));
    }
    assert_value(told(&starter), 1);
}

#[test]
fn an_error_goes_to_the_starter_as_it_is_and_to_all_others_as_a_share() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let starter = leader.starter();
    let waiters: Vec<_> = (0..50).map(|_| waiter(&flights, "a")).collect();
    leader.land(Landing::Failed {
        original: Some(Box::new("original")),
        shared: Some(Arc::new("shared")),
    });
    for waiter in waiters {
        let Some(Arrival::SharedError(error)) = told(&waiter) else {
            panic!("expected an error")
        };
        assert_eq!(error.downcast_ref(), Some(&"shared"));
    }
    let Some(Arrival::OwnError(error)) = told(&starter) else {
        panic!("expected the error itself")
    };
    assert_eq!(error.downcast_ref(), Some(&"original"));
}

#[test]
fn an_error_that_cannot_be_shared_sends_the_waiters_to_compute_alone() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    leader.land(Landing::Failed {
        original: None,
        shared: None,
    });
    assert!(matches!(told(&waiter), Some(Arrival::Alone)));
}

#[test]
fn a_panic_goes_on_in_the_starter_and_is_a_loss_to_the_others() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let (starter, waiter) = (leader.starter(), waiter(&flights, "a"));
    leader.land(Landing::Panicked(Some(Box::new("payload"))));
    assert!(matches!(told(&waiter), Some(Arrival::Lost)));
    assert!(matches!(told(&starter), Some(Arrival::Panicked(_))));
    super::leader(&flights, "a");
}
