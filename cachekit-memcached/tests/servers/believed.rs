//! What callers of the client see of servers that were away, in both dialects.

use std::net::TcpListener;
use std::time::Duration;

use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Client, Config, ErrorKind, Protocol, Stored, Swapped};
use tokio::time::Instant;

use super::{PATIENCE, SLOW, TTL, config, eventually, unanswered};

/// Of all calls, and of making a connection.
const TIMEOUT: Duration = Duration::from_secs(2);

fn impatient(servers: &[Server], protocol: Protocol) -> Client {
    Client::new(Config {
        timeout: TIMEOUT,
        connect_timeout: TIMEOUT,
        retry_attempts: 1,
        protocol,
        ..config(servers)
    })
    .unwrap()
}

/// Down after the second failure, however long that takes.
fn patient(servers: &[Server]) -> Client {
    Client::new(Config {
        retry_attempts: 1,
        ..config(servers)
    })
    .unwrap()
}

fn is_there(server: &Server, key: &str, value: &str) -> bool {
    let found = server.command(&format!("get {key}"), "END\r\n");
    found.contains(&format!("\r\n{value}\r\n"))
}

/// Keys whose owner is `server`, each with the value "1".
async fn keys_of(client: &Client, server: &Server, count: usize) -> Vec<String> {
    let mut keys = Vec::new();
    for number in 0.. {
        let key = format!("owned:{number}");
        // On a busy machine it may take more than one attempt.
        eventually(|| async { client.set(&key, "1", TTL).await.ok() }).await;
        if is_there(server, &key, "1") {
            keys.push(key);
        }
        if keys.len() == count {
            break;
        }
    }
    keys
}

/// Three servers, one of which was away for `client` and is back; and keys that it holds since
/// before.
async fn after_an_outage(protocol: Protocol) -> ([Server; 3], Client, Vec<String>) {
    let servers = [Server::start(), Server::start(), Server::start()];
    let client = impatient(&servers, protocol);
    let mut keys = keys_of(&client, &servers[1], 9).await;
    let probe = keys.pop().unwrap();
    servers[1].stop();
    let _ = client.get(&probe).await;
    servers[1].resume();
    eventually(|| async {
        let set = client.set(&probe, "back", TTL).await;
        (set.is_ok() && is_there(&servers[1], &probe, "back")).then_some(())
    })
    .await;
    (servers, client, keys)
}

#[tokio::test]
async fn an_item_from_before_an_outage_is_found_by_no_read_and_decides_about_no_write() {
    for protocol in [Protocol::Auto, Protocol::Classic] {
        let (servers, client, keys) = after_an_outage(protocol).await;
        assert!(keys.iter().all(|key| is_there(&servers[1], key, "1")));
        let [get, touch, both, add, replace, count, begin, many] = &keys[..] else {
            unreachable!()
        };
        assert_eq!(client.get(get).await.unwrap(), None);
        assert!(!client.touch(touch, TTL).await.unwrap());
        assert_eq!(client.get_and_touch(both, TTL).await.unwrap(), None);
        assert_eq!(client.add(add, "2", TTL).await.unwrap(), Stored::Stored);
        let replaced = client.replace(replace, "2", TTL).await.unwrap();
        assert_eq!(replaced, Stored::NotStored);
        assert_eq!(client.increment(count, 1).await.unwrap(), None);
        let first = client.increment_or_create(begin, 1, 7, TTL).await.unwrap();
        assert_eq!(first, 7);
        let found = client.get_many(&[many, add, get]).await;
        let found: Vec<_> = found.into_iter().map(Result::unwrap).collect();
        assert_eq!((&found[0], &found[2]), (&None, &None));
        assert_eq!(found[1].as_ref().unwrap().data, "2");
    }
}

