//! What a call would find, and why.

use std::time::Duration;

use cachekit_core::backend::{Backend, Ttl, Want};
use cachekit_core::cache::explanation::{Here, Outcome, Reason, TagStanding};
use cachekit_core::cache::{Arguments, Cache, Context, Function, Key, Local, Policy};
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::{Fleet, ManualClock};
use cachekit_core::{Error, ErrorKind};
use tokio::sync::oneshot;

const POLICY: Policy = Policy::new()
    .ttl(Duration::from_secs(100))
    .grace(Duration::from_secs(1_000));

static USERS: Function = Function::new("tests::explain", "users").policy(POLICY);
static STALE: Function =
    Function::new("tests::explain", "stale").policy(POLICY.stale_while_refresh());

fn key(id: &str) -> Key<String> {
    USERS.key(&id).unwrap()
}

async fn call(cache: &Cache, key: &Key<String>) {
    let compute = || async { Ok::<_, Error>("a value of somebody".to_owned()) };
    cache.get_or_compute(key, compute).await.unwrap();
}

#[tokio::test]
async fn what_was_never_computed_is_a_cold_miss_and_stays_one() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    for _ in 0..2 {
        let explanation = cache.explain(&key("a")).await;
        assert_eq!(explanation.outcome, Outcome::Miss);
        assert_eq!(explanation.reason, Some(Reason::Cold));
        assert_eq!(explanation.here, Here::Nothing);
        assert!(!explanation.computing);
    }
    assert_eq!(cache.stats(), fleet.process().stats());
    let calls = fleet.store.calls();
    assert_eq!((calls.get, calls.set, calls.release), (2, 0, 0));
}

#[tokio::test]
async fn an_explanation_leaves_the_lead_to_a_caller() {
    let fleet = Fleet::new();
    fleet.process().explain(&key("a")).await;
    call(&fleet.process(), &key("a")).await;
    assert_eq!(
        fleet.process().explain(&key("a")).await.outcome,
        Outcome::Hit
    );
}

#[tokio::test]
async fn a_hit_in_this_process_is_told_from_one_in_the_backend() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process(), fleet.process());
    call(&one, &key("a")).await;
    fleet.time.advance(Duration::from_secs(2));
    let here = one.explain(&key("a")).await;
    assert_eq!((here.outcome, here.reason), (Outcome::Hit, None));
    assert!(matches!(here.here, Here::Fresh { .. }), "{here}");

    let there = other.explain(&key("a")).await;
    assert_eq!((there.outcome, there.reason), (Outcome::Hit, None));
    assert_eq!(there.here, Here::Nothing);
    let entry = there.stored.unwrap().entry.unwrap();
    assert_eq!(entry.age, Duration::from_secs(2));
    assert!(entry.ttl > Duration::from_secs(89) && entry.ttl <= Duration::from_secs(100));
    assert_eq!(entry.fresh, entry.ttl - entry.age);
    assert_eq!(entry.grace, Duration::from_secs(1_000));
    assert!(entry.bytes > "a value of somebody".len());
}

#[tokio::test]
async fn an_entry_in_grace_says_how_it_came_there() {
    let fleet = Fleet::new();
    let (cache, expired, invalidated) = (fleet.process(), key("expired"), key("invalidated"));
    call(&cache, &expired).await;
    fleet.time.advance(Duration::from_secs(101));
    call(&cache, &invalidated).await;
    cache.expire(&invalidated).await.unwrap();
    for (key, reason) in [
        (expired, Reason::Expired),
        (invalidated, Reason::Invalidated),
    ] {
        let explanation = fleet.process().explain(&key).await;
        assert_eq!(explanation.outcome, Outcome::Miss);
        assert_eq!(explanation.reason, Some(reason));
        let entry = explanation.stored.unwrap().entry.unwrap();
        assert_eq!(entry.fresh, Duration::ZERO);
        assert!(entry.grace > Duration::ZERO);
    }
}

#[tokio::test]
async fn what_is_served_while_it_is_refreshed_is_stale() {
    let fleet = Fleet::new();
    let key = STALE.key(&1).unwrap();
    call(&fleet.process(), &key).await;
    fleet.time.advance(Duration::from_secs(101));
    let explanation = fleet.process().explain(&key).await;
    assert_eq!(explanation.outcome, Outcome::Stale);
    assert_eq!(explanation.reason, Some(Reason::Expired));
}

#[tokio::test]
async fn a_removed_tag_is_told_from_one_that_stands() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let compute = || async {
        for tag in ["team:secret", "site:secret"] {
            Context::current().tag(tag);
        }
        Ok::<_, Error>(String::new())
    };
    // The first computation makes the tokens, the second one may use them.
    for id in ["first", "second"] {
        cache.get_or_compute(&key(id), compute).await.unwrap();
        fleet.time.advance(Duration::from_millis(10));
    }
    let explanation = fleet.process().explain(&key("second")).await;
    assert_eq!(explanation.outcome, Outcome::Hit, "{explanation}");

    cache.remove_tag("team:secret").await.unwrap();
    let explanation = fleet.process().explain(&key("second")).await;
    assert_eq!(explanation.outcome, Outcome::Miss);
    assert_eq!(explanation.reason, Some(Reason::Tag));
    assert!(!explanation.to_string().contains("secret"));
    let entry = explanation.stored.unwrap().entry.unwrap();
    let standings: Vec<_> = entry.tags.iter().map(|tag| tag.standing).collect();
    assert_eq!(standings.len(), 2);
    assert!(standings.contains(&TagStanding::Valid));
    assert!(standings.contains(&TagStanding::Removed));
}

