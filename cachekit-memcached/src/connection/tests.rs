//! A connection against a peer that follows a script.

mod deadlines;
mod ending;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::load::MAX_REQUESTS;
use super::{Answer, Connection, Exchange, Lost, Traffic};
use crate::protocol::{Exptime, Get, GetMany, Key, KeyLine, Mode, Reply, Request, Set, Statistics};

const TIMEOUT: Duration = Duration::from_secs(1);

struct Peer(DuplexStream);

impl Peer {
    fn connected() -> (Connection, Self) {
        Self::behind(1 << 20)
    }

    /// Behind a socket that takes so many bytes before they are read.
    fn behind(buffer: usize) -> (Connection, Self) {
        Self::telling(&Traffic::new(&"node".into(), TIMEOUT), buffer)
    }

    /// And tells `traffic` what it does.
    fn telling(traffic: &Arc<Traffic>, buffer: usize) -> (Connection, Self) {
        let (ours, theirs) = duplex(buffer);
        (Connection::open(ours, traffic), Self(theirs))
    }

    /// Reads `text`, and nothing else.
    async fn expect(&mut self, text: &str) {
        let mut read = vec![0; text.len()];
        self.0.read_exact(&mut read).await.unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), text);
    }

    async fn reply(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Reads until the connection is closed.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.unwrap();
        rest
    }
}

fn key(key: &str) -> Key {
    Key::new(key.as_bytes()).unwrap()
}

fn get(text: &str) -> Request {
    Request::Get(Get {
        key: key(text),
        value: true,
        left: true,
        vivify: None,
        touch: None,
    })
}

fn set(text: &str) -> Request {
    let (exptime, value) = (Exptime::MAX, Bytes::from_static(b"v"));
    Request::Set(Set {
        key: key(text),
        value,
        exptime,
        client_flags: 0,
        cas: None,
        mode: Mode::Set,
    })
}

fn ask(connection: &Connection, request: Request) -> Result<Exchange, Lost> {
    connection.send(request, Instant::now() + TIMEOUT)
}

fn send(connection: &Connection, text: &str) -> Exchange {
    ask(connection, get(text)).unwrap()
}

fn line(key: &str, opaque: u32) -> String {
    format!("mg {key} t c f v O{opaque}\r\n")
}

fn value(answer: Result<Answer, Lost>) -> Bytes {
    answer.unwrap().meta().unwrap().value.clone().unwrap()
}

fn lost(answer: Result<Answer, Lost>) -> Lost {
    answer.expect_err("no reply")
}

/// Lets the task that owns the socket do what it can.
async fn settle() {
    for _ in 0..32 {
        yield_now().await;
    }
}

#[tokio::test]
async fn callers_share_the_socket_and_each_gets_its_own_reply() {
    let (connection, mut peer) = Peer::connected();
    let (a, b) = (send(&connection, "a"), send(&connection, "b"));
    peer.expect(&(line("a", 1) + &line("b", 2))).await;
    peer.reply(b"VA 1 O1\r\nA\r\nVA 1 O2\r\nB\r\n").await;
    // In any order.
    assert_eq!(value(b.await), "B");
    assert_eq!(value(a.await), "A");
}

#[tokio::test]
async fn a_reply_that_comes_byte_by_byte_is_whole() {
    let (connection, mut peer) = Peer::connected();
    let exchange = send(&connection, "a");
    peer.expect(&line("a", 1)).await;
    for byte in b"VA 5 O1 t30 c2 f0\r\nhello\r\n" {
        settle().await;
        peer.reply(&[*byte]).await;
    }
    assert_eq!(value(exchange.await), "hello");
}

#[tokio::test]
async fn a_large_value_is_read_and_written_whole() {
    let (connection, mut peer) = Peer::connected();
    let body = Bytes::from(vec![b'x'; 3_000_000]);
    let request = Set {
        key: key("a"),
        value: body.clone(),
        exptime: Exptime::MAX,
        client_flags: 0,
        cas: None,
        mode: Mode::Set,
    };
    let stored = ask(&connection, Request::Set(request)).unwrap();
    peer.expect("ms a 3000000 T2592000 O1\r\n").await;
    let mut read = vec![0; body.len() + 2];
    peer.0.read_exact(&mut read).await.unwrap();
    assert!(read.starts_with(&body) && read.ends_with(b"\r\n"));
    peer.reply(b"HD O1\r\n").await;
    assert!(stored.await.is_ok());

    let found = send(&connection, "a");
    let (_, body) = tokio::join!(
        async {
            peer.expect(&line("a", 2)).await;
            peer.reply(&[b"VA 3000000 O2\r\n", body.as_ref(), b"\r\n"].concat())
                .await;
        },
        async { assert_eq!(value(found.await), body) }
    );
    let () = body;
}

