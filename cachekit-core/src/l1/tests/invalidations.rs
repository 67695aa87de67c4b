use super::*;

#[test]
fn what_is_expired_is_in_grace_from_then_on() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    time.set(1_000);
    l1.expire(b"a");
    assert_eq!(l1.get::<u64>(b"a"), None);
    assert_eq!(look(&l1, "a"), grace(7));
    time.set(3_000);
    l1.expire(b"a");
    time.set(5_999);
    assert_eq!(look(&l1, "a"), grace(7));
    time.set(6_000);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}

#[test]
fn to_expire_what_is_in_grace_does_not_lengthen_it() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    time.set(12_000);
    l1.expire(b"a");
    time.set(14_999);
    assert_eq!(look(&l1, "a"), grace(7));
    time.set(15_000);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}

#[test]
fn what_has_no_grace_is_gone_when_it_is_expired() {
    let (l1, time) = small();
    put(&l1, "a", 7);
    l1.begin(&key("b")).complete_mark(Mark::Absent, SECOND);
    time.set(1);
    l1.expire(b"a");
    l1.expire(b"b");
    assert_eq!(look(&l1, "a"), Look::Nothing);
    assert_eq!(look(&l1, "b"), Look::Nothing);
    assert_eq!(l1.len(), 0);
}

#[test]
fn an_expiry_ends_a_claim_and_a_throttle() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    time.set(8_000);
    assert!(l1.claim(b"a"));
    l1.expire(b"a");
    assert_eq!(look(&l1, "a"), grace(7));
    l1.throttle(b"a", SECOND);
    l1.expire(b"a");
    assert_eq!(look(&l1, "a"), grace(7));
}

#[test]
fn nothing_makes_fresh_again_what_was_expired() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    time.set(8_000);
    l1.expire(b"a");
    assert!(!l1.claim(b"a"));
    l1.throttle(b"a", SECOND);
    assert_eq!(l1.get::<u64>(b"a"), None);
}

#[test]
fn what_is_removed_has_no_grace() {
    let (l1, _) = small();
    put_for(&l1, "a", 7, LINE);
    l1.expire(b"a");
    l1.remove(b"a");
    assert_eq!(look(&l1, "a"), Look::Nothing);
    assert_eq!(l1.len(), 0);
}

#[test]
fn to_drop_grace_leaves_what_is_fresh_and_stops_no_fill() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    time.set(9_999);
    l1.drop_grace(b"a");
    assert_eq!(look(&l1, "a"), early(7, 1));
    let fill = l1.begin(&key("a"));
    time.set(10_000);
    l1.drop_grace(b"a");
    assert_eq!(look(&l1, "a"), Look::Nothing);
    complete(fill, 8);
    assert_eq!(l1.get::<u64>(b"a"), Some(8));
    l1.drop_grace(b"b");
}

#[test]
fn many_are_removed_by_what_their_keys_have_in_common_fills_included() {
    let (l1, _) = l1(10_000, 1 << 24);
    for n in 0..1_000 {
        put(&l1, &format!("users:{n}"), n);
        put(&l1, &format!("orders:{n}"), n);
    }
    let (stopped, other) = (l1.begin(&key("users:x")), l1.begin(&key("orders:x")));
    l1.invalidate_where(|key| key.starts_with(b"users:"));
    complete(stopped, 1);
    complete(other, 2);
    assert_eq!(l1.len(), 1_001);
    assert_eq!(look(&l1, "users:x"), Look::Nothing);
    assert_eq!(l1.get::<u64>(b"users:7"), None);
    assert_eq!(l1.get::<u64>(b"orders:7"), Some(7));
    assert_eq!(l1.get::<u64>(b"orders:x"), Some(2));
}

fn put_tagged(l1: &L1, name: &str, value: u64, tags: &[u64]) {
    let tags = l1.tags().capture(tags);
    l1.put(&key(name), Arc::new(value), LINE, 8, tags);
}

#[test]
fn an_entry_with_tags_takes_a_second_look_and_is_fresh_until_one_of_them_is_removed() {
    let (l1, _) = small();
    put_tagged(&l1, "a", 7, &[1, 2]);
    assert_eq!(l1.get::<u64>(b"a"), None);
    assert_eq!(look(&l1, "a"), fresh(7, 10_000));
    l1.tags().remove(3);
    assert_eq!(look(&l1, "a"), fresh(7, 10_000));
    l1.tags().remove(2);
    assert_eq!(look(&l1, "a"), Look::Nothing);
    put_tagged(&l1, "a", 8, &[1, 2]);
    assert_eq!(look(&l1, "a"), fresh(8, 10_000));
}

#[test]
fn a_claimed_entry_with_tags_is_still_ended_by_their_removal() {
    let (l1, time) = small();
    put_tagged(&l1, "a", 7, &[1]);
    time.set(8_000);
    assert_eq!(look(&l1, "a"), early(7, 2_000));
    assert!(l1.claim(b"a"));
    assert_eq!(look(&l1, "a"), fresh(7, 2_000));
    l1.tags().remove(1);
    assert_eq!(l1.get::<u64>(b"a"), None);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}

#[test]
fn the_removal_of_a_tag_kills_grace() {
    let (l1, time) = small();
    put_tagged(&l1, "a", 7, &[1]);
    time.set(10_000);
    assert_eq!(look(&l1, "a"), grace(7));
    l1.tags().remove(1);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}

#[test]
fn a_fill_whose_tag_was_removed_while_it_was_computed_is_not_served() {
    let (l1, _) = small();
    let mut fill = l1.begin(&key("a"));
    assert!(fill.stands());
    l1.tags().remove(1);
    fill.tag(&[1]);
    assert!(!fill.stands());
    fill.complete(Arc::new(7_u64), LINE, 8);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}

#[test]
fn a_mark_has_tags_too() {
    let (l1, _) = small();
    let mut fill = l1.begin(&key("a"));
    fill.tag(&[1]);
    fill.complete_mark(Mark::Absent, SECOND);
    assert_eq!(look(&l1, "a"), Look::Marked(Mark::Absent));
    l1.tags().remove(1);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}
