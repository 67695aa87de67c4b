use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::clock::Time;

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
struct Still(AtomicU64);

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

fn l1(entries: usize, bytes: usize) -> (Arc<L1>, Arc<Still>) {
    let time = Arc::new(Still::default());
    let clock = Clock::with_time(Arc::clone(&time) as Arc<dyn Time>);
    (Arc::new(L1::new(Capacity { entries, bytes }, clock)), time)
}

fn key(name: &str) -> Key {
    name.as_bytes().into()
}

fn put(l1: &L1, name: &str, value: u64) {
    l1.put(&key(name), Arc::new(value), SECOND, 8);
}

#[test]
fn a_value_is_gone_when_its_time_is_over() {
    let (l1, time) = l1(100, 1 << 20);
    put(&l1, "a", 7);
    assert_eq!(l1.get::<u64>(b"a"), Some(7));
    time.0.store(1_000, Ordering::SeqCst);
    assert_eq!(l1.get::<u64>(b"a"), None);
}

#[test]
fn a_value_of_another_type_is_a_miss() {
    let (l1, _) = l1(100, 1 << 20);
    put(&l1, "a", 7);
    assert_eq!(l1.get::<String>(b"a"), None);
}

#[test]
fn a_hit_on_an_arc_costs_one_reference() {
    let (l1, _) = l1(100, 1 << 20);
    let shared = Arc::new("value".to_owned());
    l1.put(&key("a"), Arc::new(Arc::clone(&shared)), SECOND, 8);
    let hit: Arc<String> = l1.get(b"a").unwrap();
    assert_eq!(Arc::strong_count(&hit), 3);
}

#[test]
fn a_fill_that_an_invalidation_has_overtaken_does_not_enter() {
    let (l1, _) = l1(100, 1 << 20);
    let fill = l1.begin(&key("a"));
    l1.invalidate(b"a");
    fill.complete(Arc::new(1_u64), SECOND, 8);
    assert_eq!(l1.get::<u64>(b"a"), None);
    l1.begin(&key("a")).complete(Arc::new(2_u64), SECOND, 8);
    assert_eq!(l1.get::<u64>(b"a"), Some(2));
}

#[test]
fn a_fill_does_not_overwrite_what_was_put_since_it_began() {
    let (l1, _) = l1(100, 1 << 20);
    let fill = l1.begin(&key("a"));
    put(&l1, "a", 2);
    fill.complete(Arc::new(1_u64), SECOND, 8);
    assert_eq!(l1.get::<u64>(b"a"), Some(2));
}

#[test]
fn a_fill_does_not_overwrite_what_was_written_to_the_store_since_it_began() {
    let (l1, _) = l1(100, 1 << 20);
    let (read, written) = (l1.begin(&key("a")), l1.begin(&key("a")));
    written.complete_written(Arc::new(2_u64), SECOND, 8);
    read.complete(Arc::new(1_u64), SECOND, 8);
    assert_eq!(l1.get::<u64>(b"a"), Some(2));
}

#[test]
fn an_invalidation_does_not_stop_the_fill_of_another_key() {
    let (l1, _) = l1(10_000, 1 << 24);
    let fill = l1.begin(&key("a"));
    for n in 0..10_000 {
        l1.invalidate(n.to_string().as_bytes());
    }
    fill.complete(Arc::new(1_u64), SECOND, 8);
    assert_eq!(l1.get::<u64>(b"a"), Some(1));
}

#[test]
fn the_number_of_entries_is_bounded() {
    let (l1, _) = l1(1_000, 1 << 30);
    for n in 0..10_000 {
        put(&l1, &n.to_string(), n);
    }
    assert!(l1.len() <= 1_000, "{} entries", l1.len());
}

#[test]
fn the_estimate_of_bytes_is_bounded() {
    let (l1, _) = l1(1_000_000, 1 << 20);
    for n in 0..1_000 {
        l1.put(
            &key(&n.to_string()),
            Arc::new(vec![0_u8; 10_000]),
            SECOND,
            10_000,
        );
    }
    assert!(l1.bytes() <= 1 << 20, "{} bytes", l1.bytes());
    assert!(l1.len() > 50, "{} entries", l1.len());
}

#[test]
fn an_entry_of_half_a_small_capacity_is_kept() {
    let (l1, _) = l1(100_000, 8 << 20);
    l1.put(&key("a"), Arc::new(7_u64), SECOND, 4 << 20);
    assert_eq!(l1.get::<u64>(b"a"), Some(7));
}

#[test]
fn expired_entries_leave_on_later_inserts_without_being_read_again() {
    let (l1, time) = l1(100_000, 1 << 30);
    for n in 0..10_000 {
        put(&l1, &format!("old{n}"), n);
    }
    time.0.store(2_000, Ordering::SeqCst);
    for n in 0..10_000 {
        put(&l1, &format!("new{n}"), n);
    }
    assert!(l1.len() < 10_500, "{} entries", l1.len());
}

#[test]
fn notes_of_entries_that_are_gone_do_not_pile_up() {
    let (l1, _) = l1(100, 1 << 20);
    for n in 0..100_000 {
        put(&l1, &(n % 1_000).to_string(), n);
    }
    let notes: usize = l1
        .stripes
        .iter()
        .map(|stripe| stripe.lock().unwrap().deadlines.len())
        .sum();
    assert!(notes <= STRIPES * 64 * 2, "{notes} notes");
    let fills: usize = l1
        .stripes
        .iter()
        .map(|s| s.lock().unwrap().fills.len())
        .sum();
    assert_eq!(fills, 0);
}
