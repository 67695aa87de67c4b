//! Servers with a file of users (`-Y`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Client, Config, Credentials, ErrorKind, Protocol, Ttl};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{error_of, file, path, patient, works};

const USERS: &str = "other:secret\napp:hunter2:x\n";

fn config(address: &str, password: Option<&str>) -> Config {
    Config {
        credentials: password.map(|password| Credentials::new("app", password).unwrap()),
        ..patient(address)
    }
}

#[tokio::test]
async fn who_has_the_password_is_let_in() {
    let users = file("users", USERS);
    let server = Server::with_args(&["-Y", &users]);
    works(config(&server.address(), Some("hunter2:x"))).await;
    works(Config {
        protocol: Protocol::Meta,
        ..config(&server.address(), Some("hunter2:x"))
    })
    .await;
    let server = Server::on_socket(path("socket"), &["-Y", &users]);
    works(config(&server.address(), Some("hunter2:x"))).await;
}

#[tokio::test]
async fn a_wrong_password_is_rejected_and_not_told() {
    let users = file("users", USERS);
    let server = Server::with_args(&["-Y", &users]);
    let error = error_of(config(&server.address(), Some("hunter3"))).await;
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let text = format!("{error} {error:?}");
    assert!(text.contains("user name and password"), "{text}");
    assert!(!text.contains("hunter"), "{text}");
}

#[tokio::test]
async fn a_missing_password_is_asked_for() {
    let users = file("users", USERS);
    let server = Server::with_args(&["-Y", &users]);
    for protocol in [Protocol::Auto, Protocol::Meta] {
        let error = error_of(Config {
            protocol,
            ..config(&server.address(), None)
        });
        let error = error.await;
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.to_string().contains("asks for"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_no_password_does_not_keep_it_and_loses_nothing() {
    let server = Server::start();
    let client = Client::new(config(&server.address(), None)).unwrap();
    client.set("auth", "v", Ttl::from_secs(60)).await.unwrap();
    works(config(&server.address(), Some("hunter2"))).await;
    let stored = client.get("cachekit:credentials").await.unwrap();
    assert_eq!(stored, None);
    assert!(
        client.get("auth").await.unwrap().is_some(),
        "an item of somebody else"
    );
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_with_every_call() {
    let connections = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&connections);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut read = Vec::new();
                let _ = socket.read_buf(&mut read).await;
                let _ = socket.write_all(b"CLIENT_ERROR unauthenticated\r\n").await;
            });
        }
    });
    let client = Client::new(config(&address, Some("hunter3"))).unwrap();
    for _ in 0..1_000 {
        assert!(client.get("k").await.is_err());
    }
    let connections = connections.load(Ordering::Relaxed);
    assert!(connections < 20, "{connections}");
}
