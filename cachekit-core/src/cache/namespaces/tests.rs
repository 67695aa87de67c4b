//! The tokens of namespaces without the engine.

use tokio::task::JoinSet;

use super::*;
use crate::cache::Cache;
use crate::config::Config;
use crate::testkit::{Faults, Fleet};

static USERS: Function = Function::new("tests::namespaces", "users").namespace("shop");
static ORDERS: Function = Function::new("tests::namespaces", "orders").namespace("shop");
static POSTS: Function = Function::new("tests::namespaces", "posts").namespace("blog");
static PLAIN: Function = Function::new("tests::namespaces", "plain");

/// How often the processes have asked the store.
fn reads(fleet: &Fleet) -> u64 {
    fleet.store.calls().get_many
}

async fn standing(cache: &Cache, function: &Function) -> Result<Option<Standing>> {
    cache
        .inner
        .namespaces
        .standing(&cache.inner, function)
        .await
}

async fn token(cache: &Cache, function: &Function) -> u64 {
    standing(cache, function).await.unwrap().unwrap().token
}

#[tokio::test]
async fn the_functions_of_a_namespace_share_a_token_and_those_of_another_have_another() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let shop = token(&cache, &USERS).await;
    assert_eq!(token(&cache, &ORDERS).await, shop);
    assert_eq!(token(&fleet.process(), &USERS).await, shop);
    assert_ne!(token(&cache, &POSTS).await, shop);
}

#[tokio::test]
async fn a_function_without_a_namespace_reads_no_token() {
    let fleet = Fleet::new();
    assert_eq!(standing(&fleet.process(), &PLAIN).await.unwrap(), None);
    assert_eq!(reads(&fleet), 0);
    assert_eq!(standing(&Cache::in_process(), &USERS).await.unwrap(), None);
}

#[tokio::test]
async fn a_token_is_read_once_in_half_the_bound_and_nothing_outlives_the_bound() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    token(&fleet.process(), &USERS).await;
    let (made, read_ms) = (reads(&fleet), cache.inner.clock.monotonic_ms());
    let bound = cache.inner.l1_bound();
    token(&cache, &USERS).await;
    fleet.time.advance(bound / 2 - Duration::from_millis(1));
    let known = standing(&cache, &USERS).await.unwrap().unwrap();
    assert_eq!(reads(&fleet) - made, 1);
    assert_eq!(known.until_ms, read_ms + millis(bound));
    fleet.time.advance(Duration::from_millis(1));
    token(&cache, &USERS).await;
    assert_eq!(reads(&fleet) - made, 2);
}

#[tokio::test]
async fn a_removed_namespace_has_another_token_here_at_once_and_elsewhere_within_the_bound() {
    let fleet = Fleet::new();
    let (here, there) = (fleet.process(), fleet.process());
    let (before, blog) = (token(&here, &USERS).await, token(&here, &POSTS).await);
    assert_eq!(token(&there, &USERS).await, before);
    here.remove_namespace("shop").await.unwrap();
    let after = token(&here, &USERS).await;
    assert_ne!(after, before);
    assert_eq!(
        token(&there, &USERS).await,
        before,
        "it may know nothing yet"
    );
    fleet.time.advance(there.inner.l1_bound() / 2);
    assert_eq!(token(&there, &USERS).await, after);
    assert_eq!(
        token(&there, &POSTS).await,
        blog,
        "another namespace is untouched"
    );
}

#[tokio::test]
async fn without_l1_a_removed_namespace_has_another_token_everywhere_at_once() {
    let fleet = Fleet::new();
    let (here, there) = (fleet.process_without_l1(), fleet.process_without_l1());
    let before = token(&there, &USERS).await;
    here.remove_namespace("shop").await.unwrap();
    assert_ne!(token(&there, &USERS).await, before);
}

#[tokio::test]
async fn callers_that_come_at_the_same_time_share_a_read() {
    let fleet = Fleet::new();
    let cache = fleet.process_without_l1();
    token(&cache, &USERS).await;
    let before = reads(&fleet);
    let delayed = Faults {
        delayed: 1.0,
        delay: Duration::from_millis(10),
        ..Faults::default()
    };
    fleet.store.set_faults(delayed);
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let cache = cache.clone();
        tasks.spawn(async move { token(&cache, &USERS).await });
    }
    while !tasks.is_empty() {
        tokio::task::yield_now().await;
        fleet.time.advance(Duration::from_millis(1));
        while tasks.try_join_next().is_some() {}
    }
    assert!(reads(&fleet) - before <= 2, "{}", reads(&fleet) - before);
}

#[tokio::test]
async fn a_token_that_cannot_be_reached_is_an_error_and_asked_for_once_a_second() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let before = token(&cache, &USERS).await;
    fleet.time.advance(cache.inner.l1_bound());
    fleet.store.set_outage(true);
    let asked = reads(&fleet);
    for _ in 0..10 {
        let error = standing(&cache, &USERS).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(reads(&fleet) - asked, 1);
    fleet.store.set_outage(false);
    fleet.time.advance(Duration::from_millis(RETRY_MS));
    assert_eq!(token(&cache, &USERS).await, before);
}

#[tokio::test]
async fn a_removal_that_does_not_arrive_is_an_error() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    fleet.store.set_outage(true);
    let error = cache.remove_namespace("shop").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn an_evicted_token_is_another_token() {
    let fleet = Fleet::new();
    let cache = fleet.process_without_l1();
    let before = token(&cache, &USERS).await;
    let key = tokens::namespace_key("", "shop").unwrap();
    fleet.store.backend().remove(&key).await.unwrap();
    assert_ne!(token(&cache, &USERS).await, before);
}

#[tokio::test]
async fn applications_with_different_namespaces_share_no_tokens() {
    let fleet = Fleet::new();
    let named = |namespace: &str| {
        let mut config = Config::default();
        config.l1.enabled = false;
        config.namespace = namespace.to_owned();
        fleet.process_with(config)
    };
    let (one, other) = (named("one"), named("other"));
    let before = token(&one, &USERS).await;
    other.remove_namespace("shop").await.unwrap();
    assert_eq!(token(&one, &USERS).await, before);
}
