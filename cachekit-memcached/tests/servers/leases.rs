//! Servers that cannot fence: one reader computes under a lease, and the others wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{
    Backend as _, Lead, Lookup, NodeState, Reason, Renewed, Stored, Token, Ttl, Want,
};
use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::error::{Error, ErrorKind};
use cachekit_core::key::StoreKey;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Config, Memcached, Protocol};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{
    LEAD, RENEWED, SLOW, TTL, config, eventually, eventually_in_time, fill, filled_after, found,
    key, set, unanswered, value,
};

/// The least that a lease can be held for.
const SHORT: Ttl = Ttl::from_secs(2);

/// A server that counts no CAS numbers, and one that is spoken to in classic words.
const KINDS: [(&[&str], Protocol); 2] = [(&["-C"], Protocol::Auto), (&[], Protocol::Classic)];

fn process(servers: &[Server], protocol: Protocol) -> Memcached {
    Memcached::new(Config {
        protocol,
        ..config(servers)
    })
    .unwrap()
}

/// A server of each kind, and two processes that share it.
pub(crate) fn fleets() -> impl Iterator<Item = (Server, Memcached, Memcached)> {
    KINDS.into_iter().map(|(args, protocol)| {
        let servers = [Server::with_args(args)];
        let [one, other] = [(); 2].map(|()| process(&servers, protocol));
        let [server] = servers;
        (server, one, other)
    })
}

const fn lead(hold: Ttl, early: Duration) -> Want {
    Want::Lead {
        hold,
        early,
        patience: Duration::ZERO,
    }
}

pub(crate) async fn read(backend: &Memcached, key: &StoreKey) -> Lookup {
    backend.get(key, LEAD).await.unwrap()
}

