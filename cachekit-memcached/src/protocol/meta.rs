//! The meta commands.

use super::arithmetic::{Arithmetic, Direction};
use super::key::Key;
use super::request::{Delete, Get, Mode, Request, Set};
use super::write::{END, number};

/// Where the key of a read begins.
pub(super) const KEY_OF_READ: u8 = 3;
const READ: &[u8; KEY_OF_READ as usize] = b"mg ";

/// Appends `request` without its value.
pub(super) fn encode_head(request: &Request<'_>, opaque: u32, out: &mut Vec<u8>) {
    match request {
        Request::Get(request) => get(request, out),
        Request::Set(request) => set(request, out),
        Request::Delete(request) => delete(request, out),
        Request::Arithmetic(request) => arithmetic(request, out),
        // Its reply gives nothing back.
        _ => return out.extend_from_slice(b"mn\r\n"),
    }
    number(out, " O", opaque);
    out.extend_from_slice(END);
}

fn get(get: &Get<'_>, out: &mut Vec<u8>) {
    begin(out, READ, &get.key);
    // The server works through the flags in order: `t` after `N` tells the time left of the
    // item that `N` made, and `t` before `T` the one from before the touch.
    if let Some(vivify) = get.vivify {
        number(out, " N", vivify.hold.seconds());
        if let Some(early) = vivify.early {
            number(out, " R", early.seconds());
        }
    }
    if get.left {
        out.extend_from_slice(b" t");
    }
    out.extend_from_slice(if get.value { b" c f v" } else { b" c f s" });
    if let Some(touch) = get.touch {
        number(out, " T", touch.seconds());
    }
}

fn set(set: &Set<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"ms ");
    out.extend_from_slice(set.key.as_bytes());
    number(out, " ", set.value.len() as u64);
    encoding(out, &set.key);
    number(out, " T", set.exptime.seconds());
    if set.client_flags != 0 {
        number(out, " F", set.client_flags);
    }
    if let Some(cas) = set.cas {
        number(out, " C", cas);
    }
    match set.mode {
        Mode::Set => {}
        Mode::Add => out.extend_from_slice(b" ME"),
        Mode::Replace => out.extend_from_slice(b" MR"),
        Mode::Append => out.extend_from_slice(b" MA"),
    }
}

fn delete(delete: &Delete<'_>, out: &mut Vec<u8>) {
    begin(out, b"md ", &delete.key);
    if delete.stale {
        out.extend_from_slice(b" I");
    }
    if let Some(cas) = delete.cas {
        number(out, " C", cas);
    }
}

fn arithmetic(arithmetic: &Arithmetic<'_>, out: &mut Vec<u8>) {
    begin(out, b"ma ", &arithmetic.key);
    if let Some(create) = arithmetic.create {
        number(out, " N", create.exptime.seconds());
        number(out, " J", create.initial);
    }
    number(out, " D", arithmetic.by);
    if arithmetic.direction == Direction::Down {
        out.extend_from_slice(b" MD");
    }
    out.extend_from_slice(b" v");
}

fn begin(out: &mut Vec<u8>, command: &[u8], key: &Key<'_>) {
    out.extend_from_slice(command);
    out.extend_from_slice(key.as_bytes());
    encoding(out, key);
}

