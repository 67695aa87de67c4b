//! How long a caller waits, what it may have meanwhile, and what its leaving does.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::background;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_thread_without_a_runtime_waits_in_the_background() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    let waiting = std::thread::spawn(move || {
        background::block_on(async move { waiter.wait(false, None).await }).ok()
    });
    leader.land(Landing::Value(Arc::new(7_u32)));
    assert_value(waiting.join().unwrap(), 7);
}

#[test]
fn at_the_deadline_a_waiter_begins_again_and_the_starter_waits_on() {
    let time = ManualClock::new();
    let flights = flights_on(time.clock());
    let leader = leader(&flights, "a");
    let (starter, waiter) = (leader.starter(), waiter(&flights, "a"));
    let mut started = pin!(starter.wait(true, None));
    let mut waited = pin!(waiter.wait(false, None));
    assert!(polled(started.as_mut()).is_none());
    assert!(polled(waited.as_mut()).is_none());
    time.advance(DEADLINE - SECOND);
    assert!(polled(waited.as_mut()).is_none());
    time.advance(SECOND);
    assert!(matches!(polled(waited), Some(Arrival::Again)));
    assert!(polled(started.as_mut()).is_none());
    leader.land(Landing::Value(Arc::new(1_u32)));
    assert_value(polled(started), 1);
}

#[test]
fn who_comes_long_after_the_result_was_true_begins_again() {
    let time = ManualClock::new();
    let flights = flights_on(time.clock());
    let leader = leader(&flights, "a");
    let early = waiter(&flights, "a");
    let asked = leader.offering().moment(time.clock().monotonic_ms());
    let (late, patient) = (
        waiter(&flights, "a"),
        waiter(&flights, "a").after_another(true),
    );
    asked.vouches(Duration::ZERO);
    leader.land(Landing::Value(Arc::new(1_u32)));
    assert_value(polled(pin!(early.wait(false, None))), 1);
    assert!(matches!(
        polled(pin!(late.wait(false, None))),
        Some(Arrival::Again)
    ));
    assert_value(polled(pin!(patient.wait(false, None))), 1);
}

#[test]
fn who_comes_soon_after_the_result_was_true_may_have_it() {
    let time = ManualClock::new();
    let flights = flights_on(time.clock());
    let leader = leader(&flights, "a");
    let asked = leader.offering().moment(time.clock().monotonic_ms());
    let soon = waiter(&flights, "a");
    time.advance(SECOND);
    let late = waiter(&flights, "a");
    asked.vouches(SECOND);
    leader.land(Landing::Value(Arc::new(1_u32)));
    assert_value(polled(pin!(soon.wait(false, None))), 1);
    assert!(matches!(
        polled(pin!(late.wait(false, None))),
        Some(Arrival::Again)
    ));
}

#[test]
fn a_wait_that_begins_late_ends_at_the_same_deadline() {
    let time = ManualClock::new();
    let flights = flights_on(time.clock());
    let _leader = leader(&flights, "a");
    time.advance(DEADLINE - SECOND);
    let waiter = waiter(&flights, "a");
    let mut waited = pin!(waiter.wait(false, None));
    assert!(polled(waited.as_mut()).is_none());
    time.advance(SECOND);
    assert!(matches!(polled(waited), Some(Arrival::Again)));
}

#[test]
fn two_computations_that_wait_for_each_other_come_apart() {
    let time = ManualClock::new();
    let flights = flights_on(time.clock());
    let (f, g) = (leader(&flights, "f"), leader(&flights, "g"));
    let (g_in_f, f_in_g) = (waiter(&flights, "g"), waiter(&flights, "f"));
    let mut g_in_f = pin!(g_in_f.wait(true, None));
    let mut f_in_g = pin!(f_in_g.wait(true, None));
    assert!(polled(g_in_f.as_mut()).is_none());
    assert!(polled(f_in_g.as_mut()).is_none());
    time.advance(WAIT_BUDGET);
    assert!(matches!(polled(g_in_f), Some(Arrival::Reentrant)));
    f.land(Landing::Value(Arc::new(1_u32)));
    assert_value(polled(f_in_g), 1);
    g.land(Landing::Value(Arc::new(2_u32)));
}