/// A key that a store sees as it is.
fn readable(id: &str) -> Key<String> {
    let mut key = Arguments::readable(&USERS);
    key.text(id);
    key.into_key().unwrap()
}

/// Where the entry of a readable key lies.
async fn place(fleet: &Fleet, id: &str) -> StoreKey {
    let explanation = fleet.process().explain(&readable(id)).await;
    let stored = explanation.stored.unwrap();
    let key = StoreKey::of_release("tests.explain.users", &stored.release, id).unwrap();
    assert_eq!(key.digest(), stored.key);
    key
}

#[tokio::test]
async fn a_damaged_entry_and_one_of_another_key_are_told_apart() {
    let fleet = Fleet::new();
    call(&fleet.process(), &readable("a")).await;
    let (a, b) = (place(&fleet, "a").await, place(&fleet, "b").await);
    let entry = fleet.store.get(&a, Want::Value).await.unwrap();
    let entry = entry.found.unwrap().value;
    let ttl = Ttl::from_secs(60);
    fleet.store.set(&b, entry.clone(), ttl, None).await.unwrap();
    let damaged = entry.slice(..entry.len() - 1);
    fleet.store.set(&a, damaged, ttl, None).await.unwrap();
    for (id, reason) in [("a", Reason::Corrupt), ("b", Reason::OtherKey)] {
        let explanation = fleet.process().explain(&readable(id)).await;
        assert_eq!(explanation.outcome, Outcome::Miss);
        assert_eq!(explanation.reason, Some(reason));
    }
    let left_alone = fleet.store.get(&b, Want::Value).await.unwrap();
    assert_eq!(left_alone.found.unwrap().value, entry);
}

#[tokio::test]
async fn a_backend_that_is_away_is_no_miss() {
    let fleet = Fleet::new();
    fleet.store.set_outage(true);
    let explanation = fleet.process().explain(&key("a")).await;
    assert_eq!(explanation.reason, Some(Reason::Away));
    let error = explanation.stored.unwrap().error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_computation_that_runs_is_waited_for() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let (go, wait) = oneshot::channel::<()>();
    let leader = tokio::spawn({
        let cache = cache.clone();
        async move {
            let slow = || async { wait.await.map(|()| String::new()) };
            cache.get_or_compute(&key("a"), slow).await.unwrap()
        }
    });
    while cache.stats().computed == 0 {
        tokio::task::yield_now().await;
    }
    let explanation = cache.explain(&key("a")).await;
    assert!(explanation.computing);
    assert_eq!(explanation.outcome, Outcome::Coalesced);
    assert!(!fleet.process().explain(&key("a")).await.computing);
    go.send(()).unwrap();
    leader.await.unwrap();
    assert!(!cache.explain(&key("a")).await.computing);
}

#[tokio::test]
async fn a_namespace_without_a_token_is_not_given_one() {
    static SHOP: Function = Function::new("tests::explain", "shop").namespace("shop");
    let fleet = Fleet::new();
    let key: Key<String> = SHOP.key(&1).unwrap();
    let explanation = fleet.process().explain(&key).await;
    assert_eq!(explanation.reason, Some(Reason::Cold));
    let calls = fleet.store.calls();
    assert_eq!((calls.set, calls.set_many), (0, 0));
    call(&fleet.process(), &key).await;
    assert_eq!(fleet.process().explain(&key).await.outcome, Outcome::Hit);
}

#[tokio::test]
async fn without_a_backend_only_this_process_is_told_of() {
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let cold = cache.explain(&key("a")).await;
    assert_eq!(
        (cold.outcome, cold.reason),
        (Outcome::Miss, Some(Reason::Cold))
    );
    call(&cache, &key("a")).await;
    let hit = cache.explain(&key("a")).await;
    assert_eq!(hit.outcome, Outcome::Hit);
    assert!(hit.stored.is_none());
    time.advance(Duration::from_secs(101));
    let expired = cache.explain(&key("a")).await;
    assert_eq!(expired.here, Here::Grace { throttled: false });
    assert_eq!(
        (expired.outcome, expired.reason),
        (Outcome::Miss, Some(Reason::Expired))
    );
}

#[tokio::test]
async fn a_value_that_stays_in_the_process_is_not_said_to_lack_a_backend() {
    let cache = Fleet::new().process();
    let local: Key<String, Local> = key("a").form();
    let told = cache.explain(&local).await;
    assert!(told.stored.is_none());
    assert!(
        told.to_string().ends_with("kept in this process only"),
        "{told}"
    );
}

#[tokio::test]
async fn neither_arguments_nor_values_are_shown() {
    let fleet = Fleet::new();
    let key = key("argument of somebody");
    call(&fleet.process(), &key).await;
    let explanation = fleet.process().explain(&key).await;
    for shown in [format!("{explanation}"), format!("{explanation:?}")] {
        assert!(shown.contains("tests.explain.users"), "{shown}");
        assert!(!shown.contains("somebody"), "{shown}");
    }
}