pub(crate) fn leased(lookup: Lookup) -> Token {
    match lookup.lead {
        Lead::Unfenced(Some(token)) => token,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_lacking_is_told_and_no_fence_is_claimed() {
    let whys = ["counts no CAS numbers", "only classic commands"];
    for ((_server, backend, _), why) in fleets().zip(whys) {
        let health = backend.health().await;
        assert_eq!(health.state(), NodeState::Degraded);
        let detail = &health.nodes[0].detail;
        assert!(
            detail.contains("no fencing") && detail.contains(why),
            "{detail}"
        );
        let token = leased(read(&backend, &key("k")).await);
        assert_eq!(fill(&backend, &key("k"), "v", &token).await, Stored::Stored);
        assert_eq!(read(&backend, &key("k")).await.lead, Lead::None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reader_in_the_fleet_computes_and_those_who_come_just_then_find_its_entry() {
    for (_server, one, other) in fleets() {
        let fleet = [Arc::new(one), Arc::new(other)];
        for round in 0..20 {
            let mut readers = JoinSet::new();
            for reader in 0..20 {
                let (backend, key) = (Arc::clone(&fleet[reader % 2]), key(round));
                readers.spawn(async move {
                    let mut computed = 0;
                    loop {
                        let lookup = read(&backend, &key).await;
                        match lookup.lead {
                            Lead::Unfenced(Some(token)) => {
                                computed += 1;
                                let stored = fill(&backend, &key, "v", &token).await;
                                assert_eq!(stored, Stored::Stored);
                            }
                            Lead::Other => {}
                            Lead::None if lookup.found.is_some() => return computed,
                            lead => panic!("{lead:?}"),
                        }
                    }
                });
            }
            assert_eq!(readers.join_all().await.into_iter().sum::<usize>(), 1);
        }
    }
}

#[tokio::test]
async fn an_invalidation_during_a_computation_wins() {
    for (_server, one, other) in fleets() {
        let [removed, expired] = ["removed", "expired"].map(key);
        let token = leased(read(&one, &removed).await);
        other.remove(&removed).await.unwrap();
        let gone = Stored::Superseded(Reason::Gone);
        assert_eq!(fill(&one, &removed, "old", &token).await, gone);
        assert_eq!(value(&one, &removed).await, None);
        set(&one, &expired, "older").await;
        one.expire(&expired).await.unwrap();
        let token = leased(read(&one, &expired).await);
        other.expire(&expired).await.unwrap();
        assert_eq!(fill(&one, &expired, "old", &token).await, gone);
        assert!(found(&one, &expired).await.is_none_or(|found| found.stale));
        // At once with the next computation, which is not bothered by the late one.
        let next = leased(read(&other, &removed).await);
        let overtaken = Stored::Superseded(Reason::Overtaken);
        assert_eq!(fill(&one, &removed, "old", &token).await, overtaken);
        assert_eq!(fill(&other, &removed, "new", &next).await, Stored::Stored);
        assert_eq!(fill(&one, &removed, "old", &token).await, gone);
        assert_eq!(value(&one, &removed).await.unwrap(), "new");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_it_is_invalidated_does_not_stay() {
    for (_server, one, other) in fleets() {
        let fleet = [Arc::new(one), Arc::new(other)];
        for round in 0..300 {
            let key = key(round);
            let token = leased(read(&fleet[0], &key).await);
            let [leader, writer] = [0, 1].map(|index| Arc::clone(&fleet[index]));
            let (led, changed) = (key.clone(), key.clone());
            let filled = tokio::spawn(async move { fill(&leader, &led, "old", &token).await });
            let changed = tokio::spawn(async move {
                match round % 3 {
                    0 => writer.remove(&changed).await.unwrap(),
                    1 => writer.remove_many(&[changed]).await.remove(0).unwrap(),
                    _ => set(&writer, &changed, "new").await,
                }
            });
            changed.await.unwrap();
            let filled = filled.await.unwrap();
            let left = value(&fleet[0], &key).await;
            let old = left.is_some_and(|value| value == "old");
            assert!(!old, "round {round}: {filled:?} and the old value is there");
        }
    }
}

#[tokio::test]
async fn a_leader_who_dies_is_replaced_when_its_hold_is_over_and_its_late_fill_rejected() {
    for (_server, dead, alive) in fleets() {
        let short = lead(SHORT, Duration::ZERO);
        let late = leased(dead.get(&key("k"), short).await.unwrap());
        let began = Instant::now();
        let next = eventually(|| async {
            let lookup = alive.get(&key("k"), short).await.unwrap();
            matches!(lookup.lead, Lead::Unfenced(_)).then_some(lookup)
        })
        .await;
        let most = SHORT.duration() + SLOW;
        assert!(began.elapsed() < most, "{:?}", began.elapsed());
        let overtaken = Stored::Superseded(Reason::Overtaken);
        assert_eq!(fill(&dead, &key("k"), "late", &late).await, overtaken);
        let stored = fill(&alive, &key("k"), "new", &leased(next)).await;
        assert_eq!(stored, Stored::Stored);
        let gone = Stored::Superseded(Reason::Gone);
        assert_eq!(fill(&dead, &key("k"), "late", &late).await, gone);
        let found = found(&alive, &key("k")).await.unwrap();
        assert_eq!((&*found.value, found.stale), (&b"new"[..], false));
    }
}

#[tokio::test]
async fn a_leader_that_renews_its_lease_computes_for_several_holds() {
    for (server, slow, alive) in fleets() {
        let long = async |key| computes_for_long(&slow, &alive, &key).await;
        eventually_in_time(&server, long).await;
    }
}

/// False if this machine was too busy to renew in time.
async fn computes_for_long(slow: &Memcached, alive: &Memcached, key: &StoreKey) -> bool {
    let token = leased(slow.get(key, lead(RENEWED, Duration::ZERO)).await.unwrap());
    let Some(filled) = filled_after(2 * RENEWED.duration(), (slow, alive), key, &token, LEAD).await
    else {
        return false;
    };
    assert_eq!(filled, Stored::Stored);
    let renewed = slow.renew(key, &token, RENEWED).await.unwrap();
    assert_eq!(renewed, Renewed::Lost);
    true
}

#[tokio::test]
async fn the_lease_of_a_run_that_is_over_has_moved() {
    for (mut server, one, other) in fleets() {
        let old = leased(read(&one, &key("k")).await);
        server.restart();
        let new = leased(read(&other, &key("k")).await);
        let renewed = one.renew(&key("k"), &old, TTL).await.unwrap();
        assert_eq!(renewed, Renewed::Lost);
        one.release(&key("k"), &old).await.unwrap();
        let moved = Stored::Superseded(Reason::Moved);
        assert_eq!(fill(&one, &key("k"), "old", &old).await, moved);
        assert_eq!(fill(&other, &key("k"), "new", &new).await, Stored::Stored);
    }
}

#[tokio::test]
async fn a_removal_that_waits_for_its_server_ends_the_lease_there_as_well() {
    for (args, protocol) in KINDS {
        let servers = [Server::with_args(args)];
        let [leader, writer] = [(); 2].map(|()| process(&servers, protocol));
        set(&writer, &key("k"), "older").await;
        writer.remove(&key("k")).await.unwrap();
        let token = leased(read(&leader, &key("k")).await);
        servers[0].stop();
        let removed = unanswered(async { writer.remove(&key("k")).await });
        assert_eq!(removed.await.unwrap_err().kind(), ErrorKind::Pending);
        servers[0].resume();
        eventually(|| async { writer.get(&key("k"), Want::Value).await.ok() }).await;
        let gone = Stored::Superseded(Reason::Gone);
        assert_eq!(fill(&leader, &key("k"), "old", &token).await, gone);
        assert_eq!(value(&leader, &key("k")).await, None);
    }
}

#[tokio::test]
async fn a_removal_ends_the_lease_at_the_server_that_stands_in() {
    for (args, protocol) in KINDS {
        let mut servers = [Server::with_args(args), Server::with_args(args)];
        let [leader, writer] = [(); 2].map(|()| process(&servers, protocol));
        let of_the_first = |key: &StoreKey| leader.owner(key).unwrap() == servers[0].address();
        let key = (0..).map(key).find(of_the_first).unwrap();
        servers[0].kill();
        let token = leased(read(&leader, &key).await);
        let error = writer.remove(&key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pending);
        let gone = Stored::Superseded(Reason::Gone);
        assert_eq!(fill(&leader, &key, "old", &token).await, gone);
        assert_eq!(value(&leader, &key).await, None);
    }
}

#[tokio::test]
async fn a_server_that_counts_no_more_since_it_was_started_again_is_found_out_in_time() {
    let path = std::env::temp_dir().join(format!("cachekit-leases-{}", std::process::id()));
    let server = Server::on_socket(&path, &[]);
    let servers = [server];
    let old = process(&servers, Protocol::Auto);
    set(&old, &key("connected"), "v").await;
    let [server] = servers;
    drop(server);
    let servers = [Server::on_socket(&path, &["-C"])];
    let leader = process(&servers, Protocol::Auto);
    let token = leased(read(&leader, &key("k")).await);
    old.remove(&key("k")).await.unwrap();
    let gone = Stored::Superseded(Reason::Gone);
    assert_eq!(fill(&leader, &key("k"), "old", &token).await, gone);
}

#[tokio::test]
async fn many_leases_are_taken_and_ended_together() {
    for (_server, one, other) in fleets() {
        let keys: Vec<StoreKey> = (0..1_000).map(key).collect();
        let taken = one.get_many(&keys, LEAD).await;
        let tokens: Vec<Token> = taken.into_iter().map(|it| leased(it.unwrap())).collect();
        for lookup in other.get_many(&keys, LEAD).await {
            assert_eq!(lookup.unwrap().lead, Lead::Other);
        }
        for removed in other.remove_many(&keys[..500]).await {
            removed.unwrap();
        }
        for (index, (key, token)) in keys.iter().zip(&tokens).enumerate() {
            let expected = match index < 500 {
                true => Stored::Superseded(Reason::Gone),
                false => Stored::Stored,
            };
            assert_eq!(fill(&one, key, "v", token).await, expected);
        }
    }
}

#[tokio::test]
async fn an_entry_that_ends_early_is_leased_where_the_server_tells_so() {
    let early = lead(TTL, 2 * TTL.duration());
    let rearmed = lead(TTL, Duration::MAX);
    for ((_server, one, other), told) in fleets().zip([true, false]) {
        set(&one, &key("k"), "old").await;
        let first = one.get(&key("k"), early).await.unwrap();
        assert!(first.found.as_ref().is_some_and(|found| !found.stale));
        if told {
            let token = leased(first);
            let second = other.get(&key("k"), early).await.unwrap();
            assert_eq!((second.lead, second.found.is_some()), (Lead::Other, true));
            assert_eq!(fill(&one, &key("k"), "new", &token).await, Stored::Stored);
            continue;
        }
        // Every read would take a lease. Who knows better asks for one.
        assert_eq!(first.lead, Lead::Unfenced(None));
        let token = leased(one.get(&key("k"), rearmed).await.unwrap());
        let second = other.get(&key("k"), rearmed).await.unwrap();
        assert_eq!((second.lead, second.found.is_some()), (Lead::Other, true));
        assert_eq!(fill(&one, &key("k"), "new", &token).await, Stored::Stored);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_and_in_grace_is_computed_by_one_process_where_no_times_are_told() {
    const TTL: Duration = Duration::from_secs(1);
    const POLICY: Policy = Policy::new().ttl(TTL);
    static FUNCTION: Function = Function::new("tests::servers", "in_grace").policy(POLICY);
    for (server, _, _) in fleets() {
        let servers = [server];
        let client = process(&servers, Protocol::Classic).client().clone();
        let process = || {
            let backend = process(&servers, Protocol::Classic);
            Cache::builder().backend(Arc::new(backend)).build()
        };
        let computed = Arc::new(AtomicU32::new(0));
        let call = |cache: Cache| {
            let (computed, client) = (Arc::clone(&computed), client.clone());
            async move {
                let origin = async || {
                    // Long enough for the other process to come.
                    for _ in 0..50 {
                        client.get("origin").await.unwrap();
                    }
                    Ok::<u32, Error>(computed.fetch_add(1, Ordering::Relaxed) + 1)
                };
                let key: Key<u32> = FUNCTION.key(&7).unwrap();
                cache.get_or_compute(&key, origin).await.unwrap()
            }
        };
        assert_eq!(call(process()).await, 1);
        let count = || computed.load(Ordering::Relaxed);
        let (before, newest) = eventually(|| async {
            let (before, began) = (count(), Instant::now());
            let (one, other) = tokio::join!(call(process()), call(process()));
            // On a machine that is slower, it may be over once more.
            let in_time = began.elapsed() < TTL / 2;
            (in_time && count() > before).then_some((before, one.max(other)))
        })
        .await;
        assert_eq!((newest, count()), (before + 1, before + 1));
    }
}

#[tokio::test]
async fn a_value_that_is_refused_uses_up_the_lease_and_removes_what_it_was_to_replace() {
    for (_server, one, other) in fleets() {
        let token = leased(read(&one, &key("k")).await);
        let large = Bytes::from(vec![b'x'; 1 << 20]);
        let error = one.set(&key("k"), large, TTL, Some(&token)).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(value(&one, &key("k")).await, None);
        leased(read(&other, &key("k")).await);
    }
}
