//! Servers that are killed, stopped, full and started again.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, NodeState, Reason, Renewed, Stored, Ttl, Want};
use cachekit_core::error::ErrorKind;
use cachekit_core::key::StoreKey;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Config, Failover, Memcached};
use tokio::time::Instant;

use super::{
    LEAD, PATIENCE, SLOW, TTL, backend, config, eventually, found, key, set, take_lead, unanswered,
    value,
};

const V: Bytes = Bytes::from_static(b"v");
/// By how much a call may be longer than it says: a tick of its clock, by which a timer is late, and
/// no second wait.
const TICK: Duration = Duration::from_secs(1);

fn three() -> [Server; 3] {
    [Server::start(), Server::start(), Server::start()]
}

fn with_failover(servers: &[Server], failover: Failover) -> Memcached {
    Memcached::new(Config {
        failover,
        ..config(servers)
    })
    .unwrap()
}

fn with_attempts(servers: &[Server], retry_attempts: u32) -> Memcached {
    Memcached::new(Config {
        retry_attempts,
        ..config(servers)
    })
    .unwrap()
}

/// A key whose owner is the server at `index`, which holds nothing else.
async fn key_of(backend: &Memcached, servers: &[Server], index: usize) -> StoreKey {
    for number in 0.. {
        let key = key(format_args!("owned:{number}"));
        set(backend, &key, "v").await;
        if servers[index].stat("curr_items") > 0 {
            return key;
        }
    }
    unreachable!()
}

/// Three servers, and a key whose owner was killed: it lies on the server that stands in.
async fn stood_in() -> ([Server; 3], Memcached, StoreKey) {
    let mut servers = three();
    let backend = backend(&servers);
    let key = key_of(&backend, &servers, 1).await;
    servers[1].kill();
    assert_eq!(found(&backend, &key).await, None);
    set(&backend, &key, "stood in").await;
    (servers, backend, key)
}

async fn comes_back(backend: &Memcached, key: &StoreKey) {
    eventually(|| async { backend.get(key, Want::Value).await.ok() }).await;
}

