mod landing;
mod lending;
mod model;
mod waiting;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::clock::Clock;
use crate::testkit::ManualClock;

const DEADLINE: Duration = Duration::from_secs(60);

fn flights() -> Arc<Flights> {
    flights_on(ManualClock::new().clock())
}

fn flights_on(clock: Clock) -> Arc<Flights> {
    Arc::new(Flights::new(Timers::new(clock)))
}

fn key(name: &str) -> Key {
    name.as_bytes().into()
}

fn leader(flights: &Arc<Flights>, name: &str) -> Leader {
    match flights.join(&key(name), DEADLINE, &[]) {
        Role::Leader(leader) => leader,
        Role::Waiter(_) => panic!("expected to lead"),
    }
}

fn waiter(flights: &Arc<Flights>, name: &str) -> Waiter {
    match flights.join(&key(name), DEADLINE, &[]) {
        Role::Waiter(waiter) => waiter,
        Role::Leader(_) => panic!("expected to wait"),
    }
}

/// What `waiter` is told now, if it is told something.
fn told(waiter: &Waiter) -> Option<Arrival> {
    polled(std::pin::pin!(waiter.wait(false, None)))
}

fn polled<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[track_caller]
fn assert_value(arrival: Option<Arrival>, expected: u32) {
    match arrival {
        Some(Arrival::Value(value) | Arrival::Stale(value)) => {
            assert_eq!(value.downcast_ref(), Some(&expected));
        }
        other => panic!("expected {expected}, not {other:?}"),
    }
}

#[test]
fn nobody_joins_a_flight_whose_tag_was_removed() {
    let flights = flights();
    let tagged = flights.try_lead(&key("a"), DEADLINE, &[1, 2]).unwrap();
    let other = flights.try_lead(&key("b"), DEADLINE, &[3]).unwrap();
    flights.forget_tagged(2);
    assert!(flights.try_lead(&key("a"), DEADLINE, &[1, 2]).is_some());
    assert!(flights.try_lead(&key("b"), DEADLINE, &[3]).is_none());
    drop((tagged, other));
}

#[test]
fn a_flight_that_is_overtaken_ends_for_those_who_wait_for_it() {
    let flights = flights();
    let first = leader(&flights, "k");
    let early = waiter(&flights, "k");
    let second = flights.overtake(&key("k"), DEADLINE, &[]);
    let late = waiter(&flights, "k");
    first.land(Landing::Value(Arc::new(1_u32)));
    assert_value(told(&early), 1);
    assert!(told(&late).is_none());
    second.land(Landing::Value(Arc::new(2_u32)));
    assert_value(told(&late), 2);
}

#[test]
fn two_keys_never_share_a_flight() {
    let flights = flights();
    let leaders: Vec<_> = (0..1_000)
        .map(|n| leader(&flights, &n.to_string()))
        .collect();
    assert_eq!(leaders.len(), 1_000);
}

#[test]
fn a_thousand_callers_of_one_key_have_one_leader() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let waiters: Vec<_> = (1..1_000).map(|_| waiter(&flights, "a")).collect();
    leader.land(Landing::Value(Arc::new(7_u32)));
    for waiter in waiters {
        assert_value(told(&waiter), 7);
    }
}

#[test]
fn nobody_joins_a_flight_that_an_invalidation_has_overtaken() {
    let flights = flights();
    let before = leader(&flights, "a");
    flights.forget(b"a");
    let after = leader(&flights, "a");
    before.land(Landing::Value(Arc::new(1_u32)));
    let waiter = waiter(&flights, "a");
    after.land(Landing::Value(Arc::new(2_u32)));
    assert_value(told(&waiter), 2);
}

#[test]
fn a_refresh_leads_only_where_nobody_flies() {
    let flights = flights();
    let refresh = flights.try_lead(&key("a"), DEADLINE, &[]).unwrap();
    assert!(flights.try_lead(&key("a"), DEADLINE, &[]).is_none());
    let waiter = waiter(&flights, "a");
    refresh.land(Landing::Value(Arc::new(1_u32)));
    assert_value(told(&waiter), 1);
    assert!(flights.try_lead(&key("a"), DEADLINE, &[]).is_some());
}

#[test]
fn a_leader_that_is_leaked_loses_its_key_at_the_deadline() {
    let time = ManualClock::new();
    let flights = flights_on(time.clock());
    std::mem::forget(leader(&flights, "a"));
    time.advance(DEADLINE - Duration::from_millis(1));
    drop(waiter(&flights, "a"));
    time.advance(Duration::from_millis(1));
    leader(&flights, "a");
}

#[test]
fn what_lands_after_its_deadline_is_told_to_nobody_who_came_later() {
    let time = ManualClock::new();
    let flights = flights_on(time.clock());
    let late = leader(&flights, "a");
    assert!(!late.is_overdue());
    time.advance(DEADLINE);
    assert!(late.is_overdue());
    let next = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    late.land(Landing::Value(Arc::new(1_u32)));
    assert!(told(&waiter).is_none());
    next.land(Landing::Value(Arc::new(2_u32)));
    assert_value(told(&waiter), 2);
}
