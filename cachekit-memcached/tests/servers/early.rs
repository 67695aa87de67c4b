//! Leads over entries that are still there and fresh, because little time is left of them.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::Error;
use cachekit_core::backend::{Backend as _, Lead, Lookup, Reason, Stored, Token, Ttl, Want};
use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::config::Config as CacheConfig;
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::ManualClock;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Config, Memcached, Protocol};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{backend, config, eventually, found, key, value};

/// Of an entry that is kept for long after it was fresh.
const KEPT: Ttl = Ttl::from_secs(20 * 60);
const HOLD: Ttl = Ttl::from_secs(10);
/// All but its first minute is in the early part.
const EARLY: Duration = Duration::from_secs(19 * 60);
/// The whole of it is.
const ALWAYS: Duration = Duration::from_secs(3_600);

async fn kept(backend: &Memcached, key: &StoreKey) {
    let old = Bytes::from_static(b"old");
    let stored = backend.set(key, old, KEPT, None).await.unwrap();
    assert_eq!(stored, Stored::Stored);
}

async fn read(backend: &Memcached, key: &StoreKey, early: Duration) -> Lookup {
    let want = Want::Lead {
        hold: HOLD,
        early,
        patience: Duration::ZERO,
    };
    backend.get(key, want).await.unwrap()
}

/// The lead that a reader of [`kept`] is told of. It finds the entry, fresh.
fn lead(lookup: Lookup) -> Lead {
    let found = lookup.found.expect("the entry is found");
    assert_eq!((&*found.value, found.stale), (&b"old"[..], false));
    let left = found.left.expect("a time left");
    assert!(left > KEPT.duration() - Duration::from_secs(30), "{left:?}");
    lookup.lead
}

async fn take_lead(backend: &Memcached, key: &StoreKey) -> Token {
    match lead(read(backend, key, ALWAYS).await) {
        Lead::Mine(token) => token,
        other => panic!("{other:?}"),
    }
}

async fn set_with(backend: &Memcached, key: &StoreKey, token: &Token) -> Stored {
    let new = Bytes::from_static(b"new");
    backend.set(key, new, KEPT, Some(token)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reader_in_the_fleet_leads_and_all_of_them_find_the_entry() {
    let servers = [Server::start()];
    let fleet = [backend(&servers), backend(&servers)].map(Arc::new);
    kept(&fleet[0], &key("k")).await;
    let mut readers = JoinSet::new();
    for reader in 0..40 {
        let backend = Arc::clone(&fleet[reader % 2]);
        readers.spawn(async move { lead(read(&backend, &key("k"), ALWAYS).await) });
    }
    let leads = readers.join_all().await;
    let (mut tokens, others): (Vec<_>, Vec<_>) = leads
        .into_iter()
        .partition(|lead| matches!(lead, Lead::Mine(_)));
    assert_eq!(others, vec![Lead::Other; 39]);
    let Some(Lead::Mine(token)) = tokens.pop() else {
        panic!("nobody leads");
    };
    assert_eq!(set_with(&fleet[0], &key("k"), &token).await, Stored::Stored);
    assert_eq!(value(&fleet[1], &key("k")).await.unwrap(), "new");
}

#[tokio::test]
async fn an_entry_that_lasts_for_longer_needs_no_lead() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    kept(&backend, &key("k")).await;
    assert_eq!(lead(read(&backend, &key("k"), EARLY).await), Lead::None);
    assert_eq!(
        lead(read(&backend, &key("k"), Duration::ZERO).await),
        Lead::None
    );
    // Longer than any entry lives.
    let lead = lead(read(&backend, &key("k"), Duration::MAX).await);
    assert!(matches!(lead, Lead::Mine(_)), "{lead:?}");
}

#[tokio::test]
async fn many_readers_are_told_key_by_key() {
    let servers = [Server::start(), Server::start()];
    let backend = backend(&servers);
    let keys: Vec<StoreKey> = (0..20).map(key).collect();
    for key in &keys {
        kept(&backend, key).await;
    }
    let led = take_lead(&backend, &keys[3]).await;
    let want = Want::Lead {
        hold: HOLD,
        early: ALWAYS,
        patience: Duration::ZERO,
    };
    for (index, lookup) in backend.get_many(&keys, want).await.into_iter().enumerate() {
        let lead = lead(lookup.unwrap());
        assert_eq!(matches!(lead, Lead::Mine(_)), index != 3, "{lead:?}");
    }
    assert_eq!(set_with(&backend, &keys[3], &led).await, Stored::Stored);
}

#[tokio::test]
async fn a_released_lead_goes_to_the_next_reader_and_the_entry_is_as_fresh_as_before() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    kept(&backend, &key("k")).await;
    let first = take_lead(&backend, &key("k")).await;
    backend.release(&key("k"), &first).await.unwrap();
    let second = take_lead(&backend, &key("k")).await;
    assert_eq!(
        set_with(&backend, &key("k"), &first).await,
        Stored::Superseded(Reason::Overtaken)
    );
    // The lead is not the first one's any more.
    backend.release(&key("k"), &first).await.unwrap();
    assert_eq!(lead(read(&backend, &key("k"), ALWAYS).await), Lead::Other);
    assert_eq!(set_with(&backend, &key("k"), &second).await, Stored::Stored);
}

