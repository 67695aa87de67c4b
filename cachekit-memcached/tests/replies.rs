//! Every reply of a server, cut at every byte, and bytes that are no reply.

use bytes::Bytes;
use cachekit_memcached::protocol::{
    Code, Decoder, Expected, Item, KeyLine, LARGE_VALUE, Malformed, Meta, Reply,
};

fn meta(reply: Reply) -> Meta {
    match reply {
        Reply::Meta(meta) => *meta,
        other => panic!("{other:?}"),
    }
}

/// What a request waited for whose reply begins like this.
fn expected(bytes: &[u8]) -> Expected {
    let begins = |word: &[u8]| bytes.starts_with(word);
    match bytes {
        _ if begins(b"MN") => Expected::Noop,
        _ if begins(b"VERSION") => Expected::Version,
        _ if begins(b"STAT") || begins(b"END") => Expected::Stats,
        _ if begins(b"VALUE") => values(&["a", "b", "c", "b"]),
        _ => Expected::Meta { opaque: 1 },
    }
}

fn values(keys: &[&str]) -> Expected {
    let mut line = KeyLine::default();
    for key in keys {
        line.push_bytes(key.as_bytes()).unwrap();
    }
    Expected::Values(Box::new(line))
}

fn decode(bytes: &[u8], expected: &Expected) -> Result<Option<Reply>, Malformed> {
    let mut decoder = Decoder::default();
    decoder.feed(bytes);
    decoder.next(expected)
}

/// The one reply that is `bytes`.
fn whole(bytes: &[u8]) -> Reply {
    let mut decoder = Decoder::default();
    decoder.feed(bytes);
    let reply = decoder.next(&expected(bytes)).unwrap();
    assert!(decoder.is_empty(), "bytes are left");
    reply.expect("a whole reply")
}

fn refused(bytes: &[u8]) -> Malformed {
    decode(bytes, &expected(bytes)).expect_err("no reply")
}

fn replies() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 21] = [
        b"HD O1\r\n",
        b"HD O1 t-1 c9 f0 s5 \r\n",
        b"EN\r\n",
        b"EN O1\r\n",
        b"NF O1\r\n",
        b"NS O1\r\n",
        b"EX O1\r\n",
        b"MN\r\n",
        b"VERSION 1.6.18\r\n",
        b"VA 0 O1 t30 c2 f0 W\r\n\r\n",
        b"VA 5 O1 t30 c2 f0 W X Z\r\nhello\r\n",
        b"VA 9 t1 O1\r\nEN\r\nHD\r\n \r\n",
        b"VA 2 O1\r\n\r\n\r\n",
        b"VALUE a 0 1\r\nA\r\nVALUE b 4294967295 4 7\r\nEND\r\r\nEND\r\n",
        b"VALUE a 0 1\r\nA\r\nSERVER_ERROR out of memory writing get response\r\n",
        b"SERVER_ERROR out of memory storing object\r\n",
        b"CLIENT_ERROR bad command line format\r\n",
        b"ERROR\r\n",
        b"ERROR Too many open connections\r\n",
        b"END\r\n",
        b"STAT pid 1\r\nSTAT version 1.6.18\r\nSTAT inter \r\nEND\r\n",
    ];
    let large = |head: &str, length: usize, end: &str| {
        let head = head.replace("LENGTH", &length.to_string());
        [head.as_bytes(), &vec![b'x'; length], end.as_bytes()].concat()
    };
    let lengths = [LARGE_VALUE - 1, LARGE_VALUE, LARGE_VALUE + 1];
    let meta = lengths.map(|length| large("VA LENGTH O1\r\n", length, "\r\n"));
    let item = large(
        "VALUE b 0 LENGTH\r\n",
        100_000,
        "\r\nVALUE c 0 0\r\n\r\nEND\r\n",
    );
    texts
        .iter()
        .map(|text| text.to_vec())
        .chain(meta)
        .chain([item])
        .collect()
}

#[test]
fn a_reply_that_is_cut_anywhere_is_waited_for() {
    for reply in replies() {
        let step = if reply.len() > 1_000 { 997 } else { 1 };
        let expected = expected(&reply);
        for cut in (0..reply.len()).step_by(step) {
            let mut decoder = Decoder::default();
            decoder.feed(&reply[..cut]);
            assert_eq!(decoder.next(&expected), Ok(None));
            assert_eq!(decoder.is_empty(), cut == 0);
            decoder.feed(&reply[cut..]);
            assert_eq!(decoder.next(&expected), Ok(Some(whole(&reply))));
            assert!(decoder.is_empty());
        }
    }
}

#[test]
fn a_reply_that_comes_byte_by_byte_is_whole() {
    for reply in replies() {
        let expected = expected(&reply);
        let mut decoder = Decoder::default();
        let (last, first) = reply.split_last().unwrap();
        for byte in first {
            decoder.feed(&[*byte]);
            assert_eq!(decoder.next(&expected), Ok(None));
        }
        decoder.feed(&[*last]);
        assert_eq!(decoder.next(&expected), Ok(Some(whole(&reply))));
    }
}

