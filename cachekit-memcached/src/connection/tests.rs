//! A connection against a peer that follows a script.

mod callers;
mod deadlines;
mod doubt;
mod ending;
mod leads;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::load::MAX_REQUESTS;
use super::{Answer, Connection, Exchange, Lost, Traffic};
use crate::protocol::samples::{self, get};
use crate::protocol::{GetMany, Key, KeyLine, Reply, Request, Statistics};

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

fn key(key: &str) -> Key<'static> {
    Key::new(key.as_bytes().to_vec()).unwrap()
}

fn set(key: &str) -> Request<'static> {
    samples::set(key, "v")
}

fn ask(connection: &Connection, request: Request<'_>) -> Result<Exchange, Lost> {
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

#[tokio::test(start_paused = true)]
async fn callers_share_the_socket_and_each_gets_its_own_reply() {
    let (connection, mut peer) = Peer::connected();
    let (a, b) = (send(&connection, "a"), send(&connection, "b"));
    peer.expect(&(line("a", 1) + &line("b", 2))).await;
    peer.reply(b"VA 1 O1\r\nA\r\nVA 1 O2\r\nB\r\n").await;
    // In any order.
    assert_eq!(value(b.await), "B");
    assert_eq!(value(a.await), "A");
}

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn a_large_value_is_read_and_written_whole() {
    let (connection, mut peer) = Peer::connected();
    let body = Bytes::from(vec![b'x'; 3_000_000]);
    let stored = ask(&connection, samples::set("a", body.clone())).unwrap();
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

#[tokio::test(start_paused = true)]
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
