use super::*;

#[test]
fn a_fill_that_a_removal_has_overtaken_does_not_enter() {
    let (l1, _) = small();
    let fill = l1.begin(&key("a"));
    l1.remove(b"a");
    complete(fill, 1);
    assert_eq!(look(&l1, "a"), Look::Nothing);
    complete(l1.begin(&key("a")), 2);
    assert_eq!(l1.get::<u64>(b"a"), Some(2));
}

#[test]
fn a_fill_that_an_expiry_has_overtaken_does_not_enter_not_even_in_grace() {
    let (l1, _) = small();
    put_for(&l1, "a", 1, LINE);
    let fill = l1.begin(&key("a"));
    l1.expire(b"a");
    fill.complete(Arc::new(2_u64), LINE, 8);
    assert_eq!(look(&l1, "a"), grace(1));
}

#[test]
fn a_fill_does_not_overwrite_what_was_put_since_it_began() {
    let (l1, _) = small();
    let fill = l1.begin(&key("a"));
    put(&l1, "a", 2);
    complete(fill, 1);
    assert_eq!(l1.get::<u64>(b"a"), Some(2));
}

#[test]
fn a_fill_does_not_overwrite_what_was_written_to_the_store_since_it_began() {
    let (l1, _) = small();
    let (read, written) = (l1.begin(&key("a")), l1.begin(&key("a")));
    written.complete_written(Arc::new(2_u64), FRESH, 8);
    complete(read, 1);
    assert_eq!(l1.get::<u64>(b"a"), Some(2));
}

#[test]
fn what_was_let_in_since_a_write_began_goes_when_that_is_stored() {
    let (l1, _) = small();
    let stored = l1.begin(&key("a"));
    l1.expire(b"a");
    let read = l1.begin(&key("a"));
    complete(l1.begin(&key("a")), 1);
    stored.complete_stored(Arc::new(2_u64), FRESH, 8);
    assert_eq!(look(&l1, "a"), Look::Nothing);
    complete(read, 1);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}

#[test]
fn an_invalidation_does_not_stop_the_fill_of_another_key() {
    let (l1, _) = l1(10_000, 1 << 24);
    let fill = l1.begin(&key("a"));
    for n in 0..10_000 {
        l1.remove(n.to_string().as_bytes());
    }
    complete(fill, 1);
    assert_eq!(l1.get::<u64>(b"a"), Some(1));
}

#[test]
fn a_fill_that_is_gone_at_once_takes_away_what_it_replaces() {
    let (l1, time) = small();
    put_for(&l1, "a", 1, LINE);
    time.set(10_000);
    let fill = l1.begin(&key("a"));
    fill.complete(Arc::new(2_u64), Span::default(), 8);
    assert_eq!(look(&l1, "a"), Look::Nothing);
    assert_eq!(l1.len(), 0);
}

#[test]
fn a_fill_that_is_dropped_leaves_what_is_there() {
    let (l1, _) = small();
    put(&l1, "a", 1);
    drop(l1.begin(&key("a")));
    assert_eq!(l1.get::<u64>(b"a"), Some(1));
    assert_eq!(counts(&l1).1, 0);
}

#[test]
fn a_fill_and_its_twin_enter_one_after_the_other_and_neither_after_an_invalidation() {
    let (l1, _) = small();
    let fill = l1.begin(&key("a"));
    complete(fill.twin(), 1);
    assert_eq!(l1.get::<u64>(b"a"), Some(1));
    let late = fill.twin();
    complete(fill, 2);
    assert_eq!(l1.get::<u64>(b"a"), Some(2));
    l1.remove(b"a");
    complete(late.twin(), 3);
    complete(late, 4);
    assert_eq!(look(&l1, "a"), Look::Nothing);
    assert_eq!(counts(&l1).1, 0);
}

#[test]
fn a_fill_while_its_entry_is_claimed_replaces_it() {
    let (l1, time) = small();
    put_for(&l1, "a", 1, LINE);
    time.set(8_000);
    assert!(l1.claim(b"a"));
    let fill = l1.begin(&key("a"));
    time.set(9_000);
    fill.complete(Arc::new(2_u64), LINE, 8);
    assert_eq!(l1.get::<u64>(b"a"), Some(2));
    time.set(17_000);
    assert_eq!(look(&l1, "a"), early(2, 2_000));
}

#[test]
fn a_mark_takes_the_place_of_a_value_and_a_value_that_of_a_mark() {
    let (l1, _) = small();
    put(&l1, "a", 1);
    let mark = |mark| l1.begin(&key("a")).complete_mark(mark, SECOND);
    mark(Mark::Absent);
    assert_eq!(l1.get::<u64>(b"a"), None);
    assert_eq!(look(&l1, "a"), Look::Marked(Mark::Absent));
    mark(Mark::Pass);
    assert_eq!(look(&l1, "a"), Look::Marked(Mark::Pass));
    put(&l1, "a", 2);
    assert_eq!(l1.get::<u64>(b"a"), Some(2));
}

#[test]
fn a_mark_that_a_removal_has_overtaken_is_not_left() {
    let (l1, _) = small();
    let fill = l1.begin(&key("a"));
    l1.remove(b"a");
    fill.complete_mark(Mark::Absent, SECOND);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}