#[tokio::test]
async fn a_caller_that_is_gone_when_its_reply_comes_leaves_it_to_nobody() {
    // Where the caller of `a` goes: after so many bytes of its reply.
    let reply = b"VA 1 O1\r\nA\r\n";
    for cut in 0..=reply.len() {
        let (connection, mut peer) = Peer::connected();
        let a = send(&connection, "a");
        peer.expect(&line("a", 1)).await;
        peer.reply(&reply[..cut]).await;
        settle().await;
        drop(a);
        let b = send(&connection, "b");
        peer.reply(&reply[cut..]).await;
        peer.expect(&line("b", 2)).await;
        peer.reply(b"VA 1 O2\r\nB\r\n").await;
        assert_eq!(value(b.await), "B", "cut at {cut}");
    }
}

#[tokio::test]
async fn a_caller_that_goes_before_its_request_is_written_sends_nothing() {
    let (connection, mut peer) = Peer::connected();
    drop(send(&connection, "a"));
    drop(ask(&connection, set("a")).unwrap());
    let b = send(&connection, "b");
    peer.expect(&line("b", 1)).await;
    peer.reply(b"EN O1\r\n").await;
    assert!(b.await.is_ok());
}

#[tokio::test]
async fn a_caller_that_goes_while_its_request_is_half_written_disturbs_no_one() {
    let (connection, mut peer) = Peer::behind(8);
    let a = send(&connection, "a");
    settle().await;
    drop(a);
    let b = send(&connection, "b");
    peer.expect(&line("a", 1)).await;
    peer.expect(&line("b", 2)).await;
    peer.reply(b"VA 1 O1\r\nA\r\n").await;
    peer.reply(b"VA 1 O2\r\nB\r\n").await;
    assert_eq!(value(b.await), "B");
}

#[tokio::test]
async fn a_caller_that_forgets_its_exchange_disturbs_no_one() {
    let (connection, mut peer) = Peer::connected();
    std::mem::forget(send(&connection, "a"));
    let b = send(&connection, "b");
    peer.expect(&(line("a", 1) + &line("b", 2))).await;
    peer.reply(b"VA 1 O1\r\nA\r\nVA 1 O2\r\nB\r\n").await;
    assert_eq!(value(b.await), "B");
}

#[tokio::test]
async fn a_doubt_about_whose_reply_it_is_ends_the_connection() {
    let doubtful: [&[u8]; 9] = [
        b"VA 1 O9\r\nA\r\n",
        b"VA 1\r\nA\r\n",
        b"HD O2\r\n",
        b"HD\r\n",
        b"EN O2\r\n",
        b"MN\r\n",
        b"VERSION 1.6.18\r\n",
        b"what?\r\n",
        b"VA 99999999999 O1\r\n",
    ];
    for reply in doubtful {
        let (connection, mut peer) = Peer::connected();
        let (a, b) = (send(&connection, "a"), send(&connection, "b"));
        peer.expect(&(line("a", 1) + &line("b", 2))).await;
        peer.reply(reply).await;
        assert_eq!((lost(a.await), lost(b.await)), (Lost::Sent, Lost::Sent));
        assert_eq!(peer.rest().await, "", "the socket is closed");
        assert!(!connection.is_open());
        assert_eq!(ask(&connection, get("c")).err(), Some(Lost::Unsent));
    }
}

#[tokio::test]
async fn a_miss_without_an_opaque_is_one() {
    let (connection, mut peer) = Peer::connected();
    let a = send(&connection, "a");
    peer.expect(&line("a", 1)).await;
    peer.reply(b"EN\r\n").await;
    assert!(a.await.unwrap().meta().is_some());
}

