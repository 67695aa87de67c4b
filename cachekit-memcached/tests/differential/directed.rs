//! What leads, stale items and their fences are built on, reply by reply.

use crate::pair::Pair;
use crate::step::Step;

/// Both servers, started with `args`, answer to each command as it says here. They are new, so CAS
/// numbers begin with 1.
fn answered(args: &[&str], exchanges: &[(&str, &str)]) {
    loop {
        let mut pair = Pair::start(args);
        let now = pair.clock();
        let replies: Vec<_> = exchanges
            .iter()
            .map(|(command, _)| pair.both(&format!("{command}\r\n"), now))
            .collect();
        // Else a time left that is another tells nothing.
        if pair.clock() != now {
            continue;
        }
        for ((command, expected), (real, memory)) in exchanges.iter().zip(replies) {
            assert_eq!(real, *expected, "the real server to {command:?}");
            assert_eq!(memory, *expected, "the one in memory to {command:?}");
        }
        return;
    }
}

#[test]
fn one_reader_of_nothing_leads_and_its_write_ends_the_lead() {
    answered(
        &[],
        &[
            ("mg k N30 R5 t c f v", "VA 0 t30 c1 f0 W\r\n\r\n"),
            ("mg k N30 R5 t c f v", "VA 0 t30 c1 f0 Z\r\n\r\n"),
            ("mg k v", "VA 0 Z\r\n\r\n"),
            ("get k", "VALUE k 0 0\r\n\r\nEND\r\n"),
            ("ms k 1 T60 C1 c\r\na", "HD c2\r\n"),
            ("mg k N30 R5 t c f v", "VA 1 t60 c2 f0\r\na\r\n"),
        ],
    );
}

#[test]
fn the_time_left_of_what_was_just_made_is_told_behind_its_hold_only() {
    answered(
        &[],
        &[
            ("mg k t N30", "HD t-1 W\r\n"),
            ("mg k t N30", "HD t30 Z\r\n"),
        ],
    );
}

#[test]
fn one_reader_of_what_is_about_to_end_leads() {
    answered(
        &[],
        &[
            ("ms k 1 T60\r\na", "HD\r\n"),
            ("mg k N30 R60 c v", "VA 1 c1\r\na\r\n"),
            ("mg k N30 R61 c v", "VA 1 c1 W\r\na\r\n"),
            ("mg k N30 R61 c v", "VA 1 c1 Z\r\na\r\n"),
            ("ms k 1 T60 C1\r\nb", "HD\r\n"),
            ("ms k 1 T0\r\na", "HD\r\n"),
            ("mg k N30 R61 c v", "VA 1 c3\r\na\r\n"),
        ],
    );
}

#[test]
fn one_reader_of_what_is_stale_leads_whatever_it_asks_for() {
    answered(
        &[],
        &[
            ("ms k 1 T60\r\na", "HD\r\n"),
            ("md k I", "HD\r\n"),
            ("mg k t", "HD t60 X W\r\n"),
            ("mg k N30 R5 c v", "VA 1 c2 Z X\r\na\r\n"),
            ("get k", "VALUE k 0 1\r\na\r\nEND\r\n"),
            ("touch k 90", "TOUCHED\r\n"),
            ("mg k t T80", "HD t90 Z X\r\n"),
            ("ms k 1 T60 C2\r\nb", "HD\r\n"),
            ("mg k v", "VA 1\r\nb\r\n"),
        ],
    );
}

#[test]
fn a_fill_is_refused_after_an_invalidation() {
    answered(
        &[],
        &[
            ("mg k N30 c", "HD c1 W\r\n"),
            ("md k", "HD\r\n"),
            ("ms k 1 T60 C1\r\na", "NF\r\n"),
            ("mg k N30 c", "HD c2 W\r\n"),
            ("md k I", "HD\r\n"),
            ("ms k 1 T60 C2\r\na", "EX\r\n"),
            ("mg k N30 c t", "HD c3 t30 X W\r\n"),
            // Never with I: what is stored is stale, and its time left is that of the stub.
            ("md k I", "HD\r\n"),
            ("ms k 1 T60 C3 I\r\na", "HD\r\n"),
            ("mg k v t", "VA 1 t30 X W\r\na\r\n"),
            // Nor blindly.
            ("md k", "HD\r\n"),
            ("ms k 1 T60\r\na", "HD\r\n"),
            ("mg k v", "VA 1\r\na\r\n"),
        ],
    );
}

#[test]
fn of_two_that_take_a_lead_over_one_does() {
    answered(
        &[],
        &[
            ("ms k 1 T60\r\na", "HD\r\n"),
            ("md k I", "HD\r\n"),
            ("mg k c", "HD c2 X W\r\n"),
            ("md k I C2", "HD\r\n"),
            ("md k I C2", "EX\r\n"),
            ("mg k c", "HD c3 X W\r\n"),
            (
                "ms k 1 T60 C2\r\nold",
                "CLIENT_ERROR bad data chunk\r\nERROR\r\n",
            ),
            ("ms k 3 T60 C2\r\nold", "EX\r\n"),
        ],
    );
}

