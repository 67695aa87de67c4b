//! Many keys over several servers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, NewEntry, Reason, Stored, Want};
use cachekit_core::cache::{Cache, Function};
use cachekit_core::error::{Error, ErrorKind};
use cachekit_core::key::StoreKey;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Config, Failover, Memcached};
use tokio::time::Instant;

use super::{LEAD, PATIENCE, TTL, backend, config, key, take_lead, unanswered};

fn three() -> [Server; 3] {
    [Server::start(), Server::start(), Server::start()]
}

fn keys(count: usize) -> Vec<StoreKey> {
    (0..count)
        .map(|number| key(format_args!("many:{number}")))
        .collect()
}

fn entries(keys: &[StoreKey]) -> Vec<NewEntry> {
    let entry = |key: &StoreKey| NewEntry {
        key: key.clone(),
        value: Bytes::from(key.as_str().to_owned()),
        ttl: TTL,
        lead: None,
    };
    keys.iter().map(entry).collect()
}

#[tokio::test]
async fn many_keys_lie_on_all_servers_and_are_found_in_the_order_asked() {
    let servers = three();
    let backend = backend(&servers);
    let keys = keys(3_000);
    let stored = backend.set_many(entries(&keys)).await;
    assert!(
        stored
            .into_iter()
            .all(|stored| stored.unwrap() == Stored::Stored)
    );
    for server in &servers {
        let items = server.stat("curr_items");
        assert!((700..1_300).contains(&items), "{items} of 3000 items");
    }
    let results = backend.get_many(&keys, Want::Value).await;
    assert_eq!(results.len(), keys.len());
    for (key, result) in keys.iter().zip(results) {
        assert_eq!(result.unwrap().found.unwrap().value, key.as_str());
    }
}

/// More than a connection has in flight: the batch goes in parts.
#[tokio::test]
async fn many_large_entries_are_not_too_much_for_a_connection() {
    let servers = [Server::with_args(&["-m", "256"])];
    let backend = backend(&servers);
    let keys = keys(80);
    let mut entries = entries(&keys);
    for entry in &mut entries {
        entry.value = Bytes::from(vec![b'x'; 1_000_000]);
    }
    for stored in backend.set_many(entries).await {
        assert_eq!(stored.unwrap(), Stored::Stored);
    }
}

