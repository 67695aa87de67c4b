//! The cache in front of a backend that processes share: each `Cache` here is one process.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend, Lead, Ttl, Want};
use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::config::Config;
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::{Faults, Fleet, until};
use cachekit_core::{Error, ErrorKind};
use tokio::sync::oneshot;

static USERS: Function = Function::new("tests::over_backend", "users");
/// The same function in a release that has raised its version.
static USERS_2: Function = Function::new("tests::over_backend", "users").version(2);

fn key(id: u64) -> Key<String> {
    USERS.key(&id).unwrap()
}

async fn get(cache: &Cache, id: u64, origin: &str) -> String {
    let compute = || async { Ok::<_, Error>(origin.to_owned()) };
    cache.get_or_compute(&key(id), compute).await.unwrap()
}

#[tokio::test]
async fn what_one_process_computes_the_others_find() {
    let fleet = Fleet::new();
    assert_eq!(get(&fleet.process(), 1, "first").await, "first");
    let other = fleet.process();
    assert_eq!(get(&other, 1, "second").await, "first");
    assert_eq!(other.stats().backend_hits, 1);
    assert_eq!(other.stats().computed, 0);
}

#[tokio::test]
async fn a_remote_hit_costs_one_call_of_the_backend() {
    let fleet = Fleet::new();
    get(&fleet.process(), 1, "first").await;
    let other = fleet.process();
    get(&other, 1, "second").await;
    let before = fleet.store.calls();
    get(&other, 1, "second").await; // in L1
    assert_eq!(fleet.store.calls(), before);
    fleet.time.advance(Duration::from_secs(6));
    get(&other, 1, "second").await;
    let after = fleet.store.calls();
    assert_eq!(after.get - before.get, 1);
    assert_eq!(after.set, before.set);
}

#[tokio::test]
async fn one_computation_in_the_whole_fleet() {
    let fleet = Fleet::new();
    let (go, wait) = oneshot::channel::<()>();
    let leader = tokio::spawn({
        let cache = fleet.process();
        async move {
            let slow = || async { wait.await.map(|()| "led".to_owned()) };
            cache.get_or_compute(&key(1), slow).await.unwrap()
        }
    });
    tokio::task::yield_now().await;
    let followers: Vec<_> = (0..5)
        .map(|_| {
            let cache = fleet.process();
            tokio::spawn(async move { get(&cache, 1, "followed").await })
        })
        .collect();
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    assert_eq!(leader.await.unwrap(), "led");
    for follower in followers {
        until(|| {
            fleet.time.advance(Duration::from_millis(50));
            follower.is_finished()
        })
        .await;
        assert_eq!(follower.await.unwrap(), "led");
    }
}

#[tokio::test]
async fn a_leader_that_is_dropped_hands_its_lead_back() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let dead = tokio::spawn(async move {
        cache
            .get_or_compute(&key(1), std::future::pending::<Result<String, Error>>)
            .await
    });
    // Twice for the list of releases, once for the entry.
    until(|| fleet.store.calls().get == 3).await;
    dead.abort();
    assert!(dead.await.unwrap_err().is_cancelled());
    until(|| fleet.store.calls().release == 1).await;
    // The call is counted before it has taken effect: the second may have to ask twice.
    let cache = fleet.process();
    let second = tokio::spawn(async move { get(&cache, 1, "second").await });
    until(|| {
        fleet.time.advance(Duration::from_millis(10));
        second.is_finished()
    })
    .await;
    assert_eq!(second.await.unwrap(), "second");
}

