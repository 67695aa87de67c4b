use super::*;
use crate::testkit::ManualClock;

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn each_wait_ends_at_its_own_time_and_not_before() {
    let time = ManualClock::new();
    let timers = Timers::new(time.clock());
    let seconds = [3, 1, 2, 1];
    let waits = seconds.map(|s| tokio::spawn(timers.after(Duration::from_secs(s))));
    for now in 0..4 {
        settle().await;
        let over = waits.each_ref().map(tokio::task::JoinHandle::is_finished);
        assert_eq!(over, seconds.map(|s| s <= now), "at {now} s");
        time.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_wait_that_is_dropped_leaves_nothing_behind() {
    let time = ManualClock::new();
    let timers = Timers::new(time.clock());
    let mut wait = Box::pin(timers.after(Duration::from_secs(1)));
    let polled = std::future::poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx).is_pending()));
    assert!(polled.await);
    drop(wait);
    assert_eq!(format!("{timers:?}"), "Timers(0 waiting)");
}
