//! What a server that comes back is believed, and what it is told first.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, NodeState, Reason, Renewed, Stored, Want};
use cachekit_core::error::ErrorKind;
use cachekit_core::key::StoreKey;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Config, Memcached};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{LEAD, TTL, backend, config, eventually, found, key, take_lead, unanswered};

/// Of all calls, and of making a connection.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Longer than every timeout.
const LONG: Duration = Duration::from_millis(2_500);

fn three() -> [Server; 3] {
    [Server::start(), Server::start(), Server::start()]
}

fn impatient(servers: &[Server], retry_attempts: u32) -> Memcached {
    Memcached::new(Config {
        timeout: TIMEOUT,
        connect_timeout: TIMEOUT,
        retry_attempts,
        ..config(servers)
    })
    .unwrap()
}

/// Sets `value`: on a machine that is busy, with more than one attempt.
async fn set(backend: &Memcached, key: &StoreKey, value: &'static str) {
    let set = || backend.set(key, Bytes::from_static(value.as_bytes()), TTL, None);
    eventually(|| async { set().await.ok() }).await;
}

/// What is found, likewise.
async fn value(backend: &Memcached, key: &StoreKey) -> Option<Bytes> {
    let get = || backend.get(key, Want::Value);
    let lookup = eventually(|| async { get().await.ok() }).await;
    lookup.found.map(|found| found.value)
}

/// Keys whose owner is `server`, each with the value "old".
async fn keys_of(backend: &Memcached, server: &Server, count: usize) -> Vec<StoreKey> {
    let mut keys = Vec::new();
    for number in 0.. {
        let key = key(format_args!("owned:{number}"));
        set(backend, &key, "old").await;
        if holds(server, &key) {
            keys.push(key);
        }
        if keys.len() == count {
            break;
        }
    }
    keys
}

fn holds(server: &Server, key: &StoreKey) -> bool {
    server
        .command(&format!("mg {} s", key.as_str()), "\r\n")
        .starts_with("HD")
}

/// Whether what is written under `key`, which `server` owns, is written there.
async fn is_used(backend: &Memcached, server: &Server, key: &StoreKey) -> bool {
    let value = Bytes::from_static(b"there");
    let size = format!("s{}", value.len());
    let stored = backend.set(key, value, TTL, None).await;
    let there = server.command(&format!("mg {} s", key.as_str()), "\r\n");
    stored.is_ok() && there.contains(&size)
}

/// Every way to read `keys` once; no value of them is "old".
async fn read_nothing_old(backend: &Memcached, keys: &[StoreKey]) {
    let mut lookups = backend.get_many(keys, Want::Value).await;
    for (number, key) in keys.iter().enumerate() {
        let want = if number % 2 == 0 { LEAD } else { Want::Value };
        lookups.push(backend.get(key, want).await);
    }
    lookups.extend(backend.get_many(keys, LEAD).await);
    for lookup in lookups {
        match lookup {
            Ok(lookup) => assert!(lookup.found.is_none_or(|found| found.value != "old")),
            // On a machine that is busy, its time may be over.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Timeout, "{error}"),
        }
    }
}