#[tokio::test]
async fn an_outage_never_fails_the_call() {
    let fleet = Fleet::new();
    fleet.store.set_outage(true);
    let cache = fleet.process();
    assert_eq!(get(&cache, 1, "computed").await, "computed");
    assert!(cache.stats().backend_errors > 0);
    let error = cache.get(&key(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn every_fault_of_the_backend_leaves_the_right_value() {
    for seed in 0..200 {
        let fleet = Fleet::new();
        let faults = Faults {
            seed,
            errors: 0.3,
            lost_replies: 0.3,
            ..Faults::default()
        };
        fleet.store.set_faults(faults);
        let (a, b) = (fleet.process(), fleet.process());
        for round in 0..5 {
            for cache in [&a, &b] {
                let got = tokio::spawn({
                    let cache = cache.clone();
                    async move { get(&cache, round, "right").await }
                });
                until(|| {
                    fleet.time.advance(Duration::from_millis(100));
                    got.is_finished()
                })
                .await;
                assert_eq!(got.await.unwrap(), "right", "seed {seed}");
            }
        }
    }
}

#[tokio::test]
async fn an_invalidation_in_another_process_beats_a_computation_that_began_before_it() {
    let fleet = Fleet::new();
    let (leader, invalidator) = (fleet.process(), fleet.process());
    let key = key(1);
    let result = leader.get_or_compute(&key, || async {
        invalidator.remove(&key).await?;
        Ok::<_, Error>("old".to_owned())
    });
    assert_eq!(result.await.unwrap(), "old");
    assert_eq!(leader.stats().superseded(), 1);
    // Not in L1 either.
    assert_eq!(get(&leader, 1, "new").await, "new");
    assert_eq!(get(&fleet.process(), 1, "newer").await, "new");
}

#[tokio::test]
async fn a_process_is_stale_for_at_most_the_l1_bound() {
    let fleet = Fleet::new();
    let (a, b) = (fleet.process(), fleet.process());
    get(&a, 1, "old").await;
    get(&b, 1, "old").await;
    a.remove(&key(1)).await.unwrap();
    assert_eq!(get(&a, 1, "new").await, "new");
    fleet.time.advance(Duration::from_secs(5));
    assert_eq!(get(&b, 1, "unused").await, "new");
}

#[tokio::test]
async fn without_l1_every_read_is_one_of_the_backend() {
    let fleet = Fleet::new();
    let mut config = Config::default();
    config.l1.enabled = false;
    let (a, b) = (
        fleet.process_with(config.clone()),
        fleet.process_with(config),
    );
    get(&a, 1, "old").await;
    get(&b, 1, "old").await;
    a.remove(&key(1)).await.unwrap();
    assert_eq!(get(&b, 1, "new").await, "new");
    assert_eq!(a.entries() + b.entries(), 0);
}

#[tokio::test]
async fn a_removal_in_one_release_reaches_the_entries_of_the_others() {
    let fleet = Fleet::new();
    let (old, new) = (fleet.process(), fleet.process());
    let (old_key, new_key) = (key(1), USERS_2.key::<String>(&1_u64).unwrap());
    get(&old, 1, "of the old release").await;
    let value = new.get_or_compute(&new_key, || async {
        Ok::<_, Error>("of the new".to_owned())
    });
    assert_eq!(value.await.unwrap(), "of the new");
    old.remove(&old_key).await.unwrap();
    fleet.time.advance(Duration::from_secs(5));
    assert_eq!(new.get(&new_key).await.unwrap(), None);
    new.set(&new_key, "again".to_owned()).await.unwrap();
    old.set(&old_key, "again".to_owned()).await.unwrap();
    new.remove(&new_key).await.unwrap();
    fleet.time.advance(Duration::from_secs(5));
    assert_eq!(old.get(&old_key).await.unwrap(), None);
}

#[tokio::test]
async fn a_release_whose_list_was_evicted_registers_again() {
    let fleet = Fleet::new();
    let (old, new) = (fleet.process(), fleet.process());
    let new_key = USERS_2.key::<String>(&1_u64).unwrap();
    new.set(&new_key, "v".to_owned()).await.unwrap();
    let list = StoreKey::new("tests.over_backend.users:releases").unwrap();
    fleet.store.remove(&list).await.unwrap();
    fleet.time.advance(Duration::from_secs(61));
    new.set(&new_key, "v".to_owned()).await.unwrap();
    old.remove(&key(1)).await.unwrap();
    fleet.time.advance(Duration::from_secs(5));
    assert_eq!(new.get(&new_key).await.unwrap(), None);
}

#[tokio::test]
async fn a_removal_that_did_not_reach_the_store_is_an_error() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    get(&cache, 1, "value").await;
    fleet.store.set_outage(true);
    let error = cache.remove(&key(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    // Here it is gone all the same.
    assert_eq!(get(&cache, 1, "new").await, "new");
}

#[tokio::test]
async fn a_damaged_entry_is_a_miss_and_is_led_again() {
    let fleet = Fleet::new();
    get(&fleet.process(), 1, "value").await;
    damage(&fleet, |entry| *entry.last_mut().unwrap() ^= 1).await;
    let cache = fleet.process();
    assert_eq!(get(&cache, 1, "healed").await, "healed");
    assert_eq!(cache.stats().corrupt, 1);
    assert_eq!(get(&fleet.process(), 1, "unused").await, "healed");
}

#[tokio::test]
async fn an_entry_of_a_later_version_is_a_miss_and_left_alone() {
    let fleet = Fleet::new();
    get(&fleet.process(), 1, "value").await;
    damage(&fleet, |entry| entry[2] = 99).await;
    let cache = fleet.process();
    assert_eq!(get(&cache, 1, "computed").await, "computed");
    assert_eq!(cache.stats().unknown_version, 1);
    let (_, entry) = entry_of(&fleet).await;
    assert_eq!(entry[2], 99);
}

#[tokio::test]
async fn the_lead_of_what_is_left_alone_is_handed_back() {
    let fleet = Fleet::new();
    get(&fleet.process(), 1, "value").await;
    damage(&fleet, |entry| entry[2] = 99).await;
    let (entry, _) = entry_of(&fleet).await;
    fleet.store.expire(&entry).await.unwrap();
    assert_eq!(get(&fleet.process(), 1, "computed").await, "computed");
    until(|| fleet.store.calls().release == 1).await;
    let want = Want::Lead {
        hold: Ttl::from_secs(1),
        early: Duration::ZERO,
        patience: Duration::ZERO,
    };
    let later_release = fleet.store.get(&entry, want).await.unwrap();
    assert!(matches!(later_release.lead, Lead::Mine(_)));
}

#[tokio::test]
async fn the_lead_is_renewed_while_the_computation_runs() {
    let fleet = Fleet::new();
    let (go, wait) = oneshot::channel::<()>();
    let slow = tokio::spawn({
        let cache = fleet.process();
        async move {
            let slow = || async { wait.await.map(|()| "slow".to_owned()) };
            cache.get_or_compute(&key(1), slow).await.unwrap()
        }
    });
    for renewal in 1..=5 {
        // The renewal, and the deadline of the flight.
        until(|| fleet.time.sleepers() == 2).await;
        fleet.time.advance(Duration::from_secs(5));
        until(|| fleet.store.calls().renew == renewal).await;
    }
    go.send(()).unwrap();
    assert_eq!(slow.await.unwrap(), "slow");
    assert_eq!(get(&fleet.process(), 1, "unused").await, "slow");
}

#[tokio::test]
async fn a_list_of_releases_that_is_away_is_asked_for_once_a_second() {
    let fleet = Fleet::new();
    fleet.store.set_outage(true);
    let cache = fleet.process();
    for id in 0..10 {
        get(&cache, id, "value").await;
    }
    // Each call asks for its entry, the first one for the list as well.
    assert_eq!(fleet.store.calls().get, 11);
    fleet.store.set_outage(false);
    fleet.time.advance(Duration::from_secs(1));
    get(&cache, 10, "value").await;
    assert_eq!(get(&fleet.process(), 10, "unused").await, "value");
}

#[tokio::test]
async fn the_many_forms_take_one_call_of_the_backend_each() {
    let fleet = Fleet::new();
    let (a, b) = (fleet.process(), fleet.process());
    let keys: Vec<_> = (0..20).map(key).collect();
    let entries = keys
        .iter()
        .cloned()
        .map(|key| (key, "value".to_owned()))
        .collect();
    assert!(a.set_many(entries).await.iter().all(Result::is_ok));
    let found = b.get_many(&keys).await;
    assert!(
        found
            .iter()
            .all(|found| matches!(found, Ok(Some(value)) if value == "value"))
    );
    assert!(a.remove_many(&keys).await.iter().all(Result::is_ok));
    let calls = fleet.store.calls();
    assert_eq!(
        (calls.set_many, calls.get_many, calls.remove_many),
        (1, 1, 1)
    );
    fleet.time.advance(Duration::from_secs(5));
    assert!(
        b.get_many(&keys)
            .await
            .iter()
            .all(|found| matches!(found, Ok(None)))
    );
    fleet.store.set_outage(true);
    assert!(a.expire_many(&keys).await.iter().all(Result::is_err));
}

#[tokio::test]
async fn peeking_takes_the_lead_from_no_one() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    assert_eq!(cache.get(&key(1)).await.unwrap(), None);
    assert!(matches!(cache.get_many(&[key(1)]).await[0], Ok(None)));
    let (store_key, _) = {
        get(&cache, 1, "value").await;
        entry_of(&fleet).await
    };
    fleet.store.remove(&store_key).await.unwrap();
    fleet.time.advance(Duration::from_secs(5));
    cache.get(&key(1)).await.unwrap();
    let want = Want::Lead {
        hold: Ttl::from_secs(2),
        early: Duration::ZERO,
        patience: Duration::ZERO,
    };
    let lookup = fleet.store.get(&store_key, want).await.unwrap();
    assert!(matches!(lookup.lead, Lead::Mine(_)));
}

/// The key and the bytes of the only entry of `key(1)`, found as an invalidation finds it.
async fn entry_of(fleet: &Fleet) -> (StoreKey, Vec<u8>) {
    let list = StoreKey::new("tests.over_backend.users:releases").unwrap();
    let list = fleet
        .store
        .get(&list, Want::Value)
        .await
        .unwrap()
        .found
        .unwrap()
        .value;
    let list = String::from_utf8(list.to_vec()).unwrap();
    let release = list.split(' ').nth(1).unwrap();
    let arguments = blake3::hash(&canonical(1)).to_hex()[..32].to_owned();
    let key = StoreKey::of_release("tests.over_backend.users", release, &arguments).unwrap();
    let found = fleet
        .store
        .get(&key, Want::Value)
        .await
        .unwrap()
        .found
        .unwrap();
    (key, found.value.to_vec())
}

fn canonical(id: u64) -> Vec<u8> {
    let mut buffer = cachekit_core::key::KeyBuffer::new();
    cachekit_core::key::write_argument(&mut buffer, &id).unwrap();
    buffer.bytes().to_vec()
}

async fn damage(fleet: &Fleet, damage: impl FnOnce(&mut Vec<u8>)) {
    let (key, mut entry) = entry_of(fleet).await;
    damage(&mut entry);
    fleet
        .store
        .set(&key, Bytes::from(entry), Ttl::from_secs(300), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_asked_for_all_the_time_is_computed_before_it_ends() {
    const POLICY: Policy = Policy::new().ttl(Duration::from_secs(60));
    static SLOW: Function = Function::new("tests::over_backend", "slow").policy(POLICY);
    let fleet = Fleet::new();
    let cache = fleet.process();
    for id in 0..20_u64 {
        let key: Key<u64> = SLOW.key(&id).unwrap();
        for _ in 0..400 {
            let compute = || async {
                fleet.time.advance(Duration::from_millis(500));
                Ok::<_, Error>(id)
            };
            assert_eq!(cache.get_or_compute(&key, compute).await.unwrap(), id);
            fleet.time.advance(Duration::from_millis(200));
        }
    }
    let stats = cache.stats();
    assert_eq!((stats.cold, stats.expired), (20, 0));
    assert_eq!(stats.refreshed, stats.computed - 20);
}