#[test]
fn to_append_nothing_ends_a_lead_over_what_is_not_stale() {
    answered(
        &[],
        &[
            ("ms k 1 T60 F7\r\na", "HD\r\n"),
            ("mg k R90 c", "HD c1 W\r\n"),
            ("ms k 0 T9 C1 MA\r\n", "HD\r\n"),
            ("ms k 0 T9 C1 MA\r\n", "EX\r\n"),
            ("mg k R90 c t f v", "VA 1 c2 t60 f7 W\r\na\r\n"),
        ],
    );
}

#[test]
fn a_touch_renews_a_stub_and_keeps_its_number() {
    answered(
        &[],
        &[
            ("mg k N30 c", "HD c1 W\r\n"),
            ("mg k T40 c s", "HD c1 s0 Z\r\n"),
            ("mg k t", "HD t40 Z\r\n"),
            ("ms k 1 T60 C1\r\na", "HD\r\n"),
        ],
    );
}

#[test]
fn quiet_commands_tell_what_is_not_nominal() {
    answered(
        &[],
        &[
            ("mg k v q", ""),
            ("ms k 1 T60 q\r\na", ""),
            ("mg k v q O7 k", "VA 1 O7 kk\r\na\r\n"),
            ("ms k 1 ME q O8\r\na", "NS O8\r\n"),
            ("ms k 1 C99 q k\r\na", "EX kk\r\n"),
            ("ms l 1 C99 q\r\na", "NF\r\n"),
            ("md k C99 q", "EX\r\n"),
            ("md k q", ""),
            ("md k q O9", "NF O9\r\n"),
            ("ma k q", "NF\r\n"),
        ],
    );
}

#[test]
fn without_cas_numbers_no_write_is_fenced() {
    answered(
        &["-C"],
        &[
            ("mg k N30 c v", "VA 0 c0 W\r\n\r\n"),
            ("mg k N30 c v", "VA 0 c0 Z\r\n\r\n"),
            ("ms k 1 T60 C1\r\na", "EX\r\n"),
            ("ms k 1 T60 C0\r\na", "EX\r\n"),
            ("ms k 1 T60\r\na", "HD\r\n"),
            ("md k I C0", "HD\r\n"),
            ("mg k c v", "VA 1 c0 X W\r\na\r\n"),
            ("md k C1", "EX\r\n"),
            ("add k 0 9 1\r\nb", "NOT_STORED\r\n"),
            ("delete k", "DELETED\r\n"),
        ],
    );
}

#[test]
fn a_stub_is_an_item_to_every_other_command() {
    answered(
        &[],
        &[
            ("mg k N30", "HD W\r\n"),
            ("add k 0 60 1\r\na", "NOT_STORED\r\n"),
            ("ms k 1 ME\r\na", "NS\r\n"),
            (
                "incr k 1",
                "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
            ),
            ("gets k", "VALUE k 0 0 1\r\n\r\nEND\r\n"),
        ],
    );
}

#[test]
fn a_number_begins_again_behind_the_largest() {
    answered(
        &[],
        &[
            ("set k 0 0 20\r\n18446744073709551615", "STORED\r\n"),
            ("incr k 2", "1\r\n"),
            ("get k", "VALUE k 0 20\r\n1                   \r\nEND\r\n"),
            ("decr k 5", "0\r\n"),
        ],
    );
}

/// What is one byte too long is refused, and what it was to replace is gone.
#[test]
fn the_longest_value_is_the_same() {
    for (args, most) in [(&[][..], 1_048_516), (&["-C"][..], 1_048_524)] {
        let mut pair = Pair::start(args);
        for flags in [0, 4] {
            for len in [most - flags, most - flags + 1] {
                let value = "x".repeat(len);
                let steps: Vec<Step> = [
                    "set k 0 0 3\r\nold\r\n".to_owned(),
                    format!("set k {flags} 0 {len}\r\n{value}\r\n"),
                    "ms k 3 T0\r\nold\r\n".to_owned(),
                    format!("ms k {len} T0 F{flags}\r\n{value}\r\n"),
                    "mg k s f\r\n".to_owned(),
                    "ms k 3 T0\r\nold\r\n".to_owned(),
                    format!("add k {flags} 0 {len}\r\n{value}\r\n"),
                    "mg k v\r\n".to_owned(),
                    format!("ms k {} T0 F{flags}\r\n{}\r\n", len - 1, &value[1..]),
                    "ms k 1 MA\r\nx\r\n".to_owned(),
                    "mg k s\r\n".to_owned(),
                ]
                .map(|text| Step::new("k", text))
                .into();
                let difference = pair.first_difference(&steps);
                assert!(difference.is_none(), "{args:?} F{flags} {len} bytes");
            }
        }
    }
}
