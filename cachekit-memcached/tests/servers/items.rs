//! Times to live and metadata, and that looking takes nothing from those who compute.

use std::time::Duration;

use cachekit_core::backend::{Backend as _, Lead, Ttl};
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{
    Client, Config, ErrorKind, Failover, Memcached, Payload, Statistics, Swapped,
};

use super::commands::{client, data, dialects};
use super::{LEAD, TTL, backend, config, key, set, take_lead};

fn seconds(left: Option<Duration>) -> u64 {
    left.expect("a time left").as_secs()
}

#[tokio::test]
async fn a_touch_gives_an_item_another_time_to_live() {
    for (server, client) in dialects(&[]) {
        assert!(!client.touch("k", TTL).await.unwrap());
        client.set("k", "v", Ttl::from_secs(20)).await.unwrap();
        assert!(client.touch("k", Ttl::from_secs(1_000)).await.unwrap());
        let left = server.command("mg k t", "\r\n");
        assert!(
            left.starts_with("HD t99") || left.starts_with("HD t1000"),
            "{left}"
        );
        assert_eq!(data(&client, "k").await.unwrap(), "v");
    }
}

#[tokio::test]
async fn an_item_is_read_and_touched_at_once() {
    for (server, client) in dialects(&[]) {
        assert_eq!(client.get_and_touch("k", TTL).await.unwrap(), None);
        let value = Payload::new("v", 7);
        client.set("k", value, Ttl::from_secs(20)).await.unwrap();
        let ttl = Ttl::from_secs(1_000);
        let read = client.get_and_touch("k", ttl).await.unwrap().unwrap();
        assert_eq!((&*read.data, read.flags), (&b"v"[..], 7));
        assert_eq!(read, client.get("k").await.unwrap().unwrap());
        let left = server.command("mg k t", "\r\n");
        assert!(
            left.starts_with("HD t99") || left.starts_with("HD t1000"),
            "{left}"
        );
    }
}

#[tokio::test]
async fn an_item_is_known_without_its_value() {
    let servers = [Server::start()];
    let client = client(&servers);
    assert_eq!(client.item("k").await.unwrap(), None);
    client
        .set("k", Payload::new("value", 3), Ttl::from_secs(100))
        .await
        .unwrap();
    let item = client.item("k").await.unwrap().unwrap();
    assert_eq!(
        (item.size, item.flags, item.stale, item.led),
        (5, 3, false, false)
    );
    assert!((99..=100).contains(&seconds(item.left)), "{item:?}");
    assert_eq!(item.cas, client.get("k").await.unwrap().unwrap().cas);
    let stored = servers[0].command("set k 0 0 1\r\nx", "STORED\r\n");
    assert_eq!(stored, "STORED\r\n");
    assert_eq!(client.item("k").await.unwrap().unwrap().left, None);
}

#[tokio::test]
async fn a_classic_server_knows_no_metadata_and_says_so() {
    let (_server, client) = dialects(&[]).remove(1);
    let error = client.item("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("classic"), "{error}");
}

#[tokio::test]
async fn looking_at_what_is_computed_takes_nothing_from_anyone() {
    let servers = [Server::start()];
    let memcached = backend(&servers);
    let client = memcached.client();
    // Nobody leads yet over the stale one; over the other someone computes.
    set(&memcached, &key("stale"), "old").await;
    memcached.expire(&key("stale")).await.unwrap();
    let token = take_lead(&memcached, &key("stub")).await;

    for _ in 0..3 {
        let item = client.item("stale").await.unwrap().unwrap();
        assert!(
            item.stale && (290..=300).contains(&seconds(item.left)),
            "{item:?}"
        );
        assert_eq!(data(client, "stale").await.unwrap(), "old");
        let many = client.get_many(&["stale", "stub"]).await;
        let many: Vec<_> = many.into_iter().map(Result::unwrap).collect();
        assert_eq!(
            (many[0].as_ref().unwrap().data.as_ref(), &many[1]),
            (&b"old"[..], &None)
        );
        assert!(client.get_and_touch("stale", TTL).await.unwrap().is_some());
        assert!(client.touch("stale", TTL).await.unwrap());
        assert_eq!(client.item("stub").await.unwrap(), None);
        assert_eq!(client.get("stub").await.unwrap(), None);
        assert!(!client.touch("stub", TTL).await.unwrap());
    }
    assert_eq!(
        memcached.get(&key("stub"), LEAD).await.unwrap().lead,
        Lead::Other
    );
    take_lead(&memcached, &key("stale")).await;
    let stored = memcached
        .set(&key("stub"), "new".into(), TTL, Some(&token))
        .await;
    assert_eq!(stored.unwrap(), cachekit_core::backend::Stored::Stored);
    assert_eq!(data(client, "stub").await.unwrap(), "new");
}

#[tokio::test]
async fn a_stale_item_can_be_written_over_by_the_number_that_was_read() {
    let servers = [Server::start()];
    let memcached = backend(&servers);
    let client = memcached.client();
    for read in 0..3 {
        set(&memcached, &key("k"), "old").await;
        memcached.expire(&key("k")).await.unwrap();
        let cas = match read {
            0 => client.get("k").await.unwrap().unwrap().cas,
            1 => client.item("k").await.unwrap().unwrap().cas,
            _ => client.get_and_touch("k", TTL).await.unwrap().unwrap().cas,
        };
        let swapped = client.cas("k", "new", TTL, cas).await.unwrap();
        assert_eq!(swapped, Swapped::Stored, "{read}");
        assert!(!client.item("k").await.unwrap().unwrap().stale);
    }
}

#[tokio::test]
async fn under_miss_a_server_that_is_away_knows_nothing_of_an_item() {
    let mut servers = [Server::start()];
    servers[0].kill();
    let config = Config {
        failover: Failover::Miss,
        ..config(&servers)
    };
    let client = Client::new(config).unwrap();
    assert_eq!(client.item("k").await.unwrap(), None);
    assert_eq!(client.get("k").await.unwrap(), None);
    let write = client.get_and_touch("k", TTL).await;
    assert_eq!(write.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_client_is_shown_by_its_servers_alone() {
    let servers = [Server::start()];
    let shown = format!("{:?}", client(&servers));
    assert_eq!(
        shown,
        format!("Client {{ servers: [{:?}] }}", servers[0].address())
    );
}

#[tokio::test]
async fn servers_tell_their_version_and_their_statistics_and_one_that_is_away_an_error() {
    let mut servers = [Server::start(), Server::start()];
    let client = Memcached::new(config(&servers)).unwrap().client().clone();
    client.set("k", "v", TTL).await.unwrap();
    for told in client.versions().await {
        assert!(told.answer.unwrap().starts_with("1."));
    }
    let settings = client.server_stats(Statistics::Settings).await;
    assert_eq!(settings.len(), 2);
    for told in settings {
        let rows = told.answer.unwrap();
        assert!(rows.contains(&("item_size_max".to_owned(), "1048576".to_owned())));
    }
    for what in [Statistics::General, Statistics::Items, Statistics::Slabs] {
        assert!(
            client
                .server_stats(what)
                .await
                .iter()
                .all(|told| told.answer.is_ok())
        );
    }
    servers[1].kill();
    let told = client.versions().await;
    assert!(told[0].answer.is_ok());
    let error = told[1].answer.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(told[1].server, servers[1].address());
}