#[tokio::test]
async fn a_backend_is_built_without_a_server_and_fails_without_one() {
    let mut server = Server::start();
    server.kill();
    let backend = backend(&[server]);
    let error = backend.get(&key("k"), Want::Value).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = backend.set(&key("k"), V, TTL, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = backend.remove(&key("k")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pending);
}

#[tokio::test]
async fn a_server_that_was_killed_is_found_again_when_it_is_back() {
    let mut servers = [Server::start()];
    let backend = backend(&servers);
    set(&backend, &key("k"), "v").await;
    servers[0].kill();
    backend.get(&key("k"), Want::Value).await.unwrap_err();
    let began = Instant::now();
    for _ in 0..1_000 {
        backend.get(&key("k"), Want::Value).await.unwrap_err();
    }
    assert!(began.elapsed() < SLOW, "a server that is down fails fast");
    servers[0].restart();
    comes_back(&backend, &key("k")).await;
    assert_eq!(found(&backend, &key("k")).await, None);
    set(&backend, &key("k"), "again").await;
}

#[tokio::test]
async fn a_server_that_is_back_is_connected_to_without_any_call() {
    let mut servers = [Server::start()];
    let alone = servers[0].stat("total_connections");
    let backend = backend(&servers);
    servers[0].kill();
    backend.get(&key("k"), Want::Value).await.unwrap_err();
    servers[0].restart();
    // Each question is a connection; one more is the prober's.
    let mut expected = alone..;
    eventually(|| {
        let connected = Some(servers[0].stat("total_connections")) > expected.next();
        async move { connected.then_some(()) }
    })
    .await;
    comes_back(&backend, &key("k")).await;
}

#[tokio::test]
async fn a_server_that_was_restarted_between_two_calls_fails_neither() {
    let mut servers = [Server::start()];
    let backend = backend(&servers);
    for _ in 0..5 {
        set(&backend, &key("k"), "v").await;
        servers[0].restart();
        assert_eq!(found(&backend, &key("k")).await, None);
    }
}

#[tokio::test]
async fn the_lead_of_a_run_that_is_over_is_superseded() {
    let mut servers = [Server::start()];
    let backend = backend(&servers);
    let old = take_lead(&backend, &key("k")).await;
    servers[0].restart();
    // The counter of CAS numbers begins again: both leads have the same.
    let new = take_lead(&backend, &key("k")).await;
    assert_eq!(
        backend.renew(&key("k"), &old, TTL).await.unwrap(),
        Renewed::Lost
    );
    backend.release(&key("k"), &old).await.unwrap();
    let stored = backend.set(&key("k"), V, TTL, Some(&old)).await.unwrap();
    assert_eq!(stored, Stored::Superseded(Reason::Moved));
    let stored = backend.set(&key("k"), V, TTL, Some(&new)).await.unwrap();
    assert_eq!(stored, Stored::Stored);
}

#[tokio::test]
async fn the_lead_over_an_old_entry_goes_on_when_its_holder_never_comes_back() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    let hold = Ttl::from_secs(10);
    let lead = Want::Lead {
        hold,
        early: Duration::ZERO,
        patience: Duration::ZERO,
    };
    set(&backend, &key("k"), "old").await;
    backend.expire(&key("k")).await.unwrap();
    let crashed = take_lead(&backend, &key("k")).await;
    let next = || async { backend.get(&key("k"), lead).await.unwrap() };
    assert_eq!(next().await.lead, Lead::Other);
    // Nothing is on its way while the clock of this process is moved on.
    tokio::time::pause();
    tokio::time::advance(2 * hold.duration()).await;
    tokio::time::resume();
    let token = eventually(|| async {
        let lookup = next().await;
        assert!(
            lookup
                .found
                .is_some_and(|found| found.stale && found.value == "old")
        );
        if let Lead::Mine(token) = lookup.lead {
            Some(token)
        } else {
            None
        }
    })
    .await;
    let stored = backend
        .set(&key("k"), V, TTL, Some(&crashed))
        .await
        .unwrap();
    assert_eq!(stored, Stored::Superseded(Reason::Overtaken));
    let stored = backend.set(&key("k"), V, TTL, Some(&token)).await.unwrap();
    assert_eq!(stored, Stored::Stored);
}

#[tokio::test]
async fn the_next_server_stands_in_for_at_most_10_seconds() {
    let (servers, backend, key) = stood_in().await;
    let found = found(&backend, &key).await.unwrap();
    assert_eq!((&*found.value, found.left), (&b"stood in"[..], None));
    stays_for_at_most_10_seconds(&servers, &key);
    // Leads are given there as well.
    backend.remove(&key).await.unwrap_err();
    let token = take_lead(&backend, &key).await;
    let stored = backend.set(&key, V, TTL, Some(&token)).await.unwrap();
    assert_eq!(stored, Stored::Stored);
    stays_for_at_most_10_seconds(&servers, &key);
}

fn stays_for_at_most_10_seconds(servers: &[Server], key: &StoreKey) {
    let command = format!("mg {} t", key.as_str());
    let up = [&servers[0], &servers[2]];
    let left = up.map(|server| server.command(&command, "\r\n"));
    let seconds = left
        .iter()
        .find_map(|left| left.trim().strip_prefix("HD t"));
    let seconds: u64 = seconds.unwrap().parse().unwrap();
    assert!(seconds <= 10, "{seconds}");
}

#[tokio::test]
async fn no_entry_of_a_stand_in_is_about_to_end() {
    let (_servers, backend, key) = stood_in().await;
    let want = Want::Lead {
        hold: TTL,
        early: Duration::from_secs(3_600),
        patience: Duration::ZERO,
    };
    for _ in 0..2 {
        let lookup = backend.get(&key, want).await.unwrap();
        assert!(lookup.found.is_some_and(|found| !found.stale));
        assert_eq!(lookup.lead, Lead::None);
    }
}

