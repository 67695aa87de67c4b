//! Counters, in both dialects.

use std::sync::Arc;

use cachekit_memcached::ErrorKind;
use cachekit_memcached::testkit::Server;
use tokio::task::JoinSet;

use super::TTL;
use super::commands::{client, data, dialects};

#[tokio::test]
async fn a_counter_goes_up_and_down_and_is_not_begun_unasked() {
    for (_server, client) in dialects(&[]) {
        assert_eq!(client.increment("k", 1).await.unwrap(), None);
        assert_eq!(client.decrement("k", 1).await.unwrap(), None);
        client.set("k", "10", TTL).await.unwrap();
        assert_eq!(client.increment("k", 5).await.unwrap(), Some(15));
        assert_eq!(client.decrement("k", 6).await.unwrap(), Some(9));
        assert_eq!(client.increment("k", 0).await.unwrap(), Some(9));
        // A number that became shorter is stored with a space behind it.
        assert_eq!(data(&client, "k").await.unwrap(), "9 ");
    }
}

#[tokio::test]
async fn a_counter_begins_with_what_it_is_told() {
    for (_server, client) in dialects(&[]) {
        let up = || client.increment_or_create("up", 2, 10, TTL);
        assert_eq!((up().await.unwrap(), up().await.unwrap()), (10, 12));
        let down = || client.decrement_or_create("down", 2, 3, TTL);
        assert_eq!((down().await.unwrap(), down().await.unwrap()), (3, 1));
        assert_eq!(down().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_counter_wraps_at_the_top_and_stops_at_the_bottom() {
    for (_server, client) in dialects(&[]) {
        client.set("k", u64::MAX.to_string(), TTL).await.unwrap();
        assert_eq!(client.increment("k", 2).await.unwrap(), Some(1));
        assert_eq!(client.decrement("k", u64::MAX).await.unwrap(), Some(0));
        assert_eq!(
            client.increment("k", u64::MAX).await.unwrap(),
            Some(u64::MAX)
        );
    }
}

#[tokio::test]
async fn what_is_no_number_is_rejected_and_the_connection_stays() {
    for (server, client) in dialects(&[]) {
        client.set("k", "ten", TTL).await.unwrap();
        let connections = server.stat("total_connections");
        let error = client.increment("k", 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.to_string().contains("non-numeric"), "{error}");
        let error = client
            .decrement_or_create("k", 1, 0, TTL)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(data(&client, "k").await.unwrap(), "ten");
        // The one more is that of the look itself.
        assert_eq!(server.stat("total_connections"), connections + 1);
    }
}

#[tokio::test]
async fn what_holds_the_place_of_an_entry_is_no_number() {
    let servers = [Server::start()];
    let client = client(&servers);
    assert!(
        servers[0]
            .command("mg k N30 v", "\r\n\r\n")
            .starts_with("VA 0 W")
    );
    let error = client
        .increment_or_create("k", 1, 1, TTL)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn every_step_of_many_callers_counts_once() {
    for (_server, client) in dialects(&[]) {
        let client = Arc::new(client);
        let mut callers = JoinSet::new();
        for _ in 0..200 {
            let client = Arc::clone(&client);
            callers.spawn(async move { client.increment_or_create("k", 1, 1, TTL).await });
        }
        let mut numbers: Vec<u64> = callers
            .join_all()
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    }
}