/// Calls go on for longer than every timeout.
async fn outlast(backend: &Memcached, key: &StoreKey) {
    let until = Instant::now() + LONG;
    eventually(|| async {
        let _ = backend.get(key, Want::Value).await;
        (Instant::now() > until).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_an_outage_made_old_is_never_read_again() {
    let servers = three();
    let backend = impatient(&servers, 2);
    let mut keys = keys_of(&backend, &servers[1], 60).await;
    let probe = keys.pop().unwrap();
    servers[1].stop();
    for key in &keys {
        set(&backend, key, "new").await;
    }
    outlast(&backend, &keys[0]).await;
    assert_eq!(value(&backend, &keys[0]).await.unwrap(), "new");
    servers[1].resume();
    eventually(|| async {
        read_nothing_old(&backend, &keys).await;
        is_used(&backend, &servers[1], &probe).await.then_some(())
    })
    .await;
    read_nothing_old(&backend, &keys).await;
    assert!(value(&backend, &probe).await.is_some());
}

#[tokio::test]
async fn what_another_process_wrote_elsewhere_during_an_outage_makes_the_owners_item_old() {
    let servers = three();
    let (ours, theirs) = (impatient(&servers, 1), impatient(&servers, 1));
    let keys = keys_of(&ours, &servers[1], 3).await;
    let (old, probe) = (&keys[..2], &keys[2]);
    servers[1].stop();
    for key in old {
        set(&theirs, key, "new").await;
    }
    // They are gone before they could tell the owner; we only saw that it was away.
    drop(theirs);
    outlast(&ours, probe).await;
    servers[1].resume();
    eventually(|| async { is_used(&ours, &servers[1], probe).await.then_some(()) }).await;
    assert!(holds(&servers[1], &old[0]));
    assert_eq!(value(&ours, &old[0]).await, None);
    let Lead::Mine(token) = ours.get(&old[1], LEAD).await.unwrap().lead else {
        panic!("the first reader of what is old leads");
    };
    assert_eq!(ours.get(&old[1], LEAD).await.unwrap().lead, Lead::Other);
    let v = Bytes::from_static(b"computed");
    let stored = ours.set(&old[1], v, TTL, Some(&token)).await.unwrap();
    assert_eq!(stored, Stored::Stored);
    assert_eq!(value(&ours, &old[1]).await.unwrap(), "computed");
}

#[tokio::test]
async fn a_removal_during_an_outage_is_pending_and_done_for_everybody_when_it_is_over() {
    let servers = three();
    let backend = impatient(&servers, 2);
    let keys = keys_of(&backend, &servers[1], 3).await;
    servers[1].stop();
    let error = backend.remove(&keys[0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pending);
    let error = backend.expire(&keys[1]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pending);
    outlast(&backend, &keys[2]).await;
    servers[1].resume();
    eventually(|| async { is_used(&backend, &servers[1], &keys[2]).await.then_some(()) }).await;
    let other = super::backend(&servers);
    assert_eq!(value(&other, &keys[0]).await, None);
    assert_eq!(value(&other, &keys[1]).await, None);
}

#[tokio::test]
async fn a_removal_that_was_not_answered_comes_before_the_next_read() {
    let servers = three();
    // It is never down.
    let backend = impatient(&servers, 10);
    let keys = keys_of(&backend, &servers[1], 2).await;
    for key in &keys {
        servers[1].stop();
        let error = backend.remove(key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pending);
        servers[1].resume();
        assert_eq!(value(&backend, key).await, None);
        assert!(!holds(&servers[1], key));
    }
}

#[tokio::test]
async fn a_write_that_was_not_answered_leaves_nothing_behind() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    set(&backend, &key("k"), "old").await;
    servers[0].stop();
    let (key, v) = (key("k"), Bytes::from_static(b"new"));
    let unset = unanswered(backend.set(&key, v, TTL, None));
    let error = unset.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    servers[0].resume();
    assert_eq!(value(&backend, &key).await, None);
    let other = super::backend(&servers);
    assert_eq!(value(&other, &key).await, None);
}

#[tokio::test]
async fn what_stood_in_is_not_found_at_the_next_outage() {
    let mut servers = three();
    let backend = impatient(&servers, 10);
    let keys = keys_of(&backend, &servers[1], 1).await;
    servers[1].stop();
    // The owner is asked first, in vain.
    set(&backend, &keys[0], "stood in").await;
    servers[1].resume();
    set(&backend, &keys[0], "newer").await;
    assert!(holds(&servers[1], &keys[0]));
    servers[1].kill();
    assert_eq!(value(&backend, &keys[0]).await, None);
}

#[tokio::test]
async fn a_server_that_was_killed_and_is_back_is_just_empty() {
    let mut servers = three();
    let backend = backend(&servers);
    let keys = keys_of(&backend, &servers[1], 2).await;
    servers[1].kill();
    set(&backend, &keys[0], "new").await;
    servers[1].restart();
    eventually(|| async { is_used(&backend, &servers[1], &keys[1]).await.then_some(()) }).await;
    assert_eq!(value(&backend, &keys[0]).await, None);
    // And once more, now that its numbers begin below those from before.
    servers[1].restart();
    assert_eq!(value(&backend, &keys[0]).await, None);
    assert!(is_used(&backend, &servers[1], &keys[0]).await);
    assert_eq!(value(&backend, &keys[0]).await.unwrap(), "there");
}

#[tokio::test]
async fn a_lead_from_before_an_outage_writes_nothing_after_it() {
    let servers = [Server::start()];
    let config = Config {
        retry_attempts: 1,
        ..config(&servers)
    };
    let backend = Memcached::new(config).unwrap();
    let token = take_lead(&backend, &key("k")).await;
    servers[0].stop();
    let read = unanswered(async { backend.get(&key("k"), Want::Value).await });
    read.await.unwrap_err();
    servers[0].resume();
    eventually(|| async { (backend.health().await.state() == NodeState::Up).then_some(()) }).await;
    let v = Bytes::from_static(b"late");
    let stored = backend.set(&key("k"), v, TTL, Some(&token)).await.unwrap();
    assert_eq!(stored, Stored::Superseded(Reason::Gone));
    assert_eq!(found(&backend, &key("k")).await, None);
    take_lead(&backend, &key("k")).await;
}

#[tokio::test]
async fn without_cas_numbers_what_this_process_changed_during_an_outage_is_made_up_for() {
    let servers = [
        Server::with_args(&["-C"]),
        Server::with_args(&["-C"]),
        Server::with_args(&["-C"]),
    ];
    let backend = impatient(&servers, 1);
    let keys = keys_of(&backend, &servers[1], 4).await;
    servers[1].stop();
    set(&backend, &keys[0], "new").await;
    set(&backend, &keys[1], "new").await;
    backend.remove(&keys[2]).await.unwrap_err();
    outlast(&backend, &keys[0]).await;
    servers[1].resume();
    eventually(|| async { is_used(&backend, &servers[1], &keys[3]).await.then_some(()) }).await;
    for key in &keys[..3] {
        assert_eq!(value(&backend, key).await, None);
    }
    assert_eq!(value(&backend, &keys[3]).await.unwrap(), "there");
}

/// The index of the server that stands in for `servers[1]`, which is away.
async fn stand_in(backend: &Memcached, servers: &[Server; 3], key: &StoreKey) -> usize {
    set(backend, key, "stood in").await;
    let stand_in = [0, 2]
        .into_iter()
        .find(|&index| holds(&servers[index], key));
    stand_in.expect("one of them stands in")
}

#[tokio::test]
async fn what_the_next_but_one_kept_is_not_found_when_the_next_is_away_again() {
    let mut servers = three();
    let backend = impatient(&servers, 1);
    let keys = keys_of(&backend, &servers[1], 2).await;
    servers[1].stop();
    let next = stand_in(&backend, &servers, &keys[0]).await;
    servers[next].stop();
    set(&backend, &keys[0], "much older").await;
    set(&backend, &keys[1], "much older").await;
    servers[next].resume();
    eventually(|| async {
        let used = is_used(&backend, &servers[next], &keys[0]).await;
        used.then_some(())
    })
    .await;
    backend.remove(&keys[1]).await.unwrap_err();
    servers[next].kill();
    assert_eq!(value(&backend, &keys[0]).await, None);
    assert_eq!(value(&backend, &keys[1]).await, None);
}

#[tokio::test]
async fn the_lead_of_a_stand_in_ends_when_the_owner_is_back_and_disturbs_no_other() {
    let servers = three();
    let backend = impatient(&servers, 1);
    let keys = keys_of(&backend, &servers[1], 2).await;
    servers[1].stop();
    let there = take_lead(&backend, &keys[0]).await;
    servers[1].resume();
    eventually(|| async { is_used(&backend, &servers[1], &keys[1]).await.then_some(()) }).await;
    let here = take_lead(&backend, &keys[0]).await;
    let v = Bytes::from_static(b"computed");
    let renewed = backend.renew(&keys[0], &there, TTL).await.unwrap();
    assert_eq!(renewed, Renewed::Lost);
    let stored = backend.set(&keys[0], v.clone(), TTL, Some(&there)).await;
    assert_eq!(stored.unwrap(), Stored::Superseded(Reason::Moved));
    let stored = backend.set(&keys[0], v, TTL, Some(&here)).await.unwrap();
    assert_eq!(stored, Stored::Stored);
}

#[tokio::test]
async fn the_lead_of_the_next_but_one_ends_when_the_next_is_back() {
    let servers = three();
    let backend = impatient(&servers, 1);
    let key = keys_of(&backend, &servers[1], 1).await.remove(0);
    servers[1].stop();
    let next = stand_in(&backend, &servers, &key).await;
    servers[next].stop();
    let there = take_lead(&backend, &key).await;
    servers[next].resume();
    let next = servers[next].address();
    eventually(|| async { (backend.owner(&key).unwrap() == next).then_some(()) }).await;
    let old = Bytes::from_static(b"computed");
    let stored = backend.set(&key, old, TTL, Some(&there)).await.unwrap();
    assert_eq!(stored, Stored::Superseded(Reason::Moved));
}

#[tokio::test]
async fn what_lies_in_an_open_connection_is_carried_out_before_a_server_is_believed() {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let servers = three();
    let config = Config {
        timeout: TIMEOUT,
        connect_timeout: TIMEOUT,
        retry_attempts: 1,
        ..config(&servers)
    };
    let backend = Arc::new(Memcached::new(config).unwrap());
    let keys = keys_of(&backend, &servers[1], 2).await;
    servers[1].stop();
    // More than fits into what the machine keeps for a socket, and all of it on one connection.
    let late = Bytes::from(vec![b'l'; 60_000]);
    let mut writes = JoinSet::new();
    for _ in 0..100 {
        let (backend, key, late) = (Arc::clone(&backend), keys[0].clone(), late.clone());
        writes.spawn(async move { backend.set(&key, late, TTL, None).await });
    }
    // They are made elsewhere; on a machine that is busy, the time for that may be over.
    for error in writes.join_all().await.into_iter().filter_map(Result::err) {
        let late = [ErrorKind::Ambiguous, ErrorKind::Timeout];
        assert!(late.contains(&error.kind()), "{error}");
    }
    set(&backend, &keys[0], "new").await;
    // The prober waits for an answer by now, and the connection is not given up yet.
    let until = Instant::now() + TIMEOUT / 4;
    eventually(|| async { (Instant::now() > until).then_some(()) }).await;
    servers[1].resume();
    eventually(|| async {
        let found = value(&backend, &keys[0]).await;
        assert!(found.is_none_or(|found| found == "new"));
        is_used(&backend, &servers[1], &keys[1]).await.then_some(())
    })
    .await;
    let found = value(&backend, &keys[0]).await;
    assert!(found.is_none_or(|found| found == "new"));
}