#[tokio::test]
async fn the_owner_of_a_key_is_the_server_that_stands_in_while_its_own_is_away() {
    let mut servers = three();
    let backend = backend(&servers);
    let key = key_of(&backend, &servers, 1).await;
    assert_eq!(backend.owner(&key).unwrap(), servers[1].address());
    servers[1].kill();
    assert_eq!(found(&backend, &key).await, None);
    set(&backend, &key, "stood in").await;
    let owner = backend.owner(&key).unwrap();
    assert_ne!(owner, servers[1].address());
    assert!(servers.iter().any(|server| server.address() == owner));
}

#[tokio::test]
async fn a_removal_that_the_owner_did_not_get_is_pending_and_reaches_the_stand_in() {
    let (_servers, backend, key) = stood_in().await;
    let error = backend.remove(&key).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pending);
    assert!(error.is_retryable());
    assert_eq!(found(&backend, &key).await, None);
    set(&backend, &key, "stood in").await;
    let error = backend.expire(&key).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pending);
    assert!(found(&backend, &key).await.is_none_or(|found| found.stale));
}

#[tokio::test]
async fn a_removal_reaches_the_stand_in_that_another_process_used() {
    let mut servers = three();
    let (ours, theirs) = (backend(&servers), backend(&servers));
    let key = key_of(&ours, &servers, 1).await;
    servers[1].kill();
    assert_eq!(found(&theirs, &key).await, None);
    set(&theirs, &key, "stood in").await;
    servers[1].restart();
    // We never saw the outage; they have not seen its end yet.
    ours.remove(&key).await.unwrap();
    if let Ok(lookup) = theirs.get(&key, Want::Value).await {
        assert_eq!(lookup.found, None);
    }
}

#[tokio::test]
async fn under_miss_reads_miss_and_writes_fail() {
    let mut servers = three();
    let backend = with_failover(&servers, Failover::Miss);
    let key = key_of(&backend, &servers, 1).await;
    servers[1].kill();
    let lookup = backend.get(&key, LEAD).await.unwrap();
    assert_eq!((lookup.found, lookup.lead), (None, Lead::Unfenced(None)));
    let lookup = backend.get(&key, Want::Value).await.unwrap();
    assert_eq!((lookup.found, lookup.lead), (None, Lead::None));
    let error = backend.set(&key, V, TTL, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = backend.remove(&key).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pending);
}

