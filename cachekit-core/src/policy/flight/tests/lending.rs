//! A nested caller and a leader that share one permit.

use std::pin::pin;

use super::*;
use crate::policy::bulkhead::{Bulkhead, Permit};

/// A bulkhead of one, and the computation that has its place.
fn full() -> (Bulkhead, Arc<Permit>) {
    let bulkhead = Bulkhead::new(1);
    let permit = bulkhead.try_enter().expect("an empty bulkhead");
    (bulkhead, Arc::new(permit))
}

#[test]
fn a_computation_that_waits_for_a_queued_leader_lends_it_its_permit() {
    let flights = flights();
    let (bulkhead, outer) = full();
    let (leader, waiter) = (leader(&flights, "a"), waiter(&flights, "a"));
    let permit = {
        let mut queued = pin!(leader.permit(&bulkhead));
        assert!(polled(queued.as_mut()).is_none());
        let mut waited = pin!(waiter.wait(true, Some(Arc::clone(&outer))));
        assert!(polled(waited.as_mut()).is_none());
        polled(queued).expect("the permit of the one who waits")
    };
    assert_eq!(bulkhead.free(), 0);
    leader.land(Landing::Value(Arc::new(1_u32)));
    assert_value(told(&waiter), 1);
    drop(permit);
    drop(outer);
    assert_eq!(bulkhead.free(), 1);
}

#[test]
fn a_leader_that_queues_after_the_wait_began_is_lent_the_permit_too() {
    let flights = flights();
    let (bulkhead, outer) = full();
    let (leader, waiter) = (leader(&flights, "a"), waiter(&flights, "a"));
    let mut waited = pin!(waiter.wait(true, Some(outer)));
    assert!(polled(waited.as_mut()).is_none());
    let mut queued = pin!(leader.permit(&bulkhead));
    assert!(polled(queued.as_mut()).is_none());
    assert!(polled(waited.as_mut()).is_none());
    assert!(polled(queued).is_some());
}

#[test]
fn a_caller_that_holds_no_permit_lends_none() {
    let flights = flights();
    let (bulkhead, _outer) = full();
    let (leader, waiter) = (leader(&flights, "a"), waiter(&flights, "a"));
    let mut queued = pin!(leader.permit(&bulkhead));
    assert!(polled(queued.as_mut()).is_none());
    assert!(told(&waiter).is_none());
    assert!(polled(queued).is_none());
}

#[test]
fn a_permit_is_lent_to_one_leader_at_a_time() {
    let flights = flights();
    let (bulkhead, outer) = full();
    let leaders = ["a", "b"].map(|name| leader(&flights, name));
    let waiters = ["a", "b"].map(|name| waiter(&flights, name));
    let mut first = pin!(leaders[0].permit(&bulkhead));
    let mut second = pin!(leaders[1].permit(&bulkhead));
    assert!(polled(first.as_mut()).is_none());
    assert!(polled(second.as_mut()).is_none());
    let mut waits = waiters
        .each_ref()
        .map(|waiter| Box::pin(waiter.wait(true, Some(Arc::clone(&outer)))));
    for wait in &mut waits {
        assert!(polled(wait.as_mut()).is_none());
    }
    let lent = polled(first).expect("a permit");
    assert!(polled(second.as_mut()).is_none());
    drop(lent);
    assert!(polled(waits[1].as_mut()).is_none());
    assert!(polled(second).is_some());
}

#[test]
fn a_place_is_not_free_before_the_borrower_is_gone_too() {
    let flights = flights();
    let (bulkhead, outer) = full();
    let (leader, waiter) = (leader(&flights, "a"), waiter(&flights, "a"));
    let lent = {
        let mut queued = pin!(leader.permit(&bulkhead));
        assert!(polled(queued.as_mut()).is_none());
        let mut waited = pin!(waiter.wait(true, Some(Arc::clone(&outer))));
        assert!(polled(waited.as_mut()).is_none());
        polled(queued).expect("a permit")
    };
    drop((waiter, outer));
    assert!(bulkhead.try_enter().is_none());
    drop(lent);
    assert!(bulkhead.try_enter().is_some());
}

#[test]
fn a_loan_that_the_leader_did_not_take_goes_back() {
    let flights = flights();
    let (bulkhead, outer) = full();
    let (leader, waiter) = (leader(&flights, "a"), waiter(&flights, "a"));
    {
        let mut queued = pin!(leader.permit(&bulkhead));
        assert!(polled(queued.as_mut()).is_none());
        let mut waited = pin!(waiter.wait(true, Some(Arc::clone(&outer))));
        assert!(polled(waited.as_mut()).is_none());
    }
    assert!(polled(pin!(outer.lend())).is_some());
    drop(leader);
    drop(outer);
    assert_eq!(bulkhead.free(), 1);
}