#[tokio::test]
async fn a_reply_that_nobody_asked_for_ends_the_connection() {
    let (connection, mut peer) = Peer::connected();
    peer.reply(b"HD O1\r\n").await;
    assert_eq!(peer.rest().await, "");
    assert!(!connection.is_open());
}

#[tokio::test]
async fn a_peer_that_closes_at_any_byte_never_leaves_a_part_for_the_whole() {
    let reply = b"VA 5 O1 t30 c2 f0\r\nhello\r\n";
    for cut in 0..reply.len() {
        let (connection, mut peer) = Peer::connected();
        let a = send(&connection, "a");
        peer.expect(&line("a", 1)).await;
        peer.reply(&reply[..cut]).await;
        drop(peer);
        assert_eq!(lost(a.await), Lost::Sent, "cut at {cut}");
        assert!(!connection.is_open());
    }
}

#[tokio::test]
async fn a_request_that_is_not_understood_ends_the_connection_and_its_caller_is_told() {
    for text in ["CLIENT_ERROR bad", "ERROR"] {
        let (connection, mut peer) = Peer::connected();
        let (a, b) = (send(&connection, "a"), send(&connection, "b"));
        peer.expect(&(line("a", 1) + &line("b", 2))).await;
        peer.reply(format!("{text}\r\nVA 1 O2\r\nB\r\n").as_bytes())
            .await;
        assert!(matches!(a.await.unwrap().reply(), Reply::Refused(_)));
        assert_eq!(lost(b.await), Lost::Sent);
        assert!(!connection.is_open());
        assert_eq!(connection.shared.traffic.stats().refused_requests, 1);
    }
}

#[tokio::test]
async fn a_server_error_is_a_reply_like_any_other() {
    let (connection, mut peer) = Peer::connected();
    let (a, b) = (ask(&connection, set("a")).unwrap(), send(&connection, "b"));
    peer.expect("ms a 1 T2592000 O1\r\nv\r\n").await;
    peer.reply(b"SERVER_ERROR out of memory storing object\r\nEN O2\r\n")
        .await;
    assert!(matches!(a.await.unwrap().reply(), Reply::ServerError(_)));
    assert!(b.await.is_ok());
    assert!(connection.is_open());
}

#[tokio::test]
async fn a_proxy_may_refuse_to_tell_its_version_and_statistics() {
    let (connection, mut peer) = Peer::connected();
    let version = ask(&connection, Request::Version).unwrap();
    let stats = ask(&connection, Request::Stats(Statistics::General)).unwrap();
    let noop = ask(&connection, Request::Noop).unwrap();
    peer.expect("version\r\nstats\r\nmn\r\n").await;
    peer.reply(b"ERROR\r\nERROR\r\nMN\r\n").await;
    assert!(matches!(version.await.unwrap().reply(), Reply::Refused(_)));
    assert!(matches!(stats.await.unwrap().reply(), Reply::Refused(_)));
    assert_eq!(noop.await.unwrap().reply(), &Reply::Noop);
}

#[tokio::test]
async fn what_was_not_written_when_the_connection_ends_is_known_to_be_unsent() {
    let (connection, peer) = Peer::behind(8);
    let written = ask(&connection, set("a")).unwrap();
    settle().await;
    let queued = ask(&connection, set("b")).unwrap();
    drop(peer);
    assert_eq!(lost(written.await), Lost::Sent);
    assert_eq!(lost(queued.await), Lost::Unsent);
}

#[tokio::test(start_paused = true)]
async fn a_full_connection_refuses_at_once_and_has_room_again_after_replies() {
    let (connection, mut peer) = Peer::connected();
    let mut exchanges: Vec<_> = (0..MAX_REQUESTS).map(|_| send(&connection, "a")).collect();
    assert_eq!(ask(&connection, get("b")).err(), Some(Lost::Full));
    peer.0.read_exact(&mut [0; 10]).await.unwrap();
    peer.reply(b"EN O1\r\n").await;
    assert!(exchanges.remove(0).await.is_ok());
    assert!(ask(&connection, get("b")).is_ok());
}