#[tokio::test]
async fn many_leads_are_given_once_each() {
    let servers = three();
    let backend = backend(&servers);
    let keys = keys(100);
    let first = backend.get_many(&keys, LEAD).await;
    let tokens: HashSet<_> = first
        .into_iter()
        .map(|result| match result.unwrap().lead {
            Lead::Mine(token) => token,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(tokens.len() > 1);
    let second = backend.get_many(&keys, LEAD).await;
    assert!(
        second
            .into_iter()
            .all(|result| result.unwrap().lead == Lead::Other)
    );
}

#[tokio::test]
async fn leads_of_a_batch_that_nobody_waits_for_are_handed_back() {
    let servers = three();
    let backend = backend(&servers);
    let keys = keys(100);
    // Dropped at every point at which it has something to wait for.
    for polls in 0..20 {
        let mut batch = Box::pin(backend.get_many(&keys, LEAD));
        for _ in 0..polls {
            let done = std::future::poll_fn(|context| {
                std::task::Poll::Ready(batch.as_mut().poll(context).is_ready())
            });
            if done.await {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(batch);
    }
    backend
        .remove_many(&keys)
        .await
        .into_iter()
        .for_each(|result| result.unwrap());
    let mut batch = Box::pin(backend.get_many(&keys, LEAD));
    std::future::poll_fn(|context| {
        assert!(batch.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(batch);
    for key in &keys {
        super::eventually(|| async {
            matches!(backend.get(key, LEAD).await.unwrap().lead, Lead::Mine(_)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_server_that_is_away_fails_its_own_keys_and_no_other() {
    let mut servers = three();
    let config = Config {
        failover: Failover::Error,
        ..config(&servers)
    };
    let backend = Memcached::new(config).unwrap();
    let keys = keys(300);
    backend
        .set_many(entries(&keys))
        .await
        .into_iter()
        .for_each(|stored| {
            stored.unwrap();
        });
    let owned = usize::try_from(servers[1].stat("curr_items")).unwrap();
    servers[1].kill();
    let results = backend.get_many(&keys, Want::Value).await;
    let (found, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((found.len(), failed.len()), (300 - owned, owned));
    assert!(
        found
            .into_iter()
            .all(|result| result.unwrap().found.is_some())
    );
    for result in failed {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    let removed = backend.remove_many(&keys).await;
    assert_eq!(
        removed.iter().filter(|result| result.is_err()).count(),
        owned
    );
}

#[tokio::test]
async fn a_batch_may_be_larger_than_what_may_be_in_flight() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    let keys = keys(40_000);
    let results = backend.get_many(&keys, Want::Value).await;
    assert!(
        results
            .into_iter()
            .all(|result| result.unwrap().found.is_none())
    );
}

#[tokio::test]
async fn one_lead_among_many_writes_is_kept_to() {
    let servers = three();
    let backend = backend(&servers);
    let keys = keys(2);
    let token = take_lead(&backend, &keys[0]).await;
    backend.remove(&keys[0]).await.unwrap();
    let mut entries = entries(&keys);
    entries[0].lead = Some(token);
    let stored: Vec<_> = backend
        .set_many(entries)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(stored, [Stored::Superseded(Reason::Gone), Stored::Stored]);
}

#[tokio::test]
async fn many_writes_to_a_stopped_server_end_within_one_timeout() {
    let servers = [Server::start()];
    let config = Config {
        retry_attempts: 10,
        ..config(&servers)
    };
    let backend = Memcached::new(config).unwrap();
    let keys = keys(2_000);
    backend.get(&keys[0], Want::Value).await.unwrap();
    servers[0].stop();
    unanswered(async {
        let began = Instant::now();
        let stored = backend.set_many(entries(&keys)).await;
        assert!(stored.iter().all(Result::is_err));
        let limit = PATIENCE + Duration::from_secs(1);
        assert!(began.elapsed() < limit, "{:?}", began.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_large_batch_to_a_stopped_server_counts_as_one_failure() {
    let servers = [Server::start()];
    let config = Config {
        retry_attempts: 2,
        ..config(&servers)
    };
    let backend = Memcached::new(config).unwrap();
    let keys = keys(3_000);
    backend.get(&keys[0], Want::Value).await.unwrap();
    servers[0].stop();
    for result in unanswered(backend.get_many(&keys, Want::Value)).await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
    }
    // Were it down, nobody would wait for it.
    let read = unanswered(backend.get(&keys[0], Want::Value));
    let error = read.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

/// Each process asks and stores in one call of the backend, which is one round trip per server.
#[tokio::test]
async fn of_a_hundred_ids_the_origin_computes_those_that_no_process_has_stored() {
    static USERS: Function = Function::new("tests::servers", "users");
    let servers = three();
    let process = || {
        Cache::builder()
            .backend(Arc::new(backend(&servers)))
            .build()
    };
    let asked = Mutex::new(Vec::new());
    let compute = async |ids: Vec<u64>| {
        let users = ids.iter().map(|id| (*id, format!("user {id}"))).collect();
        asked.lock().unwrap().push(ids);
        Ok::<HashMap<u64, String>, Error>(users)
    };
    for (ids, missing) in [(1..41, 1..41), (1..101, 41..101), (1..101, 101..101)] {
        let ids: Vec<u64> = ids.collect();
        let found = process()
            .get_or_compute_many(&USERS, ids.clone(), compute)
            .await;
        let users: Vec<_> = ids.iter().map(|id| Some(format!("user {id}"))).collect();
        assert_eq!(found.unwrap(), users);
        let calls = std::mem::take(&mut *asked.lock().unwrap());
        assert_eq!(calls.concat(), missing.collect::<Vec<u64>>());
        assert!(calls.len() <= 1);
    }
}
