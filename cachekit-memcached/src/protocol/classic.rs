//! The commands that every memcached has, and their one-word replies in the words of the meta
//! commands.
//!
//! Source: `doc/protocol.txt` of memcached 1.4 and later. There are no leads, no times left and no
//! deletions of one item only: what needs them is [`lacking`].

use super::arithmetic::Direction;
use super::expected::{Expected, Words};
use super::key::Key;
use super::key_line::KeyLine;
use super::reply::Code;
use super::request::{Get, Mode, Request, Set};
use super::write::{END, number};

/// What a command that stores is answered with.
const STORAGE: Words = &[
    ("STORED", Code::Done),
    ("NOT_STORED", Code::NotStored),
    ("EXISTS", Code::Exists),
    ("NOT_FOUND", Code::NotFound),
];
const DELETION: Words = &[("DELETED", Code::Done), ("NOT_FOUND", Code::NotFound)];
const TOUCH: Words = &[("TOUCHED", Code::Done), ("NOT_FOUND", Code::Miss)];

/// Appends `request` without its value.
pub(super) fn encode_head(request: &Request<'_>, out: &mut Vec<u8>) {
    match request {
        Request::Get(request) => get(request, out),
        Request::Set(request) => set(request, out),
        Request::Delete(request) => begin(out, b"delete ", &request.key),
        Request::Arithmetic(request) => {
            let command = match request.direction {
                Direction::Up => b"incr ",
                Direction::Down => b"decr ",
            };
            begin(out, command, &request.key);
            number(out, " ", request.by);
        }
        // What every server answers at once.
        _ => out.extend_from_slice(b"version"),
    }
    out.extend_from_slice(END);
}

fn get(get: &Get<'_>, out: &mut Vec<u8>) {
    match get.touch {
        Some(touch) if get.value => {
            number(out, "gats ", touch.seconds());
            begin(out, b" ", &get.key);
        }
        Some(touch) => {
            begin(out, b"touch ", &get.key);
            number(out, " ", touch.seconds());
        }
        None => begin(out, b"gets ", &get.key),
    }
}

fn set(set: &Set<'_>, out: &mut Vec<u8>) {
    let command: &[u8] = match (set.cas, set.mode) {
        (Some(_), _) => b"cas ",
        (None, Mode::Set) => b"set ",
        (None, Mode::Add) => b"add ",
        (None, Mode::Replace) => b"replace ",
        (None, Mode::Append) => b"append ",
    };
    begin(out, command, &set.key);
    number(out, " ", set.client_flags);
    number(out, " ", set.exptime.seconds());
    number(out, " ", set.value.len() as u64);
    if let Some(cas) = set.cas {
        number(out, " ", cas);
    }
}

fn begin(out: &mut Vec<u8>, command: &[u8], key: &Key<'_>) {
    out.extend_from_slice(command);
    out.extend_from_slice(key.as_bytes());
}

/// What the reply to `request` has to be.
pub(super) fn expected(request: &Request<'_>) -> Expected {
    match request {
        Request::Get(get) if get.value => {
            let mut keys = KeyLine::default();
            keys.push(&get.key);
            Expected::Item(Box::new(keys))
        }
        Request::Get(_) => Expected::Word(TOUCH),
        Request::Delete(_) => Expected::Word(DELETION),
        Request::Arithmetic(_) => Expected::Number,
        _ => Expected::Word(STORAGE),
    }
}

/// What `request` has that no classic command has.
pub(super) fn lacking(request: &Request<'_>) -> Option<&'static str> {
    let key = match request {
        Request::Get(get) if get.vivify.is_some() => return Some("leads"),
        Request::Get(get) if get.left => return Some("the time left of an item"),
        Request::Get(get) if !get.value && get.touch.is_none() => return Some("metadata"),
        Request::Get(get) => &get.key,
        Request::Set(set) => &set.key,
        Request::Delete(delete) if delete.cas.is_some() => return Some("deletions by CAS number"),
        Request::Delete(delete) => &delete.key,
        Request::Arithmetic(count) if count.create.is_some() => return Some("counters that begin"),
        Request::Arithmetic(count) => &count.key,
        _ => return None,
    };
    key.is_base64().then_some("keys in base64")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::samples::{self, key, seconds};
    use crate::protocol::{Arithmetic, Delete, Dialect};

    fn encoded(request: &Request<'_>) -> String {
        samples::encoded(request, Dialect::Classic)
    }

    #[test]
    fn a_read_may_touch_and_a_touch_may_not_read() {
        let get = |value, touch| {
            encoded(&Request::Get(Get {
                key: key(),
                value,
                left: false,
                vivify: None,
                touch,
            }))
        };
        assert_eq!(get(true, None), "gets k\r\n");
        assert_eq!(get(true, Some(seconds(9))), "gats 9 k\r\n");
        assert_eq!(get(false, Some(seconds(9))), "touch k 9\r\n");
    }

    #[test]
    fn a_write_names_its_flags_its_time_and_its_length() {
        let set = |mode, cas| {
            encoded(&Request::Set(Set {
                key: key(),
                value: Bytes::from_static(b"a\r\nb"),
                exptime: seconds(60),
                client_flags: 5,
                cas,
                mode,
            }))
        };
        assert_eq!(set(Mode::Set, None), "set k 5 60 4\r\na\r\nb\r\n");
        assert_eq!(set(Mode::Add, None), "add k 5 60 4\r\na\r\nb\r\n");
        assert_eq!(set(Mode::Replace, None), "replace k 5 60 4\r\na\r\nb\r\n");
        assert_eq!(set(Mode::Append, None), "append k 5 60 4\r\na\r\nb\r\n");
        assert_eq!(set(Mode::Set, Some(7)), "cas k 5 60 4 7\r\na\r\nb\r\n");
    }

    #[test]
    fn a_deletion_that_marks_deletes() {
        for stale in [false, true] {
            let (key, cas) = (key(), None);
            let request = Request::Delete(Delete { key, cas, stale });
            assert_eq!(request.lacking(Dialect::Classic), None);
            assert_eq!(encoded(&request), "delete k\r\n");
        }
    }

    #[test]
    fn a_counter_goes_up_and_down() {
        let count = |direction| {
            encoded(&Request::Arithmetic(Arithmetic {
                key: key(),
                direction,
                by: u64::MAX,
                create: None,
            }))
        };
        assert_eq!(count(Direction::Up), "incr k 18446744073709551615\r\n");
        assert_eq!(count(Direction::Down), "decr k 18446744073709551615\r\n");
    }

    #[test]
    fn what_asks_nothing_is_a_question_for_the_version() {
        assert_eq!(encoded(&Request::Noop), "version\r\n");
    }

    #[test]
    fn a_key_in_base64_is_lacking() {
        let (key, cas) = (Key::base64(b"a b").unwrap(), None);
        let request = Request::Delete(Delete {
            key,
            cas,
            stale: false,
        });
        assert_eq!(request.lacking(Dialect::Classic), Some("keys in base64"));
        assert_eq!(request.lacking(Dialect::Meta), None);
    }
}
