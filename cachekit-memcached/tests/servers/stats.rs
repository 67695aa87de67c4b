//! What a client tells of itself and its servers.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, NodeState, Want};
use cachekit_core::error::ErrorKind;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Client, Config, NodeStats, State};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::{PATIENCE, TTL, backend, config, eventually, key, set, unanswered};

fn client(servers: &[Server]) -> Client {
    Client::new(config(servers)).unwrap()
}

fn node(client: &Client, index: usize) -> NodeStats {
    client.stats().nodes.swap_remove(index)
}

/// Waits until the node at `index` is as `wanted` says.
async fn node_where(
    client: &Client,
    index: usize,
    wanted: impl Fn(&NodeStats) -> bool,
) -> NodeStats {
    eventually(|| async { Some(node(client, index)).filter(&wanted) }).await
}

#[tokio::test]
async fn a_client_that_was_not_used_has_nothing_to_tell() {
    let servers = [Server::start()];
    let client = client(&servers);
    let node = node(&client, 0);
    assert_eq!(node.name, servers[0].address());
    assert_eq!((node.state, node.last_failure), (State::Up, None));
    assert_eq!((node.traffic.opened, node.traffic.requests), (0, 0));
    assert_eq!(node.traffic.latency.quantile(0.5), None);
}

#[tokio::test]
async fn requests_and_replies_are_counted_and_nothing_is_left_in_flight() {
    let servers = [Server::start()];
    let client = client(&servers);
    client.set("k", "v", TTL).await.unwrap();
    let before = node(&client, 0).traffic;
    for _ in 0..100 {
        client.get("k").await.unwrap();
    }
    let after = node(&client, 0).traffic;
    assert_eq!(after.requests - before.requests, 100);
    assert_eq!(after.replies - before.replies, 100);
    assert_eq!(after.latency.count(), after.replies);
    assert!(after.latency.quantile(0.5).unwrap() < Duration::from_secs(1));
    assert_eq!((after.in_flight, after.bytes_in_flight), (0, 0));
    assert_eq!(after.queue_age, None);
    assert_eq!((after.connections, after.opened, after.lost), (1, 1, 0));
    assert_eq!((after.timeouts, after.refused_requests), (0, 0));
}

#[tokio::test]
async fn values_that_are_too_large_or_find_no_memory_are_counted_as_refused() {
    let servers = [Server::with_args(&["-M", "-m", "4"])];
    let client = client(&servers);
    // What is refused for another reason is none of them.
    client.set("word", "no number", TTL).await.unwrap();
    let error = client.increment("word", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(node(&client, 0).refused_values, 0);
    let large = Bytes::from(vec![0; 2 << 20]);
    let error = client.set("large", large, TTL).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(node(&client, 0).refused_values, 1);
    let value = Bytes::from(vec![0; 100_000]);
    let mut refused = 0;
    for number in 0..100 {
        let outcome = client.set(format!("{number}"), value.clone(), TTL).await;
        refused += u64::from(outcome.is_err());
    }
    assert!(refused > 0, "4 MB hold no 10 MB");
    assert_eq!(node(&client, 0).refused_values, 1 + refused);
}

#[tokio::test]
async fn a_server_that_was_killed_is_down_and_up_again_after_it_was_reconnected() {
    let mut servers = [Server::start(), Server::start()];
    let client = client(&servers);
    servers[0].kill();
    for number in 0..100 {
        client.get(format!("{number}")).await.unwrap();
    }
    let down = node(&client, 0);
    assert!(
        matches!(down.state, State::Down | State::Probing),
        "{down:?}"
    );
    assert!(down.last_failure.is_some() && down.ejected);
    assert_eq!((down.ejections, down.reconnects), (1, 0));
    assert_eq!(node(&client, 1).state, State::Up);
    servers[0].restart();
    let up = node_where(&client, 0, |node| node.state == State::Up).await;
    assert!(!up.ejected && up.last_failure.is_some());
    assert_eq!((up.ejections, up.reconnects), (1, 1));
    assert_eq!(up.traffic.connections, 1);
}

#[tokio::test]
async fn the_queue_of_a_server_that_stands_still_grows_old() {
    const AGE: Duration = Duration::from_millis(100);
    let servers = [Server::start()];
    let client = client(&servers);
    client.set("k", "v", TTL).await.unwrap();
    servers[0].stop();
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.get("k").await }
    });
    let old = |node: &NodeStats| node.traffic.queue_age.is_some_and(|age| age >= AGE);
    let waiting = node_where(&client, 0, old).await.traffic;
    assert_eq!(waiting.in_flight, 1);
    assert!(waiting.bytes_in_flight > 0);
    servers[0].resume();
    call.await.unwrap().unwrap();
    let answered = node(&client, 0).traffic;
    assert_eq!((answered.in_flight, answered.queue_age), (0, None));
    assert!(answered.latency.quantile(1.0).unwrap() >= AGE);
}

