//! More connections than one for each runtime, where there is much to do.

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Want};
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Config, Memcached};
use tokio::task::JoinSet;

use super::{TTL, backend, config, connected, eventually, key, set, value};

async fn set_large(backend: &Memcached, key: &str) {
    let value = Bytes::from(vec![b'x'; 500_000]);
    backend
        .set(&super::key(key), value, TTL, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_large_value_gets_a_connection_that_small_ones_do_not_take() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    set(&backend, &key("small"), "v").await;
    connected(&servers[0], 1).await;
    set_large(&backend, "large").await;
    connected(&servers[0], 2).await;
    for _ in 0..10 {
        set_large(&backend, "large").await;
        assert_eq!(value(&backend, &key("large")).await.unwrap().len(), 500_000);
        assert_eq!(value(&backend, &key("small")).await.unwrap(), "v");
    }
    connected(&servers[0], 2).await;
}

/// Reads large values, many at a time; how many connections that took, when they are no more than
/// `limit`.
async fn widened(limit: usize) -> u64 {
    let servers = [Server::start()];
    let config = Config {
        max_pool_size: limit,
        ..config(&servers)
    };
    let backend = std::sync::Arc::new(Memcached::new(config).unwrap());
    set_large(&backend, "large").await;
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let backend = std::sync::Arc::clone(&backend);
        tasks.spawn(async move {
            for _ in 0..20 {
                let found = backend.get(&key("large"), Want::Value).await.unwrap().found;
                assert_eq!(found.unwrap().value.len(), 500_000);
            }
        });
    }
    tasks.join_all().await;
    let connections = || servers[0].stat("curr_connections") - 1;
    eventually(|| async { Some(connections()).filter(|&count| count <= limit as u64) }).await
}

#[tokio::test]
async fn there_are_never_more_connections_than_configured() {
    assert_eq!(widened(1).await, 1);
    assert_eq!(widened(3).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_never_more_connections_than_configured_on_two_threads() {
    assert!(widened(3).await <= 3);
}
