use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use super::*;
use crate::testkit::ManualClock;

/// An executor's waker that looks at the timers when it goes.
struct Looks(Timers, Arc<AtomicBool>);

impl Wake for Looks {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Looks {
    fn drop(&mut self) {
        let free = self.0.0.state.try_lock().is_ok();
        self.1.store(free, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn no_waker_is_dropped_under_the_lock() {
    let timers = Timers::new(ManualClock::new().clock());
    let mut wait = Box::pin(timers.after(Duration::from_secs(1)));
    let free = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    for free in &free {
        let waker = Waker::from(Arc::new(Looks(timers.clone(), Arc::clone(free))));
        let polled = wait.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    assert!(free[0].load(Ordering::SeqCst), "one that is replaced");
    drop(wait);
    assert!(free[1].load(Ordering::SeqCst), "the last one");
}

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

#[tokio::test]
async fn short_waits_beside_a_long_one_leave_no_sleepers_behind() {
    let time = ManualClock::new();
    let timers = Timers::new(time.clock());
    let long = tokio::spawn(timers.after(Duration::from_secs(60)));
    settle().await;
    for _ in 0..20 {
        let short = tokio::spawn(timers.after(Duration::from_millis(10)));
        settle().await;
        time.advance(Duration::from_millis(10));
        short.await.unwrap();
        settle().await;
    }
    assert_eq!(time.sleepers(), 1);
    long.abort();
}