#[tokio::test]
async fn timeouts_are_counted_and_make_a_server_suspect_before_it_is_down() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    set(&backend, &key("k"), "v").await;
    servers[0].stop();
    let counted = unanswered(backend.client().increment("k", 1));
    let error = counted.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    let suspect = node(backend.client(), 0);
    assert_eq!(
        (suspect.state, suspect.traffic.timeouts),
        (State::Suspect, 1)
    );
    let health = unanswered(backend.health()).await;
    assert_eq!(health.state(), NodeState::Down, "{health:?}");
    assert!(health.nodes[0].detail.contains("in time"), "{health:?}");
    assert_eq!(node(backend.client(), 0).ejections, 1);
}

#[tokio::test]
async fn health_of_a_server_that_failed_once_is_degraded_and_says_so() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    set(&backend, &key("k"), "v").await;
    servers[0].stop();
    let health = unanswered(backend.health()).await;
    assert_eq!(health.state(), NodeState::Degraded, "{health:?}");
    let detail = &health.nodes[0].detail;
    assert!(detail.starts_with("suspect: no reply"), "{health:?}");
    servers[0].resume();
    let up = || async { (backend.health().await.state() == NodeState::Up).then_some(()) };
    eventually(up).await;
}

#[tokio::test]
async fn what_a_server_missed_is_owed_until_it_was_replayed() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let backend = backend(&servers);
    for number in 0..100 {
        set(&backend, &key(number), "v").await;
    }
    servers[0].kill();
    let mut pending = 0;
    for number in 0..100 {
        if let Err(error) = backend.remove(&key(number)).await {
            assert_eq!(error.kind(), ErrorKind::Pending);
            pending += 1;
        }
    }
    assert!(pending > 0);
    assert_eq!(node(backend.client(), 0).owed, pending);
    let health = backend.health().await.nodes.swap_remove(0);
    assert_eq!(health.state, NodeState::Down);
    let owed = format!("{pending} deletions not yet delivered");
    assert!(health.detail.contains(&owed), "{health:?}");
    servers[0].restart();
    let paid = node_where(backend.client(), 0, |node| node.state == State::Up).await;
    assert_eq!((paid.owed, paid.replayed), (0, pending as u64));
    let lookup = backend.get(&key(0), Want::Value).await.unwrap();
    assert_eq!(lookup.found, None);
}

#[tokio::test]
async fn a_write_whose_caller_goes_is_owed_to_the_server_that_is_stood_in_for() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let client = client(&servers);
    servers[0].kill();
    for number in 0..100 {
        client.set(format!("{number}"), "v", TTL).await.unwrap();
    }
    let before = node(&client, 0).owed;
    for number in 100..200 {
        let mut set = pin!(client.set(format!("{number}"), "v", TTL));
        let sent = poll_fn(|context| Poll::Ready(set.as_mut().poll(context).is_pending()));
        assert!(sent.await, "it waits for the reply");
    }
    assert!(node(&client, 0).owed > before);
}

/// A server that answers the greeting as memcached does, and everything else with `reply`.
async fn peer(reply: &'static [u8]) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let mut lines = BufReader::new(socket).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let reply: &[u8] = match &*line {
                    "version" => b"VERSION 1.6.18\r\n",
                    "stats" | "stats settings" => b"END\r\n",
                    _ => reply,
                };
                let _ = lines.get_mut().write_all(reply).await;
            }
        }
    });
    let config = Config {
        timeout: PATIENCE,
        connect_timeout: PATIENCE,
        ..Config::of_servers([address]).unwrap()
    };
    Client::new(config).unwrap()
}

#[tokio::test]
async fn mistakes_of_this_client_and_of_the_server_are_counted_apart() {
    let mistakes = |node: &NodeStats| {
        let traffic = &node.traffic;
        (traffic.refused_requests, traffic.protocol_violations)
    };
    let client = peer(b"CLIENT_ERROR bad command line format\r\n").await;
    let error = client.get("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let ours = node_where(&client, 0, |node| node.traffic.connections == 0).await;
    assert_eq!((mistakes(&ours), ours.traffic.lost), ((1, 0), 1));
    let client = peer(b"HELLO\r\n").await;
    client.increment("k", 1).await.unwrap_err();
    let theirs = node_where(&client, 0, |node| node.traffic.connections == 0).await;
    assert_eq!((mistakes(&theirs), theirs.traffic.lost), ((0, 1), 1));
}