#[tokio::test]
async fn whatever_is_newer_supersedes_the_lead() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    let [set, expired, removed] = ["set", "expired", "removed"].map(key);
    for key in [&set, &expired, &removed] {
        kept(&backend, key).await;
    }
    let tokens = [
        take_lead(&backend, &set).await,
        take_lead(&backend, &expired).await,
        take_lead(&backend, &removed).await,
    ];
    kept(&backend, &set).await;
    backend.expire(&expired).await.unwrap();
    backend.remove(&removed).await.unwrap();
    let reasons = [Reason::Overtaken, Reason::Overtaken, Reason::Gone];
    for ((key, token), reason) in [&set, &expired, &removed]
        .into_iter()
        .zip(&tokens)
        .zip(reasons)
    {
        // What was led over is another item now, so that handing the lead back changes nothing.
        backend.release(key, token).await.unwrap();
        let stored = set_with(&backend, key, token).await;
        assert_eq!(stored, Stored::Superseded(reason));
    }
    assert_eq!(value(&backend, &set).await.unwrap(), "old");
    assert!(found(&backend, &expired).await.unwrap().stale);
    assert_eq!(found(&backend, &removed).await, None);
}

#[tokio::test]
async fn the_lead_of_one_who_never_comes_back_goes_on_and_the_entry_stays_fresh() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    kept(&backend, &key("k")).await;
    let crashed = take_lead(&backend, &key("k")).await;
    assert_eq!(lead(read(&backend, &key("k"), ALWAYS).await), Lead::Other);
    // Nothing is on its way while the clock of this process is moved on.
    tokio::time::pause();
    tokio::time::advance(2 * HOLD.duration()).await;
    tokio::time::resume();
    let token = eventually(|| async {
        match lead(read(&backend, &key("k"), ALWAYS).await) {
            Lead::Mine(token) => Some(token),
            _ => None,
        }
    })
    .await;
    assert_eq!(
        set_with(&backend, &key("k"), &crashed).await,
        Stored::Superseded(Reason::Overtaken)
    );
    assert_eq!(set_with(&backend, &key("k"), &token).await, Stored::Stored);
}

#[tokio::test]
async fn a_server_that_cannot_fence_needs_nobody_for_an_entry_that_lasts() {
    let servers = [Server::with_args(&["-C"])];
    let backend = backend(&servers);
    kept(&backend, &key("k")).await;
    let computes = lead(read(&backend, &key("k"), ALWAYS).await);
    assert!(matches!(computes, Lead::Unfenced(Some(_))), "{computes:?}");
    assert_eq!(lead(read(&backend, &key("k"), EARLY).await), Lead::None);
}

#[tokio::test]
async fn a_classic_server_tells_no_time_left_so_that_every_entry_may_end_early() {
    let servers = [Server::start()];
    let backend = Memcached::new(Config {
        protocol: Protocol::Classic,
        ..config(&servers)
    })
    .unwrap();
    kept(&backend, &key("k")).await;
    let lookup = read(&backend, &key("k"), Duration::from_secs(1)).await;
    assert_eq!(lookup.found.unwrap().left, None);
    assert_eq!(lookup.lead, Lead::Unfenced(None));
    let lookup = read(&backend, &key("k"), Duration::ZERO).await;
    assert_eq!(lookup.lead, Lead::None);
}

#[tokio::test]
async fn what_takes_milliseconds_is_computed_anew_before_it_ends_although_the_server_counts_seconds()
 {
    static VALUES: Function = Function::new(module_path!(), "values").policy(
        Policy::new()
            .ttl(Duration::from_secs(4))
            .grace(Duration::ZERO),
    );
    let (servers, time) = ([Server::start()], ManualClock::new());
    let mut config = CacheConfig::default();
    config.l1.enabled = false;
    let builder = Cache::builder().config(config).clock(time.clock());
    let cache = builder.backend(Arc::new(backend(&servers))).build();
    let value: Key<u64> = VALUES.key(&1).unwrap();
    let (cold, read) = (Cell::new(1), Cell::new(Instant::now()));
    eventually(|| async {
        let compute = || async {
            time.advance(Duration::from_millis(10));
            Ok::<_, Error>(1)
        };
        cache.get_or_compute(&value, compute).await.unwrap();
        // Where the machine stood still, the entry may have ended before it was read again.
        let stood_still = read.replace(Instant::now()).elapsed() > Duration::from_millis(500);
        let stats = VALUES.stats();
        assert!(stats.cold <= cold.get() || stood_still, "{stats:?}");
        cold.set(stats.cold);
        (stats.refreshed == 1).then_some(())
    })
    .await;
}