#[tokio::test]
async fn a_lead_that_comes_to_a_caller_that_is_gone_is_handed_back() {
    let (connection, mut peer) = Peer::connected();
    let (stub, stale) = (send(&connection, "stub"), send(&connection, "stale"));
    let fresh = send(&connection, "fresh");
    peer.expect(&(line("stub", 1) + &line("stale", 2) + &line("fresh", 3)))
        .await;
    drop((stub, stale, fresh));
    peer.reply(b"VA 0 O1 t30 c5 f0 W\r\n\r\nVA 1 O2 t30 c6 f0 X W\r\nv\r\n")
        .await;
    peer.reply(b"VA 1 O3 t30 c7 f0 W\r\nv\r\n").await;
    peer.expect("md stub C5 O4\r\nmd stale I C6 O5\r\n").await;
    peer.reply(b"HD O4\r\nEX O5\r\n").await;
    settle().await;
    assert!(connection.is_open());
}

#[tokio::test]
async fn a_lead_that_nobody_looks_at_is_handed_back_and_one_that_is_kept_is_not() {
    let (connection, mut peer) = Peer::connected();
    let reply = |opaque: u32| format!("VA 0 O{opaque} t30 c{opaque} f0 W\r\n\r\n");
    let received = send(&connection, "received");
    peer.expect(&line("received", 1)).await;
    peer.reply(reply(1).as_bytes()).await;
    settle().await;
    drop(received);
    peer.expect("md received C1 O2\r\n").await;
    peer.reply(b"HD O2\r\n").await;

    let answered = send(&connection, "answered");
    peer.expect(&line("answered", 3)).await;
    peer.reply(reply(3).as_bytes()).await;
    drop(answered.await);
    peer.expect("md answered C3 O4\r\n").await;
    peer.reply(b"HD O4\r\n").await;

    let kept = send(&connection, "kept");
    peer.expect(&line("kept", 5)).await;
    peer.reply(reply(5).as_bytes()).await;
    kept.await.unwrap().keep();
    drop(connection);
    assert_eq!(peer.rest().await, "");
}

#[tokio::test]
async fn the_socket_closes_when_the_last_handle_is_gone() {
    let (connection, mut peer) = Peer::connected();
    drop(connection.clone());
    settle().await;
    assert!(connection.is_open());
    drop(connection);
    assert_eq!(peer.rest().await, "");
}

#[tokio::test]
async fn the_socket_closes_after_the_replies_that_are_waited_for() {
    let (connection, mut peer) = Peer::connected();
    let a = send(&connection, "a");
    drop(connection);
    peer.expect(&line("a", 1)).await;
    peer.reply(b"VA 1 O1\r\nA\r\n").await;
    assert_eq!(value(a.await), "A");
    assert_eq!(peer.rest().await, "");
}

#[tokio::test]
async fn many_keys_are_one_request_and_one_reply() {
    let (connection, mut peer) = Peer::connected();
    let mut keys = KeyLine::default();
    for text in ["a", "b", "c"] {
        keys.push(&key(text));
    }
    let get = Request::GetMany(GetMany { keys, cas: false });
    let (found, after) = (ask(&connection, get).unwrap(), send(&connection, "d"));
    peer.expect(&("get a b c\r\n".to_owned() + &line("d", 2)))
        .await;
    peer.reply(b"VALUE b 0 1\r\nB\r\nEND\r\nEN O2\r\n").await;
    let found = found.await.unwrap();
    let Reply::Values(items) = found.reply() else {
        panic!("{found:?}")
    };
    let values: Vec<_> = items
        .iter()
        .map(|item| item.as_ref().map(|i| &*i.value))
        .collect();
    assert_eq!(values, [None, Some(b"B".as_slice()), None]);
    assert!(after.await.is_ok());
}

#[test]
fn a_runtime_that_ends_fails_what_was_in_flight() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    };
    let first = runtime();
    let (connection, written, queued, peer) = first.block_on(async {
        let (connection, mut peer) = Peer::connected();
        let written = send(&connection, "a");
        peer.expect(&line("a", 1)).await;
        let queued = send(&connection, "b");
        (connection, written, queued, peer)
    });
    drop(first);
    assert!(!connection.is_open());
    runtime().block_on(async {
        assert_eq!(lost(written.await), Lost::Sent);
        assert_eq!(lost(queued.await), Lost::Unsent);
    });
    drop(peer);
}
