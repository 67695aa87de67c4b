use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::clock::Time;

mod bounds;
mod fills;
mod freshness;
mod invalidations;
mod threads;

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
struct Still(AtomicU64);

impl Still {
    fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }
}

impl Time for Still {
    fn monotonic_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn unix_ms(&self) -> u64 {
        self.monotonic_ms()
    }

    fn sleep(&self, _: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        unreachable!("L1 does not sleep")
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// A second, and nothing after it.
const FRESH: Span = Span::fresh_only(SECOND);
/// Fresh for ten seconds, the last two of them early, then in grace for five.
const LINE: Span = Span {
    fresh: Duration::from_secs(10),
    early: Duration::from_secs(2),
    grace: Duration::from_secs(5),
};

fn l1(entries: usize, bytes: usize) -> (Arc<L1>, Arc<Still>) {
    let time = Arc::new(Still::default());
    let clock = Clock::with_time(Arc::clone(&time) as Arc<dyn Time>);
    (Arc::new(L1::new(Capacity { entries, bytes }, clock)), time)
}

fn small() -> (Arc<L1>, Arc<Still>) {
    l1(100, 1 << 20)
}

fn key(name: &str) -> Key {
    name.as_bytes().into()
}

fn put(l1: &L1, name: &str, value: u64) {
    put_for(l1, name, value, FRESH);
}

fn put_for(l1: &L1, name: &str, value: u64, span: Span) {
    l1.put(&key(name), Arc::new(value), span, 8, LocalTags::default());
}

fn complete(fill: Fill, value: u64) {
    fill.complete(Arc::new(value), FRESH, 8);
}

fn look(l1: &L1, name: &str) -> Look<u64> {
    l1.look(name.as_bytes())
}

fn fresh(value: u64, left_ms: u64) -> Look<u64> {
    let left = Duration::from_millis(left_ms);
    Look::Fresh { value, left }
}

fn early(value: u64, left_ms: u64) -> Look<u64> {
    let left = Duration::from_millis(left_ms);
    Look::Early { value, left }
}

fn grace(value: u64) -> Look<u64> {
    let throttled = false;
    Look::Grace { value, throttled }
}

/// The notes of ends and the keys with fills under way.
fn counts(l1: &L1) -> (usize, usize) {
    let counts = (0..STRIPES).map(|stripe| l1.lock(stripe).counts());
    counts.fold((0, 0), |(notes, fills), (n, f)| (notes + n, fills + f))
}
