//! What listens at the address of a server and is none, or is one that we cannot use.

use std::time::Duration;

use cachekit_core::backend::{Backend as _, Want};
use cachekit_core::error::{Error, ErrorKind};
use cachekit_memcached::{Config, Memcached, Protocol};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::{PATIENCE, SLOW, key};

/// Listens, and answers the first bytes of every connection with `reply`; then it closes, or reads
/// on and never answers again.
async fn peer(reply: &'static [u8], closes: bool) -> Config {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut read = Vec::new();
                let _ = socket.read_buf(&mut read).await;
                let _ = socket.write_all(reply).await;
                while !closes
                    && socket
                        .read_buf(&mut read)
                        .await
                        .is_ok_and(|length| length > 0)
                {}
            });
        }
    });
    // No more than it takes where nobody answers; and where somebody does, a busy machine has time.
    let timeout = if closes {
        PATIENCE
    } else {
        Duration::from_millis(300)
    };
    Config {
        timeout,
        connect_timeout: PATIENCE,
        ..Config::of_servers([address]).unwrap()
    }
}

async fn error_of(config: Config) -> Error {
    let backend = Memcached::new(config).unwrap();
    let began = Instant::now();
    let error = backend.get(&key("k"), Want::Value).await.unwrap_err();
    assert!(began.elapsed() < SLOW, "{:?}", began.elapsed());
    error
}

#[tokio::test]
async fn a_peer_that_accepts_and_never_answers_costs_one_timeout() {
    let error = error_of(peer(b"", false).await).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_peer_that_closes_at_once_is_unavailable() {
    let error = error_of(peer(b"", true).await).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_peer_that_speaks_something_else_is_unavailable() {
    let error = error_of(peer(b"HTTP/1.1 400 Bad Request\r\n\r\n", true).await).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_server_with_too_many_connections_is_overloaded() {
    let config = peer(b"ERROR Too many open connections\r\n", true).await;
    assert_eq!(error_of(config).await.kind(), ErrorKind::Overloaded);
}

#[tokio::test]
async fn a_proxy_is_asked_for_nothing_but_an_empty_command_under_meta() {
    let config = Config {
        protocol: Protocol::Meta,
        ..peer(b"MN\r\n", false).await
    };
    // It answers the first command, and the second not.
    assert_eq!(error_of(config).await.kind(), ErrorKind::Timeout);
    let config = Config {
        protocol: Protocol::Meta,
        ..peer(b"ERROR\r\n", true).await
    };
    assert_eq!(error_of(config).await.kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_unavailable() {
    let config = Config::of_servers(["no-such-host.invalid:11211"]).unwrap();
    let kind = error_of(config).await.kind();
    assert!(
        matches!(kind, ErrorKind::Unavailable | ErrorKind::Timeout),
        "{kind:?}"
    );
}

/// Tells what it is, and ends every connection on which anything else is asked.
async fn greeter() -> Config {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut read = Vec::new();
                while !read.ends_with(b"stats\r\n") {
                    if socket.read_buf(&mut read).await.unwrap() == 0 {
                        return;
                    }
                }
                let greeting = b"VERSION 1.6.18\r\nEND\r\nEND\r\n";
                socket.write_all(greeting).await.unwrap();
                let _ = socket.read_buf(&mut read).await;
            });
        }
    });
    Config::of_servers([address]).unwrap()
}

#[tokio::test]
async fn a_peer_that_greets_and_answers_nothing_else_goes_down() {
    let config = Config {
        retry_attempts: 4,
        ..greeter().await
    };
    let backend = Memcached::new(config).unwrap();
    let mut details = Vec::new();
    for _ in 0..4 {
        let error = backend.get(&key("k"), Want::Value).await.unwrap_err();
        details.push(error.to_string());
    }
    let down = |detail: &String| detail.ends_with(": down)");
    assert!(details.iter().any(down), "{details:?}");
}
