//! Servers that were started with other options than the usual ones.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, Stored, Want};
use cachekit_core::error::ErrorKind;
use cachekit_memcached::testkit::Server;

use super::{LEAD, TTL, backend, eventually, found, key, set, take_lead, value};

const V: Bytes = Bytes::from_static(b"v");

/// As many connections to `server` as it takes.
fn all_connections_to(server: &Server) -> Vec<TcpStream> {
    let mut taken = Vec::new();
    loop {
        let mut other = TcpStream::connect(server.address()).unwrap();
        let patience = Some(Duration::from_millis(100));
        other.set_read_timeout(patience).unwrap();
        // One that is turned away is told so at once; the others are told nothing.
        if other.read(&mut [0; 64]).is_ok() {
            return taken;
        }
        taken.push(other);
    }
}

#[tokio::test]
async fn a_server_without_a_connection_left_is_overloaded_left_alone_and_found_again() {
    // The least that it starts with.
    let servers = [Server::with_args(&["-c", "16"])];
    let backend = backend(&servers);
    let others = all_connections_to(&servers[0]);
    let mut kinds = Vec::new();
    for _ in 0..500 {
        let error = backend.get(&key("k"), Want::Value).await.unwrap_err();
        kinds.push(error.kind());
    }
    // What it says may be lost with the connection that it closes.
    let fit = [ErrorKind::Overloaded, ErrorKind::Unavailable];
    assert!(kinds.iter().all(|kind| fit.contains(kind)), "{kinds:?}");
    drop(others);
    eventually(|| async { backend.get(&key("k"), Want::Value).await.ok() }).await;
    let turned_away = servers[0].stat("rejected_connections");
    assert!(
        turned_away < 50,
        "asked {turned_away} times for a connection"
    );
    set(&backend, &key("k"), "v").await;
}

#[tokio::test]
async fn a_connection_that_the_server_closes_for_idleness_fails_no_call() {
    let servers = [Server::with_args(&["-o", "idle_timeout=1"])];
    let backend = backend(&servers);
    for kicks in 1..=2 {
        set(&backend, &key("k"), "v").await;
        eventually(|| async { (servers[0].stat("idle_kicks") >= kicks).then_some(()) }).await;
        assert_eq!(value(&backend, &key("k")).await.unwrap(), "v");
    }
}

#[tokio::test]
async fn a_server_that_counts_no_cas_numbers_keeps_entries_and_gives_no_leads() {
    let servers = [Server::with_args(&["-C"])];
    let backend = backend(&servers);
    let lookup = backend.get(&key("k"), LEAD).await.unwrap();
    assert_eq!(lookup.found, None);
    assert!(matches!(lookup.lead, Lead::Unfenced(Some(_))));
    set(&backend, &key("k"), "v").await;
    assert_eq!(value(&backend, &key("k")).await.unwrap(), "v");
    backend.expire(&key("k")).await.unwrap();
    let found = found(&backend, &key("k")).await;
    assert!(found.is_none_or(|found| found.stale));
    backend.remove(&key("k")).await.unwrap();
    assert_eq!(super::found(&backend, &key("k")).await, None);
}

#[tokio::test]
async fn a_server_that_forbids_to_flush_it_serves_like_any_other() {
    let servers = [Server::with_args(&["-F"])];
    let backend = backend(&servers);
    let token = take_lead(&backend, &key("k")).await;
    let stored = backend.set(&key("k"), V, TTL, Some(&token)).await.unwrap();
    assert_eq!(stored, Stored::Stored);
    assert_eq!(value(&backend, &key("k")).await.unwrap(), "v");
    backend.remove(&key("k")).await.unwrap();
    assert_eq!(found(&backend, &key("k")).await, None);
}

#[tokio::test]
async fn a_server_on_a_unix_socket_is_found_again_after_a_restart() {
    let path = std::env::temp_dir().join(format!("cachekit-options-{}", std::process::id()));
    let mut servers = [Server::on_socket(path, &[])];
    let backend = backend(&servers);
    set(&backend, &key("k"), "v").await;
    assert_eq!(value(&backend, &key("k")).await.unwrap(), "v");
    servers[0].kill();
    backend.get(&key("k"), Want::Value).await.unwrap_err();
    servers[0].restart();
    eventually(|| async { backend.get(&key("k"), Want::Value).await.ok() }).await;
    set(&backend, &key("k"), "again").await;
}
