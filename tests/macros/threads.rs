//! Sync functions that compute on a thread of their own.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use cachekit::{Cache, cached};
use cachekit_core::testkit::ManualClock;
use tokio::runtime::{Builder, Handle};

use crate::origin::Origin;

/// Lets a computation go on.
struct Gate {
    open: Sender<()>,
    closed: Mutex<Receiver<()>>,
}

impl Gate {
    fn new() -> Self {
        let (open, closed) = channel();
        let closed = Mutex::new(closed);
        Self { open, closed }
    }

    fn pass(&self) {
        let closed = self.closed.lock().unwrap();
        closed.recv_timeout(Duration::from_secs(60)).unwrap();
    }
}

#[test]
fn a_caller_is_told_that_its_time_is_over_and_the_computation_goes_on() {
    static GATE: LazyLock<Gate> = LazyLock::new(Gate::new);
    static ORIGIN: Origin = Origin::new();
    #[cached(timeout = "20ms")]
    fn slow(id: u32) -> Result<u32, cachekit::Error> {
        ORIGIN.ask();
        GATE.pass();
        Ok(id)
    }
    let error = slow(1).unwrap_err();
    assert_eq!(error.kind(), cachekit::ErrorKind::Timeout);
    GATE.open.send(()).unwrap();
    while slow::peek(1).is_none() {
        thread::yield_now();
    }
    assert_eq!(slow(1).unwrap(), 1);
    assert_eq!(ORIGIN.asked(), 1);
}

#[test]
fn only_what_may_outlast_its_caller_leaves_its_thread() {
    fn here() -> ThreadId {
        thread::current().id()
    }
    #[cached(local, timeout = "30s")]
    fn owned(_: u32) -> ThreadId {
        here()
    }
    #[cached(local, timeout = "30s", companions = false)]
    fn in_place(id: u32) -> (u32, ThreadId) {
        (id, here())
    }
    #[cached(local, timeout = "30s")]
    fn borrowed(_: &u32) -> ThreadId {
        here()
    }
    #[cached(local)]
    fn plain(_: u32) -> ThreadId {
        here()
    }
    assert_ne!(owned(1), here());
    assert_ne!(in_place(1).1, here());
    assert_eq!(borrowed(&1), here());
    assert_eq!(plain(1), here());
}

#[test]
fn the_runtime_of_the_caller_is_around_the_computation() {
    #[cached(timeout = "30s")]
    fn has_runtime(_: u32) -> bool {
        Handle::try_current().is_ok()
    }
    let runtime = Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(async { has_runtime(1) }));
}

#[test]
fn a_panic_reaches_the_caller() {
    #[cached(timeout = "30s")]
    fn panics(id: u32) -> u32 {
        assert!(id > 1, "too small");
        id
    }
    let caught = std::panic::catch_unwind(|| panics(1)).unwrap_err();
    assert_eq!(*caught.downcast::<&str>().unwrap(), "too small");
    assert_eq!(panics(2), 2);
}

#[test]
fn an_error_is_that_of_the_computation() {
    #[cached(timeout = "30s")]
    fn fails(_: u32) -> Result<u32, std::io::Error> {
        Err(std::io::Error::other("away"))
    }
    assert_eq!(fails(1).unwrap_err().to_string(), "away");
}

#[test]
fn a_caller_that_waited_for_another_has_what_is_left_of_its_time() {
    static CLOCK: LazyLock<ManualClock> = LazyLock::new(ManualClock::new);
    static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::builder().clock(CLOCK.clock()).build());
    static GATE: LazyLock<Gate> = LazyLock::new(Gate::new);
    static ORIGIN: Origin = Origin::new();
    #[cached(cache = CACHE, timeout = "10s")]
    fn slow(id: u32) -> Result<u32, cachekit::Error> {
        ORIGIN.ask();
        GATE.pass();
        Ok(id)
    }
    let first = thread::spawn(|| slow(1));
    while ORIGIN.asked() < 1 {
        thread::yield_now();
    }
    let second = thread::spawn(|| slow(1));
    while slow::stats().coalesced < 1 {
        thread::yield_now();
    }
    CLOCK.advance(Duration::from_secs(9));
    slow::remove(1).unwrap();
    GATE.open.send(()).unwrap();
    assert_eq!(first.join().unwrap().unwrap(), 1);
    while ORIGIN.asked() < 2 {
        thread::yield_now(); // the second one has been told to begin again
    }
    for _ in 0..500 {
        if !second.is_finished() {
            CLOCK.advance(Duration::from_millis(10));
            thread::park_timeout(Duration::from_millis(2));
        }
    }
    // Its time is over by now, however long it takes to say so.
    for _ in 0..10_000 {
        if !second.is_finished() {
            thread::park_timeout(Duration::from_millis(2));
        }
    }
    let told = second.is_finished();
    GATE.open.send(()).unwrap();
    let error = second.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), cachekit::ErrorKind::Timeout);
    assert!(told, "five seconds after its ten");
}
