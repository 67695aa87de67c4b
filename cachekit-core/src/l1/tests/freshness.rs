use super::*;

#[test]
fn a_value_is_gone_when_its_time_is_over() {
    let (l1, time) = small();
    put(&l1, "a", 7);
    time.set(999);
    assert_eq!(l1.get::<u64>(b"a"), Some(7));
    time.set(1_000);
    assert_eq!(l1.get::<u64>(b"a"), None);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}

#[test]
fn a_value_of_another_type_is_a_miss() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    for ms in [0, 8_000, 10_000] {
        time.set(ms);
        assert_eq!(l1.get::<String>(b"a"), None);
        assert_eq!(l1.look::<String>(b"a"), Look::Nothing);
    }
    assert_eq!(look(&l1, "a"), grace(7));
}

#[test]
fn a_hit_on_an_arc_costs_one_reference() {
    let (l1, _) = small();
    let shared = Arc::new("value".to_owned());
    let value = Arc::new(Arc::clone(&shared));
    l1.put(&key("a"), value, FRESH, 8, LocalTags::default());
    let hit: Arc<String> = l1.get(b"a").unwrap();
    assert_eq!(Arc::strong_count(&hit), 3);
}

#[test]
fn an_entry_is_fresh_then_early_then_in_grace_then_gone_each_from_its_very_moment_on() {
    let (l1, time) = small();
    time.set(100);
    put_for(&l1, "a", 7, LINE);
    let at = |ms: u64| {
        time.set(100 + ms);
        (l1.get::<u64>(b"a"), look(&l1, "a"))
    };
    assert_eq!(at(0), (Some(7), fresh(7, 10_000)));
    assert_eq!(at(7_999), (Some(7), fresh(7, 2_001)));
    assert_eq!(at(8_000), (None, early(7, 2_000)));
    assert_eq!(at(9_999), (None, early(7, 1)));
    assert_eq!(at(10_000), (None, grace(7)));
    assert_eq!(at(14_999), (None, grace(7)));
    assert_eq!(at(15_000), (None, Look::Nothing));
}

#[test]
fn one_caller_claims_an_early_entry_and_for_the_others_it_is_fresh() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    time.set(7_999);
    assert!(!l1.claim(b"a"), "it is not early yet");
    time.set(8_000);
    assert!(l1.claim(b"a"));
    assert!(!l1.claim(b"a"));
    assert_eq!(l1.get::<u64>(b"a"), Some(7));
    assert_eq!(look(&l1, "a"), fresh(7, 2_000));
    time.set(9_800);
    assert!(l1.claim(b"a"));
    time.set(9_999);
    assert_eq!(l1.get::<u64>(b"a"), Some(7));
    time.set(10_000);
    assert_eq!(l1.get::<u64>(b"a"), None);
    assert_eq!(look(&l1, "a"), grace(7));
}

#[test]
fn a_claim_ends_after_a_quarter_of_the_early_window() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    time.set(8_100);
    assert!(l1.claim(b"a"));
    time.set(8_599);
    assert!(!l1.claim(b"a"));
    assert_eq!(l1.get::<u64>(b"a"), Some(7));
    time.set(8_600);
    assert_eq!(l1.get::<u64>(b"a"), None);
    assert_eq!(look(&l1, "a"), early(7, 1_400));
    assert!(l1.claim(b"a"));
}

#[test]
fn what_is_in_grace_or_gone_or_not_there_is_not_claimed() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    for ms in [10_000, 15_000] {
        time.set(ms);
        assert!(!l1.claim(b"a"));
    }
    assert!(!l1.claim(b"b"));
}

#[test]
fn after_a_refresh_that_failed_the_entry_is_early_again_when_its_throttle_is_over() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    time.set(8_000);
    assert!(l1.claim(b"a"));
    l1.throttle(b"a", SECOND);
    time.set(8_999);
    assert_eq!(l1.get::<u64>(b"a"), Some(7));
    assert!(!l1.claim(b"a"));
    time.set(9_000);
    assert_eq!(look(&l1, "a"), early(7, 1_000));
    assert!(l1.claim(b"a"));
    l1.throttle(b"a", Duration::ZERO);
    assert_eq!(look(&l1, "a"), early(7, 1_000));
}

#[test]
fn a_throttle_makes_nothing_fresh_for_longer() {
    let (l1, time) = small();
    put_for(&l1, "a", 7, LINE);
    time.set(8_000);
    l1.throttle(b"a", 5 * SECOND);
    time.set(9_999);
    assert_eq!(l1.get::<u64>(b"a"), Some(7));
    time.set(10_000);
    assert_eq!(l1.get::<u64>(b"a"), None);
    let throttled = true;
    assert_eq!(
        look(&l1, "a"),
        Look::Grace {
            value: 7,
            throttled
        }
    );
    time.set(13_000);
    assert_eq!(look(&l1, "a"), grace(7));
    l1.throttle(b"a", Duration::MAX);
    time.set(14_999);
    assert_eq!(
        look(&l1, "a"),
        Look::Grace {
            value: 7,
            throttled
        }
    );
    time.set(15_000);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}

#[test]
fn an_entry_may_be_early_from_its_beginning_or_enter_in_grace() {
    let (l1, time) = small();
    time.set(100);
    let early_at_once = Span {
        early: Duration::MAX,
        ..LINE
    };
    put_for(&l1, "a", 7, early_at_once);
    assert_eq!(look(&l1, "a"), early(7, 10_000));
    let late = Span {
        fresh: Duration::ZERO,
        ..LINE
    };
    put_for(&l1, "b", 8, late);
    assert_eq!(l1.get::<u64>(b"b"), None);
    assert_eq!(look(&l1, "b"), grace(8));
}

#[test]
fn the_longest_spans_end_in_order() {
    let (l1, time) = small();
    let longest = Span {
        fresh: Duration::MAX,
        early: SECOND,
        grace: Duration::MAX,
    };
    put_for(&l1, "a", 7, longest);
    time.set(1 << 49);
    assert_eq!(l1.get::<u64>(b"a"), Some(7));
    l1.expire(b"a");
    assert_eq!(look(&l1, "a"), grace(7));
    time.set(u64::MAX - 1);
    put_for(&l1, "a", 8, longest);
    assert_eq!(look(&l1, "a"), early(8, 1));
    assert!(l1.claim(b"a"));
    assert_eq!(l1.get::<u64>(b"a"), Some(8));
    time.set(u64::MAX);
    assert_eq!(look(&l1, "a"), Look::Nothing);
}

#[test]
fn less_than_a_millisecond_is_no_time() {
    let (l1, _) = small();
    put_for(&l1, "a", 7, Span::fresh_only(Duration::from_micros(999)));
    assert_eq!(l1.len(), 0);
}