#[test]
fn replies_one_after_the_other_are_taken_one_by_one() {
    let all = replies();
    for chunk in [1_000, 65_536, usize::MAX] {
        let mut decoder = Decoder::default();
        let bytes = all.concat();
        let mut chunks = bytes.chunks(chunk);
        for reply in &all {
            let taken = loop {
                match decoder.next(&expected(reply)).unwrap() {
                    Some(taken) => break taken,
                    None => decoder.feed(chunks.next().unwrap()),
                }
            };
            assert_eq!(taken, whole(reply));
        }
        assert!(decoder.is_empty());
    }
}

#[test]
fn items_stand_where_their_keys_were_asked_for() {
    let item = |value: &'static str| {
        let value = Bytes::from_static(value.as_bytes());
        let (client_flags, cas) = (0, None);
        Some(Item {
            value,
            client_flags,
            cas,
        })
    };
    let found = |keys: &[&str], reply: &str| match decode(reply.as_bytes(), &values(keys)) {
        Ok(Some(Reply::Values(items))) => items,
        other => panic!("{other:?}"),
    };
    let a = "VALUE a 0 1\r\nA\r\n";
    let b = "VALUE b 0 1\r\nB\r\n";
    assert_eq!(found(&["a", "b"], "END\r\n"), [None, None]);
    let both = [item("A"), item("B")];
    assert_eq!(found(&["a", "b"], &[a, b, "END\r\n"].concat()), both);
    assert_eq!(
        found(&["a", "b"], &[b, "END\r\n"].concat()),
        [None, item("B")]
    );
    // The same key twice; the second time the item may be gone, or there again.
    let twice = [item("A"), None, item("A")];
    assert_eq!(found(&["a", "b", "a"], &[a, a, "END\r\n"].concat()), twice);
    assert_eq!(
        found(&["a", "a"], &[a, "END\r\n"].concat()),
        [item("A"), None]
    );
}

#[test]
fn items_that_were_not_asked_for_are_refused() {
    let wrong: [&[u8]; 9] = [
        b"VALUE d 0 1\r\nD\r\nEND\r\n",
        b"VALUE b 0 1\r\nB\r\nVALUE a 0 1\r\nA\r\nEND\r\n",
        b"VALUE a 0 1\r\nA\r\nVALUE a 0 1\r\nA\r\nEND\r\n",
        b"VALUE a 0 1\r\nA\r\nHD O1\r\n",
        b"VALUE a 0 1\r\nA\r\nSTAT a b\r\nEND\r\n",
        b"VALUE a 0 1073741825\r\n",
        b"VALUE a 0\r\n",
        b"VALUE a x 1\r\nA\r\nEND\r\n",
        b"VALUE\r\n",
    ];
    for bytes in wrong {
        assert!(decode(bytes, &values(&["a", "b"])).is_err());
    }
}

#[test]
fn the_reply_to_another_request_is_refused() {
    let all = [
        Expected::Meta { opaque: 1 },
        Expected::Noop,
        Expected::Version,
        Expected::Stats,
        values(&["a", "b", "c", "b"]),
    ];
    for reply in replies() {
        let ours = expected(&reply);
        let is_error = matches!(whole(&reply), Reply::ServerError(_) | Reply::Refused(_));
        let fits_two = reply == b"END\r\n"; // no statistics, or no items
        for other in all.iter().filter(|other| **other != ours) {
            let accepted = decode(&reply, other).is_ok();
            let fits =
                is_error && !reply.starts_with(b"VALUE") || fits_two && other.clone() == all[4];
            assert_eq!(accepted, fits, "{:?}", String::from_utf8_lossy(&reply));
        }
    }
}

#[test]
fn the_flags_of_a_value_are_read() {
    let meta = meta(whole(
        b"VA 5 O1 t30 c18446744073709551615 f2147483648 X W\r\nhello\r\n",
    ));
    let expected = Meta {
        code: Code::Value,
        value: Some(Bytes::from_static(b"hello")),
        opaque: Some(1),
        cas: Some(u64::MAX),
        left: Some(30),
        client_flags: Some(1 << 31),
        size: None,
        won: true,
        taken: false,
        stale: true,
    };
    assert_eq!(meta, expected);
}

#[test]
fn a_value_is_bytes_whatever_they_look_like() {
    let values: [&[u8]; 4] = [b"", b" \t ", b"\r\nEN\r\n", &[0, 255, b'\n', b'\r']];
    for value in values {
        let head = format!("VA {} O1\r\n", value.len());
        let reply = meta(whole(&[head.as_bytes(), value, b"\r\n"].concat()));
        assert_eq!(reply.value.unwrap(), value);
    }
}

