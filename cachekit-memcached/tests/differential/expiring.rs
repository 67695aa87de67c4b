//! What is over when, second by second of the real server's clock.

use std::time::Duration;

use crate::pair::{Pair, Seen};
use crate::step::Step;

/// Commands, and how many seconds after the first they are sent. Those of several keys go side by
/// side.
const SCENE: &[(u64, &str, &str)] = &[
    (0, "a", "ms KEY 1 T1\r\na\r\n"),
    (0, "a", "mg KEY t v\r\n"),
    (1, "a", "mg KEY t v\r\n"),
    // A stub is over after its hold, and its fence with it.
    (0, "b", "mg KEY N2 t c\r\n"),
    (1, "b", "mg KEY N2 t c\r\n"),
    (2, "b", "ms KEY 1 T9 CCAS\r\na\r\n"),
    (2, "b", "mg KEY N2 t c\r\n"),
    (3, "b", "ms KEY 1 T9 CCAS\r\na\r\n"),
    // One that is renewed is not.
    (0, "c", "mg KEY N2 t c\r\n"),
    (1, "c", "mg KEY T2 t c\r\n"),
    (2, "c", "mg KEY N2 t c\r\n"),
    (2, "c", "ms KEY 1 T9 CCAS\r\na\r\n"),
    // To mark as stale changes no time, unless one is named.
    (0, "d", "ms KEY 1 T2\r\na\r\n"),
    (1, "d", "md KEY I\r\n"),
    (1, "d", "mg KEY t c v\r\n"),
    (2, "d", "mg KEY t c v\r\n"),
    (0, "e", "ms KEY 1 T2\r\na\r\n"),
    (1, "e", "md KEY I T2\r\n"),
    (2, "e", "mg KEY t c v\r\n"),
    (3, "e", "mg KEY t c v\r\n"),
    // With less left than is asked for, one leads.
    (0, "f", "ms KEY 1 T4\r\na\r\n"),
    (0, "f", "mg KEY R3 t\r\n"),
    (1, "f", "mg KEY R3 t\r\n"),
    (2, "f", "mg KEY R3 t\r\n"),
    (2, "f", "mg KEY R3 t\r\n"),
    // Neither to append nor to count changes a time.
    (0, "g", "set KEY 0 2 1\r\n9\r\n"),
    (1, "g", "incr KEY 1\r\n"),
    (1, "g", "append KEY 0 9 1\r\n7\r\n"),
    (1, "g", "mg KEY t v\r\n"),
    (2, "g", "get KEY\r\n"),
    (0, "h", "set KEY 0 1 1\r\n9\r\n"),
    (0, "h", "gat 2 KEY\r\n"),
    (1, "h", "touch KEY 1\r\n"),
    (1, "h", "add KEY 0 0 1\r\nx\r\n"),
    (2, "h", "add KEY 0 0 1\r\nx\r\n"),
    (2, "h", "mg KEY t v\r\n"),
    // A counter that begins.
    (0, "i", "ma KEY N1 J5 t v\r\n"),
    (0, "i", "ma KEY N1 J5 t v\r\n"),
    (1, "i", "ma KEY N1 J5 t v\r\n"),
    // Over at once.
    (0, "j", "ms KEY 1 T-1\r\na\r\n"),
    (0, "j", "mg KEY v\r\n"),
    (0, "j", "ms KEY 1 T2592001\r\na\r\n"),
    (0, "j", "mg KEY v\r\n"),
    (0, "j", "ms KEY 1 T4294967295\r\na\r\n"),
    (0, "j", "mg KEY v\r\n"),
    (0, "j", "mg KEY N-1\r\n"),
    (0, "j", "mg KEY v\r\n"),
];

/// How often the clock may have gone on in between.
const TRIES: usize = 20;
/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(2);

#[test]
fn what_is_over_is_over_in_the_same_second() {
    let mut pair = Pair::start(&[]);
    assert!(
        (0..TRIES).any(|_| carried_out(&mut pair)),
        "a second is too short"
    );
}

/// Whether the whole scene was carried out, each part in its second.
fn carried_out(pair: &mut Pair) -> bool {
    pair.on_new_keys();
    let first = next_second(pair);
    let mut seen = Seen::default();
    for offset in 0..4 {
        let now = first + offset;
        while pair.clock() < now {
            std::thread::park_timeout(LOOK);
        }
        let steps = SCENE.iter().filter(|(at, ..)| *at == offset);
        let differences: Vec<_> = steps
            .filter_map(|(_, key, text)| pair.step(&Step::new(key, *text), now, &mut seen))
            .collect();
        if pair.clock() != now {
            return false;
        }
        if let Some(difference) = differences.first() {
            panic!("after {offset} s: {difference}");
        }
    }
    true
}

/// The second that has just begun.
fn next_second(pair: &mut Pair) -> u64 {
    let before = pair.clock();
    loop {
        let now = pair.clock();
        if now != before {
            return now;
        }
        std::thread::park_timeout(LOOK);
    }
}

/// A unix time is a time like any other.
#[test]
fn a_unix_time_is_told_as_the_time_left() {
    let mut pair = Pair::start(&[]);
    let day = pair.clock() + 24 * 60 * 60;
    let steps = [
        Step::new("k", format!("ms KEY 1 T{day}\r\na\r\n")),
        Step::new("k", "mg KEY t\r\n"),
        Step::new("k", "mg KEY R86000 t\r\n"),
        Step::new("k", format!("mg KEY R{} t\r\n", day + 1)),
    ];
    let difference = pair.first_difference(&steps);
    assert!(difference.is_none(), "{}", difference.unwrap());
}