fn encoding(out: &mut Vec<u8>, key: &Key<'_>) {
    if key.is_base64() {
        out.extend_from_slice(b" b");
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::samples::{self, key, seconds};
    use crate::protocol::{Create, Dialect, GetMany, KeyLine, Vivify};

    fn encoded(request: &Request<'_>) -> String {
        samples::encoded(request, Dialect::Meta)
    }

    #[test]
    fn a_plain_read_asks_for_everything_and_takes_nothing() {
        let get = Get {
            key: key(),
            value: true,
            left: true,
            vivify: None,
            touch: None,
        };
        assert_eq!(encoded(&Request::Get(get)), "mg k t c f v O7\r\n");
    }

    #[test]
    fn a_leading_read_vivifies_before_it_asks_for_the_time_left() {
        let vivify = Some(Vivify {
            hold: seconds(10),
            early: Some(seconds(3)),
        });
        let get = Get {
            key: key(),
            value: true,
            left: true,
            vivify,
            touch: None,
        };
        assert_eq!(encoded(&Request::Get(get)), "mg k N10 R3 t c f v O7\r\n");
    }

    #[test]
    fn the_key_of_a_read_is_found_in_its_bytes() {
        for key in [Key::new(b"key").unwrap(), Key::base64(b"a b").unwrap()] {
            let get = Request::Get(Get {
                key: key.borrowed(),
                value: true,
                left: true,
                vivify: None,
                touch: None,
            });
            let place = get.key_of_read(Dialect::Meta).unwrap();
            let found = place.key(encoded(&get).as_bytes());
            assert_eq!(found, key);
        }
    }

    #[test]
    fn a_touch_asks_for_the_time_left_before_it() {
        let get = Get {
            key: key(),
            value: false,
            left: true,
            vivify: None,
            touch: Some(seconds(10)),
        };
        assert_eq!(encoded(&Request::Get(get)), "mg k t c f s T10 O7\r\n");
    }

    #[test]
    fn a_write_says_its_length_and_leaves_out_flags_of_zero() {
        let mut set = Set {
            key: key(),
            value: Bytes::from_static(b"a\r\nb"),
            exptime: seconds(60),
            client_flags: 0,
            cas: None,
            mode: Mode::Set,
        };
        assert_eq!(
            encoded(&Request::Set(set.clone())),
            "ms k 4 T60 O7\r\na\r\nb\r\n"
        );
        set.client_flags = 1 << 31;
        set.cas = Some(u64::MAX);
        let expected = "ms k 4 T60 F2147483648 C18446744073709551615 O7\r\na\r\nb\r\n";
        assert_eq!(encoded(&Request::Set(set)), expected);
    }

    #[test]
    fn a_bulk_read_is_one_line() {
        let mut keys = KeyLine::default();
        keys.push(&key());
        keys.push_bytes(b"l").unwrap();
        let get = |cas| {
            let keys = keys.clone();
            encoded(&Request::GetMany(GetMany { keys, cas }))
        };
        assert_eq!(get(false), "get k l\r\n");
        assert_eq!(get(true), "gets k l\r\n");
    }

    #[test]
    fn a_deletion_may_be_fenced_and_may_only_mark() {
        let delete = |cas, stale| {
            encoded(&Request::Delete(Delete {
                key: key(),
                cas,
                stale,
            }))
        };
        assert_eq!(delete(None, false), "md k O7\r\n");
        assert_eq!(delete(Some(9), false), "md k C9 O7\r\n");
        assert_eq!(delete(Some(9), true), "md k I C9 O7\r\n");
    }

    #[test]
    fn a_write_may_be_for_nothing_or_for_something_only() {
        let set = |mode| {
            encoded(&Request::Set(Set {
                key: key(),
                value: Bytes::new(),
                exptime: seconds(1),
                client_flags: 0,
                cas: None,
                mode,
            }))
        };
        assert_eq!(set(Mode::Add), "ms k 0 T1 ME O7\r\n\r\n");
        assert_eq!(set(Mode::Replace), "ms k 0 T1 MR O7\r\n\r\n");
    }

    #[test]
    fn a_counter_begins_before_it_counts() {
        let count = |direction, create| {
            encoded(&Request::Arithmetic(Arithmetic {
                key: key(),
                direction,
                by: 2,
                create,
            }))
        };
        assert_eq!(count(Direction::Up, None), "ma k D2 v O7\r\n");
        let create = Create {
            initial: u64::MAX,
            exptime: seconds(60),
        };
        let expected = "ma k N60 J18446744073709551615 D2 MD v O7\r\n";
        assert_eq!(count(Direction::Down, Some(create)), expected);
    }

    #[test]
    fn a_key_in_base64_says_so() {
        let (key, cas) = (Key::base64(b"a b").unwrap(), Some(1));
        let delete = Delete {
            key,
            cas,
            stale: true,
        };
        assert_eq!(encoded(&Request::Delete(delete)), "md YSBi b I C1 O7\r\n");
    }
}