#[test]
fn only_an_empty_item_that_someone_leads_is_a_stub() {
    let is_stub = |reply: &[u8]| meta(whole(reply)).is_stub();
    assert!(is_stub(b"VA 0 t30 O1 c2 f0 W\r\n\r\n"));
    assert!(is_stub(b"VA 0 t30 O1 c2 f0 Z\r\n\r\n"));
    assert!(is_stub(b"VA 0 t30 O1 c2 f0 X W\r\n\r\n"));
    assert!(is_stub(b"HD O1 t30 c2 f0 s0 Z\r\n"));
    // Another client's empty value, our own empty value, and a value.
    assert!(!is_stub(b"VA 0 t30 O1 c2 f0\r\n\r\n"));
    assert!(!is_stub(b"VA 0 t30 O1 c2 f2147483648 Z\r\n\r\n"));
    assert!(!is_stub(b"VA 1 t30 O1 c2 f0 Z\r\nv\r\n"));
    assert!(!is_stub(b"HD O1 t30 c2 f0 s1 Z\r\n"));
}

#[test]
fn an_empty_answer_to_stats_is_one_without_rows() {
    assert_eq!(whole(b"END\r\n"), Reply::Stats(Vec::new()));
    let rows = vec![
        ("a".to_owned(), "b c".to_owned()),
        ("d".to_owned(), String::new()),
    ];
    assert_eq!(
        whole(b"STAT a b c\r\nSTAT d \r\nEND\r\n"),
        Reply::Stats(rows)
    );
}

#[test]
fn what_is_no_reply_is_refused() {
    let wrong: [&[u8]; 22] = [
        b"\r\n",
        b"\n",
        b"HD\n",
        b"hd\r\n",
        b"HDX\r\n",
        b"VA 5 O2\r\n",
        b"VA\r\n",
        b"VA \r\n",
        b"VA x\r\n",
        b"VA -1\r\n",
        b"VA 1.5\r\n",
        b"VA 5 Ox\r\nhello\r\n",
        b"VA 4 O1\r\nhello\r\n",
        b"VA 5 O1\r\nhello\n\n",
        b"HD O4294967296\r\n",
        b"HD O-1\r\n",
        b"HD c18446744073709551616\r\n",
        b"HD t\r\n",
        b"STAT a b\r\nSTUT c d\r\nEND\r\n",
        b"STAT a b\r\nHD\r\n",
        b"GET / HTTP/1.1\r\n",
        b"\xff\xfe\r\n",
    ];
    for bytes in wrong {
        refused(bytes);
    }
}

#[test]
fn a_word_alone_is_refused_where_it_is_not_alone() {
    for (expected, word) in [
        (Expected::Admission, "STORED"),
        (Expected::Number, "7"),
        (Expected::Number, "NOT_FOUND"),
    ] {
        let reply = |line: String| decode(line.as_bytes(), &expected);
        assert!(
            matches!(reply(format!("{word}\r\n")), Ok(Some(_))),
            "{word}"
        );
        assert!(reply(format!("{word} 7\r\n")).is_err(), "{word}");
    }
}

#[test]
fn a_hostile_length_is_refused_before_anything_is_allocated() {
    for length in [
        "1073741825",
        "18446744073709551615",
        "99999999999999999999999999",
    ] {
        refused(format!("VA {length} O1\r\n").as_bytes());
    }
    // The largest that a server can be told to hold is waited for, without a buffer for it.
    // The largest that a server can be told to hold is waited for, with little memory for it.
    let announced = b"VA 1073741824 O1\r\nx";
    let mut decoder = Decoder::default();
    decoder.feed(announced);
    assert_eq!(decoder.next(&expected(announced)), Ok(None));
    assert!(decoder.room().get_ref().capacity() <= 8 << 20);
}

#[test]
fn a_line_that_does_not_end_is_refused() {
    let mut line = b"HD O1 ".to_vec();
    line.resize(2_047, b'x');
    assert_eq!(decode(&line, &expected(&line)), Ok(None));
    line.push(b'x');
    refused(&line);
}

#[test]
fn statistics_that_do_not_end_are_refused() {
    let rows = "STAT name value\r\n".repeat(5_000);
    refused(rows.as_bytes());
}

#[test]
fn an_error_never_shows_the_bytes() {
    assert!(!refused(b"secret\r\n").to_string().contains("secret"));
    let Reply::ServerError(text) = whole(b"SERVER_ERROR a\x1b[31m\xff b\r\n") else {
        panic!()
    };
    assert_eq!(text, "a?[31m? b");
}

#[test]
fn bytes_at_random_are_a_reply_or_an_error_and_never_a_panic() {
    // Numerical Recipes' generator: the bytes are the same in every run.
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(state >> 8).unwrap()
    };
    let alphabet = b"HDVAENFSXMTOctfsWZ 0123456789-\r\n\r\n\xff";
    let starts = replies();
    for _ in 0..50_000 {
        let start = &starts[next() % (starts.len() - 4)];
        let expected = expected(start);
        let mut bytes = start[..next() % (start.len() + 1)].to_vec();
        bytes.extend((0..next() % 12).map(|_| alphabet[next() % alphabet.len()]));
        let mut decoder = Decoder::default();
        for chunk in bytes.chunks(1 + next() % 16) {
            decoder.feed(chunk);
            if !matches!(decoder.next(&expected), Ok(None)) {
                break;
            }
        }
    }
}
