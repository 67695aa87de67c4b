//! Every reply of a server, cut at every byte, and bytes that are no reply.

use bytes::{Bytes, BytesMut};
use cachekit_memcached::protocol::{Code, Malformed, Meta, Reply, parse};

fn meta(reply: Reply) -> Meta {
    match reply {
        Reply::Meta(meta) => meta,
        other => panic!("{other:?}"),
    }
}

/// The one reply that is `bytes`.
fn whole(bytes: &[u8]) -> Reply {
    let mut buffer = BytesMut::from(bytes);
    let reply = parse(&mut buffer).unwrap().expect("a whole reply");
    assert!(buffer.is_empty(), "{} bytes are left", buffer.len());
    reply
}

fn refused(bytes: &[u8]) -> Malformed {
    parse(&mut BytesMut::from(bytes)).expect_err("no reply")
}

fn replies() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 20] = [
        b"HD\r\n",
        b"HD O1\r\n",
        b"HD O1 t-1 c9 f0 s5 \r\n",
        b"EN\r\n",
        b"EN O4294967295\r\n",
        b"NF O1\r\n",
        b"NS O1\r\n",
        b"EX O1\r\n",
        b"MN\r\n",
        b"VERSION 1.6.18\r\n",
        b"VA 0 O1 t30 c2 f0 W\r\n\r\n",
        b"VA 5 O1 t30 c2 f0 W X Z\r\nhello\r\n",
        b"VA 9 t1\r\nEN\r\nHD\r\n \r\n",
        b"VA 2\r\n\r\n\r\n",
        b"SERVER_ERROR out of memory storing object\r\n",
        b"CLIENT_ERROR bad command line format\r\n",
        b"ERROR\r\n",
        b"ERROR Too many open connections\r\n",
        b"END\r\n",
        b"STAT pid 1\r\nSTAT version 1.6.18\r\nSTAT inter \r\nEND\r\n",
    ];
    let large = [b"VA 100000 O1\r\n".as_slice(), &[b'x'; 100_000], b"\r\n"].concat();
    texts
        .iter()
        .map(|text| text.to_vec())
        .chain([large])
        .collect()
}

#[test]
fn a_reply_that_is_cut_anywhere_is_waited_for_and_nothing_is_taken() {
    for reply in replies() {
        let step = if reply.len() > 1_000 { 997 } else { 1 };
        for cut in (0..reply.len()).step_by(step) {
            let mut buffer = BytesMut::from(&reply[..cut]);
            assert_eq!(parse(&mut buffer), Ok(None));
            assert_eq!(buffer, &reply[..cut]);
            buffer.extend_from_slice(&reply[cut..]);
            assert_eq!(parse(&mut buffer), Ok(Some(whole(&reply))));
            assert!(buffer.is_empty());
        }
    }
}

#[test]
fn replies_one_after_the_other_are_taken_one_by_one() {
    let all = replies();
    let mut buffer = BytesMut::from(all.concat().as_slice());
    for reply in &all {
        assert_eq!(parse(&mut buffer), Ok(Some(whole(reply))));
    }
    assert_eq!(parse(&mut buffer), Ok(None));
}

#[test]
fn the_flags_of_a_value_are_read() {
    let meta = meta(whole(
        b"VA 5 O7 t30 c18446744073709551615 f2147483648 X W\r\nhello\r\n",
    ));
    let expected = Meta {
        code: Code::Value,
        value: Some(Bytes::from_static(b"hello")),
        opaque: Some(7),
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
        let head = format!("VA {}\r\n", value.len());
        let reply = meta(whole(&[head.as_bytes(), value, b"\r\n"].concat()));
        assert_eq!(reply.value.unwrap(), value);
    }
}

#[test]
fn only_an_empty_item_that_someone_leads_is_a_stub() {
    let is_stub = |reply: &[u8]| meta(whole(reply)).is_stub();
    assert!(is_stub(b"VA 0 t30 c2 f0 W\r\n\r\n"));
    assert!(is_stub(b"VA 0 t30 c2 f0 Z\r\n\r\n"));
    assert!(is_stub(b"VA 0 t30 c2 f0 X W\r\n\r\n"));
    assert!(is_stub(b"HD t30 c2 f0 s0 Z\r\n"));
    // Another client's empty value, our own empty value, and a value.
    assert!(!is_stub(b"VA 0 t30 c2 f0\r\n\r\n"));
    assert!(!is_stub(b"VA 0 t30 c2 f2147483648 Z\r\n\r\n"));
    assert!(!is_stub(b"VA 1 t30 c2 f0 Z\r\nv\r\n"));
    assert!(!is_stub(b"HD t30 c2 f0 s1 Z\r\n"));
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
        b"VALUE k 0 5\r\nhello\r\n",
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
fn a_hostile_length_is_refused_before_anything_is_allocated() {
    for length in [
        "1073741825",
        "18446744073709551615",
        "99999999999999999999999999",
    ] {
        refused(format!("VA {length} O1\r\n").as_bytes());
    }
    // The largest that a server can be told to hold is waited for, without a buffer for it.
    let mut buffer = BytesMut::from(b"VA 1073741824 O1\r\nx".as_slice());
    assert_eq!(parse(&mut buffer), Ok(None));
    assert!(buffer.capacity() < 1_000);
}

#[test]
fn a_line_that_does_not_end_is_refused() {
    let mut line = b"HD ".to_vec();
    line.resize(2_047, b'O');
    assert_eq!(parse(&mut BytesMut::from(line.as_slice())), Ok(None));
    line.push(b'O');
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
        let start = &starts[next() % (starts.len() - 1)];
        let mut bytes = start[..next() % (start.len() + 1)].to_vec();
        bytes.extend((0..next() % 12).map(|_| alphabet[next() % alphabet.len()]));
        let mut buffer = BytesMut::from(bytes.as_slice());
        while let Ok(Some(_)) = parse(&mut buffer) {}
        assert!(bytes.ends_with(&buffer));
    }
}