#[tokio::test]
async fn under_error_everything_is_an_error() {
    let mut servers = three();
    let backend = with_failover(&servers, Failover::Error);
    let key = key_of(&backend, &servers, 1).await;
    servers[1].kill();
    for want in [LEAD, Want::Value] {
        let error = backend.get(&key, want).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    let error = backend.set(&key, V, TTL, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn calls_to_a_stopped_server_end_in_time_and_it_is_down_after_the_attempts() {
    let servers = [Server::start()];
    let backend = with_attempts(&servers, 2);
    set(&backend, &key("k"), "v").await;
    servers[0].stop();
    unanswered(async {
        let began = Instant::now();
        let error = backend.get(&key("k"), Want::Value).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let error = backend.set(&key("k"), V, TTL, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous);
        let took = began.elapsed();
        assert!(took < 2 * PATIENCE + TICK, "{took:?}");
        // Two failures in a row: down.
        let began = Instant::now();
        let error = backend.get(&key("k"), Want::Value).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(began.elapsed() < TICK, "{:?}", began.elapsed());
    })
    .await;
    servers[0].resume();
    comes_back(&backend, &key("k")).await;
    // Nobody knows whether the write took place.
    assert_eq!(value(&backend, &key("k")).await, None);
}

#[tokio::test]
async fn a_hundred_calls_to_a_stopped_server_end_together_and_count_as_one_failure() {
    let servers = [Server::start()];
    let backend = std::sync::Arc::new(with_attempts(&servers, 2));
    set(&backend, &key("k"), "v").await;
    servers[0].stop();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let backend = std::sync::Arc::clone(&backend);
        calls.spawn(async move { backend.get(&key("k"), Want::Value).await });
    }
    unanswered(async {
        let began = Instant::now();
        for outcome in calls.join_all().await {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
        }
        assert!(began.elapsed() < PATIENCE + TICK, "{:?}", began.elapsed());
    })
    .await;
    servers[0].resume();
    assert_eq!(value(&backend, &key("k")).await.unwrap(), "v");
}

#[tokio::test]
async fn a_stopped_server_is_stood_in_for_after_the_attempts_and_holds_up_no_other() {
    const TIMEOUT: Duration = Duration::from_secs(8);
    let servers = three();
    let config = Config {
        timeout: TIMEOUT,
        retry_attempts: 1,
        ..config(&servers)
    };
    let backend = Memcached::new(config).unwrap();
    let stopped = key_of(&backend, &servers, 1).await;
    servers[1].stop();
    let keys: Vec<StoreKey> = (0..50)
        .map(|number| key(format_args!("other:{number}")))
        .collect();
    let began = Instant::now();
    let results = backend.get_many(&keys, Want::Value).await;
    assert!(began.elapsed() < TIMEOUT + SLOW, "{:?}", began.elapsed());
    // Half of the time is left for the server that stands in.
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    for key in keys.iter().chain([&stopped]) {
        set(&backend, key, "stood in").await;
        assert_eq!(value(&backend, key).await.unwrap(), "stood in");
    }
}

#[tokio::test]
async fn a_server_that_is_stopped_before_the_first_call_is_no_reason_to_wait_longer() {
    let servers = [Server::start()];
    servers[0].stop();
    let backend = with_attempts(&servers, 2);
    unanswered(async {
        let began = Instant::now();
        let error = backend.get(&key("k"), Want::Value).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(began.elapsed() < PATIENCE + TICK, "{:?}", began.elapsed());
    })
    .await;
    servers[0].resume();
    comes_back(&backend, &key("k")).await;
}

#[tokio::test]
async fn a_server_is_reached_by_name_and_over_ipv6() {
    let server = Server::with_args(&["-l", "::1"]);
    let address = server.address();
    let port = address.strip_prefix("127.0.0.1:").unwrap();
    for address in [format!("localhost:{port}"), format!("[::1]:{port}")] {
        let backend = Memcached::new(Config::of_servers([address]).unwrap()).unwrap();
        set(&backend, &key("k"), "v").await;
    }
}

#[tokio::test]
async fn health_asks_every_server_and_says_which_is_down() {
    let mut servers = three();
    let backend = backend(&servers);
    assert_eq!(backend.health().await.state(), NodeState::Up);
    servers[2].kill();
    let health = backend.health().await;
    assert_eq!(health.state(), NodeState::Degraded);
    let states: Vec<_> = health.nodes.iter().map(|node| node.state).collect();
    assert_eq!(states, [NodeState::Up, NodeState::Up, NodeState::Down]);
    assert_eq!(health.nodes[2].name, servers[2].address());
    assert!(
        health.nodes[0].detail.starts_with("1."),
        "{:?}",
        health.nodes[0].detail
    );
    servers[2].restart();
    // Asking is enough; nobody has to wait for the prober.
    assert_eq!(backend.health().await.state(), NodeState::Up);
}

#[tokio::test]
async fn health_of_a_server_without_cas_numbers_is_degraded() {
    let servers = [Server::with_args(&["-C"])];
    assert_eq!(
        backend(&servers).health().await.state(),
        NodeState::Degraded
    );
}

#[tokio::test]
async fn a_lead_on_a_stand_in_is_prolonged_by_at_most_10_seconds() {
    let mut servers = three();
    let backend = backend(&servers);
    let key = key_of(&backend, &servers, 1).await;
    servers[1].kill();
    let token = take_lead(&backend, &key).await;
    let renewed = backend.renew(&key, &token, TTL).await.unwrap();
    assert_eq!(renewed, Renewed::Held);
    for server in [&servers[0], &servers[2]] {
        let stub = server.command(&format!("mg {} t", key.as_str()), "\r\n");
        let left = stub
            .split_whitespace()
            .find_map(|word| word.strip_prefix('t'));
        assert!(
            left.is_none_or(|left| left.parse::<u64>().unwrap() <= 10),
            "{stub}"
        );
    }
}