#[test]
fn a_wait_that_is_dropped_leaves_the_flight_to_the_others() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let (impatient, patient) = (waiter(&flights, "a"), waiter(&flights, "a"));
    let mut patient = pin!(patient.wait(false, None));
    assert!(polled(patient.as_mut()).is_none());
    assert!(told(&impatient).is_none());
    drop(impatient);
    leader.land(Landing::Value(Arc::new(1_u32)));
    assert_value(polled(patient), 1);
}

#[test]
fn an_offer_in_grace_is_for_those_who_ask() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    let offering = waiter.offering();
    assert!(offering.offered().is_none());
    leader.offer(offer(1, 0));
    assert!(told(&waiter).is_none());
    let offered = offering.offered().unwrap();
    assert_eq!(offered.value.downcast_ref(), Some(&1_u32));
}

#[test]
fn a_fresh_offer_ends_the_wait_until_it_is_fresh_no_more() {
    let time = ManualClock::new();
    let flights = flights_on(time.clock());
    let leader = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    let mut waited = pin!(waiter.wait(false, None));
    assert!(polled(waited.as_mut()).is_none());
    leader.offer(offer(1, time.clock().monotonic_ms() + 1_000));
    assert_value(polled(waited), 1);
    time.advance(SECOND);
    assert!(told(&waiter).is_none());
    leader.land(Landing::Value(Arc::new(2_u32)));
    assert_value(told(&waiter), 2);
}

#[test]
fn an_offer_in_grace_ends_the_wait_until_the_end_of_grace_where_that_is_said() {
    let time = ManualClock::new();
    let flights = flights_on(time.clock());
    let leader = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    let now_ms = time.clock().monotonic_ms();
    leader.offer(Offer {
        until_ms: now_ms + 2_000,
        serves_stale: true,
        ..offer(1, now_ms + 1_000)
    });
    assert!(matches!(told(&waiter), Some(Arrival::Value(_))));
    time.advance(SECOND);
    assert!(matches!(told(&waiter), Some(Arrival::Stale(_))));
    time.advance(SECOND);
    assert!(told(&waiter).is_none());
}

#[test]
fn a_detached_flight_ends_when_all_who_wait_are_dropped_and_not_before() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let (starter, other) = (leader.starter(), waiter(&flights, "a"));
    let ends = counted(&starter);
    drop(starter);
    assert_eq!(ends.load(Ordering::Relaxed), 0);
    drop(other);
    assert_eq!(ends.load(Ordering::Relaxed), 1);
}

#[test]
fn a_detached_flight_goes_on_after_one_who_left_it_by_timeout() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let (starter, other) = (leader.starter(), waiter(&flights, "a"));
    let ends = counted(&starter);
    starter.offering().keep();
    drop(starter);
    drop(other);
    assert_eq!(ends.load(Ordering::Relaxed), 0);
}

#[test]
fn a_detached_flight_goes_on_after_one_who_took_an_offer() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let starter = leader.starter();
    let ends = counted(&starter);
    leader.offer(offer(1, u64::MAX));
    assert_value(told(&starter), 1);
    drop(starter);
    assert_eq!(ends.load(Ordering::Relaxed), 0);
}

fn offer(value: u32, fresh_until_ms: u64) -> Offer {
    Offer {
        value: Arc::new(value),
        fresh_until_ms,
        until_ms: u64::MAX,
        serves_stale: false,
    }
}

/// How often the task of the flight was ended.
fn counted(starter: &Waiter) -> Arc<AtomicUsize> {
    let ends = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ends);
    starter.ended_by(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    ends
}