#[tokio::test]
async fn a_number_from_before_an_outage_swaps_nothing_after_it() {
    let servers = [Server::start()];
    let client = patient(&servers);
    client.set("k", "1", TTL).await.unwrap();
    let cas = client.get("k").await.unwrap().unwrap().cas;
    servers[0].stop();
    unanswered(client.get("k")).await.unwrap_err();
    servers[0].resume();
    let swapped = eventually(|| async { client.cas("k", "2", TTL, cas).await.ok() }).await;
    assert_eq!(swapped, Swapped::NotFound);
    assert_eq!(client.get("k").await.unwrap(), None);
    client.set("k", "3", TTL).await.unwrap();
    let cas = client.get("k").await.unwrap().unwrap().cas;
    let swapped = client.cas("k", "4", TTL, cas).await.unwrap();
    assert_eq!(swapped, Swapped::Stored);
}

#[tokio::test]
async fn a_deletion_that_a_server_did_not_get_is_done_when_it_is_back() {
    for protocol in [Protocol::Auto, Protocol::Classic] {
        let servers = [Server::start(), Server::start(), Server::start()];
        let client = impatient(&servers, protocol);
        let keys = keys_of(&client, &servers[1], 3).await;
        servers[1].stop();
        let error = client.delete(&keys[0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pending);
        for outcome in client.delete_many(&keys[1..]).await {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Pending);
        }
        servers[1].resume();
        let gone = || keys.iter().all(|key| !is_there(&servers[1], key, "1"));
        eventually(|| async { gone().then_some(()) }).await;
    }
}

#[tokio::test]
async fn a_counter_is_never_counted_twice() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let client = impatient(&servers, Protocol::Auto);
    let keys = keys_of(&client, &servers[1], 1).await;
    servers[1].stop();
    let error = client.increment(&keys[0], 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    servers[1].resume();
    eventually(|| async { is_there(&servers[1], &keys[0], "2").then_some(()) }).await;
}

#[tokio::test]
async fn a_server_whose_place_is_taken_by_one_that_never_answers_fails_no_call() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let client = impatient(&servers, Protocol::Auto);
    let keys = keys_of(&client, &servers[1], 20).await;
    servers[1].kill();
    let address = servers[1].address();
    let _accepts = eventually(|| async { TcpListener::bind(&address).ok() }).await;
    for key in &keys {
        let began = Instant::now();
        client.set(key, "2", TTL).await.unwrap();
        assert_eq!(client.get(key).await.unwrap().unwrap().data, "2");
        assert!(began.elapsed() < 2 * TIMEOUT + SLOW);
    }
}

#[tokio::test]
async fn a_server_that_is_started_on_another_port_keeps_its_keys_by_its_name() {
    let named = |servers: &[Server]| {
        let servers = servers.iter().enumerate();
        let servers = servers.map(|(index, server)| format!("mc{index}={}", server.address()));
        let config = Config {
            timeout: PATIENCE, // no other server is tried
            ..Config::of_servers(servers).unwrap()
        };
        Client::new(config).unwrap()
    };
    let mut servers = vec![Server::start(), Server::start(), Server::start()];
    let client = named(&servers);
    let keys: Vec<String> = (0..100).map(|number| format!("moved:{number}")).collect();
    for key in &keys {
        client.set(key, "1", TTL).await.unwrap();
    }
    let lost = servers[1].stat("curr_items");
    servers[1] = Server::start();
    let found = named(&servers).get_many(&keys).await;
    let missing = found.iter().filter(|found| matches!(found, Ok(None)));
    assert_eq!(u64::try_from(missing.count()).unwrap(), lost);
}

#[tokio::test]
async fn an_item_that_was_marked_before_an_outage_decides_about_no_write_either() {
    let servers = [Server::start()];
    let client = patient(&servers);
    for key in ["add", "count"] {
        client.set(key, "1", TTL).await.unwrap();
        let marked = servers[0].command(&format!("md {key} I"), "\r\n");
        assert!(marked.starts_with("HD"));
    }
    servers[0].stop();
    unanswered(client.get("add")).await.unwrap_err();
    servers[0].resume();
    let added = eventually(|| async { client.add("add", "2", TTL).await.ok() }).await;
    assert_eq!(added, Stored::Stored);
    assert_eq!(client.get("add").await.unwrap().unwrap().data, "2");
    assert_eq!(client.increment("count", 1).await.unwrap(), None);
}
