use super::*;

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
        let value = Arc::new(vec![0_u8; 10_000]);
        let key = key(&n.to_string());
        l1.put(&key, value, FRESH, 10_000, LocalTags::default());
    }
    assert!(l1.bytes() <= 1 << 20, "{} bytes", l1.bytes());
    assert!(l1.len() > 50, "{} entries", l1.len());
}

#[test]
fn an_entry_of_half_a_small_capacity_is_kept() {
    let (l1, _) = l1(100_000, 8 << 20);
    let value = Arc::new(7_u64);
    l1.put(&key("a"), value, FRESH, 4 << 20, LocalTags::default());
    assert_eq!(l1.get::<u64>(b"a"), Some(7));
}

#[test]
fn entries_past_their_end_leave_on_later_inserts_without_being_read_again() {
    let (l1, time) = l1(100_000, 1 << 30);
    for n in 0..10_000 {
        put_for(&l1, &format!("old{n}"), n, LINE);
    }
    time.set(14_999);
    for n in 0..10_000 {
        put(&l1, &format!("new{n}"), n);
    }
    assert_eq!(l1.len(), 20_000, "the old ones are in grace");
    time.set(15_999);
    for n in 0..10_000 {
        put(&l1, &format!("newer{n}"), n);
    }
    assert!(l1.len() < 10_500, "{} entries", l1.len());
}

#[test]
fn entries_that_were_expired_leave_at_the_end_of_the_grace_that_began_then() {
    let (l1, time) = l1(100_000, 1 << 30);
    let span = Span {
        fresh: 1_000 * SECOND,
        ..LINE
    };
    for n in 0..10_000 {
        put_for(&l1, &format!("old{n}"), n, span);
        l1.expire(format!("old{n}").as_bytes());
    }
    time.set(5_000);
    for n in 0..10_000 {
        put(&l1, &format!("new{n}"), n);
    }
    assert!(l1.len() < 10_500, "{} entries", l1.len());
}

#[test]
fn notes_of_entries_that_are_gone_do_not_pile_up() {
    let (l1, _) = small();
    for n in 0..100_000_u64 {
        let name = (n % 1_000).to_string();
        put_for(&l1, &name, n, LINE);
        l1.expire(name.as_bytes());
    }
    let (notes, fills) = counts(&l1);
    assert!(notes <= STRIPES * 64 * 2, "{notes} notes");
    assert_eq!(fills, 0);
}

/// A value that looks into the layer when it goes.
#[derive(Clone)]
struct Curious(Arc<L1>);

impl Drop for Curious {
    fn drop(&mut self) {
        self.0
            .put(&key("a"), Arc::new(1_u64), FRESH, 8, LocalTags::default());
        self.0.remove(b"a");
    }
}

#[test]
fn values_that_go_are_dropped_while_nothing_is_locked() {
    let (l1, time) = small();
    let curious = || Arc::new(Curious(Arc::clone(&l1)));
    let put = |name: &str| l1.put(&key(name), curious(), LINE, 8, LocalTags::default());
    put("a");
    put("a");
    l1.remove(b"a");
    put("a");
    l1.invalidate_where(|_| true);
    put("a");
    time.set(10_000);
    l1.drop_grace(b"a");
    (0..1_000).for_each(|n| put(&n.to_string()));
    time.set(30_000);
    (0..1_000).for_each(|n| put(&n.to_string()));
    // What is left refers to the layer that it lies in.
    l1.invalidate_where(|_| true);
}
