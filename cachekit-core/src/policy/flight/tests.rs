use super::*;

fn flights() -> Arc<Flights> {
    Arc::new(Flights::new(Clock::system()))
}

fn key(name: &str) -> Key {
    name.as_bytes().into()
}

fn leader(flights: &Arc<Flights>, name: &str) -> Leader {
    match flights.join(&key(name), DEADLINE) {
        Role::Leader(leader) => leader,
        Role::Waiter(_) => panic!("expected to lead"),
    }
}

fn waiter(flights: &Arc<Flights>, name: &str) -> Waiter {
    match flights.join(&key(name), DEADLINE) {
        Role::Waiter(waiter) => waiter,
        Role::Leader(_) => panic!("expected to wait"),
    }
}

#[tokio::test]
async fn a_waiter_gets_the_value_of_the_leader() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    leader.land(Landing::Value(Arc::new(7)));
    let Arrival::Value(value) = waiter.wait(false, None).await else {
        panic!("expected a value")
    };
    assert_eq!(value.downcast_ref(), Some(&7));
}

#[tokio::test]
async fn a_dropped_leader_hands_over() {
    let flights = flights();
    let first = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    drop(first);
    assert!(matches!(waiter.wait(false, None).await, Arrival::Again));
    leader(&flights, "a");
}

#[tokio::test]
async fn two_keys_never_share_a_flight() {
    let flights = flights();
    let leaders: Vec<_> = (0..1_000)
        .map(|n| leader(&flights, &n.to_string()))
        .collect();
    assert_eq!(leaders.len(), 1_000);
}

#[tokio::test]
async fn nobody_joins_a_flight_that_an_invalidation_has_overtaken() {
    let flights = flights();
    let before = leader(&flights, "a");
    flights.forget(b"a");
    let after = leader(&flights, "a");
    before.land(Landing::Value(Arc::new(1)));
    let waiter = waiter(&flights, "a");
    after.land(Landing::Value(Arc::new(2)));
    let Arrival::Value(value) = waiter.wait(false, None).await else {
        panic!("expected a value")
    };
    assert_eq!(value.downcast_ref(), Some(&2));
}

#[tokio::test]
async fn only_the_starter_gets_what_is_overtaken() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let (starter, waiter) = (leader.starter(), waiter(&flights, "a"));
    leader.land(Landing::Superseded(Arc::new(1)));
    assert!(matches!(waiter.wait(false, None).await, Arrival::Again));
    assert!(matches!(starter.wait(false, None).await, Arrival::Value(_)));
}

#[tokio::test]
async fn an_error_that_cannot_be_shared_sends_the_waiters_to_compute_alone() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let waiter = waiter(&flights, "a");
    leader.land(Landing::Failed {
        original: None,
        shared: None,
    });
    assert!(matches!(waiter.wait(false, None).await, Arrival::Alone));
}

#[tokio::test]
async fn the_task_of_a_detached_flight_ends_when_all_who_wait_are_dropped() {
    let flights = flights();
    let leader = leader(&flights, "a");
    let (starter, other) = (leader.starter(), waiter(&flights, "a"));
    let task = tokio::spawn(std::future::pending::<()>());
    let abort = task.abort_handle();
    starter.ended_by(move || abort.abort());
    drop(starter);
    tokio::task::yield_now().await;
    assert!(!task.is_finished());
    drop(other);
    assert!(task.await.unwrap_err().is_cancelled());
}
