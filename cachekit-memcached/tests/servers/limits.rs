//! What a server takes, and what is refused before it is asked.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Stored, Ttl};
use cachekit_core::error::ErrorKind;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Config, Memcached, Protocol};

use super::{TTL, backend, config, found, key, set, take_lead, value};

fn bytes(length: usize) -> Bytes {
    Bytes::from(vec![b'x'; length])
}

/// The largest value fits, and one byte more is refused and leaves nothing behind.
async fn the_limit_is_exact(args: &[&str], item_size_max: usize, key_len: usize) {
    let servers = [Server::with_args(args)];
    let backend = backend(&servers);
    let key = key("k".repeat(key_len));
    let limit = item_size_max - 59 - key_len;
    let stored = backend.set(&key, bytes(limit), TTL, None).await.unwrap();
    assert_eq!(stored, Stored::Stored);
    assert_eq!(value(&backend, &key).await.unwrap().len(), limit);
    let error = backend
        .set(&key, bytes(limit + 1), TTL, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains(&limit.to_string()), "{error}");
    assert_eq!(found(&backend, &key).await, None);
}

#[tokio::test]
async fn the_limit_of_a_stock_server_is_exact() {
    the_limit_is_exact(&[], 1 << 20, 1).await;
    the_limit_is_exact(&[], 1 << 20, 250).await;
}

#[tokio::test]
async fn the_limit_of_a_server_with_another_item_size_is_learned_from_it() {
    the_limit_is_exact(&["-I", "4m"], 4 << 20, 10).await;
    the_limit_is_exact(&["-I", "16k", "-o", "slab_chunk_max=8192"], 16 << 10, 10).await;
}

#[tokio::test]
async fn an_empty_value_is_an_entry_and_not_a_stub() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    set(&backend, &key("k"), "").await;
    assert_eq!(value(&backend, &key("k")).await.unwrap(), "");
}

#[tokio::test]
async fn a_refused_value_removes_the_entry_that_it_was_to_replace() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let backend = backend(&servers);
    for number in 0..10 {
        let key = key(number);
        set(&backend, &key, "old").await;
        let error = backend
            .set(&key, bytes(1 << 20), TTL, None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(found(&backend, &key).await, None);
    }
}

#[tokio::test]
async fn a_refused_value_of_a_leader_ends_its_lead_and_spares_what_is_newer() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    let (led, overtaken) = (key("led"), key("overtaken"));
    let token = take_lead(&backend, &led).await;
    let error = backend
        .set(&led, bytes(1 << 20), TTL, Some(&token))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    take_lead(&backend, &led).await;

    let token = take_lead(&backend, &overtaken).await;
    set(&backend, &overtaken, "newer").await;
    backend
        .set(&overtaken, bytes(1 << 20), TTL, Some(&token))
        .await
        .unwrap_err();
    assert_eq!(value(&backend, &overtaken).await.unwrap(), "newer");
}

#[tokio::test]
async fn a_server_that_knows_a_smaller_limit_than_we_do_is_believed() {
    let servers = [Server::with_args(&["-I", "512k"])];
    let config = Config {
        protocol: Protocol::Meta,
        ..config(&servers)
    };
    let backend = Memcached::new(config).unwrap();
    set(&backend, &key("k"), "old").await;
    let error = backend
        .set(&key("k"), bytes(600_000), TTL, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(found(&backend, &key("k")).await, None);
}

#[tokio::test]
async fn a_ttl_over_30_days_is_taken_for_30_days_and_counted() {
    const DAY: u64 = 86_400;
    let servers = [Server::start()];
    let backend = backend(&servers);
    for (ttl, clamped) in [
        (Ttl::from_secs(30 * DAY), 0),
        (Ttl::NEVER, 0),
        (Ttl::from_secs(30 * DAY + 1), 1),
        (Ttl::from_secs(10_000 * DAY), 2),
    ] {
        backend
            .set(&key("k"), Bytes::from_static(b"v"), ttl, None)
            .await
            .unwrap();
        let left = found(&backend, &key("k")).await.unwrap().left.unwrap();
        let days = Duration::from_secs(30 * DAY);
        assert!(
            left <= days && left >= days - Duration::from_secs(10),
            "{left:?}"
        );
        assert_eq!(backend.client().stats().clamped_ttls, clamped);
    }
}

#[tokio::test]
async fn a_long_key_is_found_again_and_not_mistaken_for_another() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    let long = |last: char| key(format!("{}{last}", "k".repeat(1_000)));
    set(&backend, &long('a'), "a").await;
    set(&backend, &long('b'), "b").await;
    assert_eq!(value(&backend, &long('a')).await.unwrap(), "a");
    assert_eq!(value(&backend, &long('b')).await.unwrap(), "b");
}

#[tokio::test]
async fn a_server_without_room_rejects_and_goes_on_answering() {
    let servers = [Server::with_args(&["-M", "-m", "4"])];
    let backend = backend(&servers);
    let mut rejected = None;
    for number in 0..200 {
        if let Err(error) = backend.set(&key(number), bytes(100_000), TTL, None).await {
            rejected = Some(error);
            break;
        }
    }
    assert_eq!(
        rejected.expect("4 MB hold no 20 MB").kind(),
        ErrorKind::Rejected
    );
    assert_eq!(value(&backend, &key(0)).await.unwrap().len(), 100_000);
}

#[tokio::test]
async fn a_key_prefix_keeps_two_users_of_one_server_apart() {
    let servers = [Server::start()];
    let of = |prefix: &str| {
        Memcached::new(Config {
            key_prefix: prefix.to_owned(),
            ..config(&servers)
        })
        .unwrap()
    };
    let (a, b) = (of("a:"), of("b:"));
    set(&a, &key("k"), "a").await;
    set(&b, &key("k"), "b").await;
    assert_eq!(value(&a, &key("k")).await.unwrap(), "a");
    assert!(
        servers[0]
            .command("get a:k", "END\r\n")
            .starts_with("VALUE a:k 0 1\r\n")
    );
}
