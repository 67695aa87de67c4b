//! Namespaces of functions.

use std::task::{Context, Waker};
use std::time::Duration;

use cachekit_core::Error;
use cachekit_core::cache::{Cache, Function, Key};
use cachekit_core::config::Config;
use cachekit_core::testkit::{Faults, Fleet};
use tokio::sync::oneshot;

static USERS: Function = Function::new("tests::namespaces", "users").namespace("shop");
static ORDERS: Function = Function::new("tests::namespaces", "orders").namespace("shop");
static POSTS: Function = Function::new("tests::namespaces", "posts").namespace("shop2");
static PLAIN: Function = Function::new("tests::namespaces", "plain");
static ALL: [&Function; 4] = [&USERS, &ORDERS, &POSTS, &PLAIN];

fn key(function: &'static Function) -> Key<String> {
    function.key(&1_u64).unwrap()
}

async fn get(cache: &Cache, function: &'static Function, origin: &str) -> String {
    let compute = || async { Ok::<_, Error>(origin.to_owned()) };
    cache.get_or_compute(&key(function), compute).await.unwrap()
}

#[tokio::test]
async fn a_removed_namespace_takes_the_entries_of_its_functions_and_no_others() {
    let cache = Cache::in_process();
    for function in ALL {
        get(&cache, function, "old").await;
    }
    cache.remove_namespace("shop").await.unwrap();
    let mut found = Vec::new();
    for function in ALL {
        found.push(get(&cache, function, "new").await);
    }
    assert_eq!(found, ["new", "new", "old", "old"]);
}

#[tokio::test]
async fn what_is_computed_while_its_namespace_is_removed_is_not_stored() {
    let cache = Cache::in_process();
    let compute = || async {
        cache.remove_namespace("shop").await?;
        Ok::<_, Error>("old".to_owned())
    };
    let returned = cache.get_or_compute(&key(&USERS), compute).await.unwrap();
    assert_eq!(returned, "old");
    assert_eq!(get(&cache, &USERS, "new").await, "new");
}

#[test]
fn a_namespace_is_removed_from_a_thread_as_well() {
    let cache = Cache::in_process();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(get(&cache, &USERS, "old"));
    cache.remove_namespace_blocking("shop").unwrap();
    assert_eq!(runtime.block_on(get(&cache, &USERS, "new")), "new");
}

#[tokio::test]
async fn an_empty_namespace_is_none() {
    let cache = Cache::in_process();
    get(&cache, &PLAIN, "old").await;
    cache.remove_namespace("").await.unwrap();
    assert_eq!(get(&cache, &PLAIN, "new").await, "old");
}

fn over_store(l1: bool) -> (Fleet, [Cache; 2]) {
    let fleet = Fleet::new();
    let process = || match l1 {
        true => fleet.process(),
        false => fleet.process_without_l1(),
    };
    let processes = [process(), process()];
    (fleet, processes)
}

#[tokio::test]
async fn a_removed_namespace_is_gone_everywhere_at_once_without_l1_and_within_its_bound_with_it() {
    for l1 in [false, true] {
        let (fleet, [here, there]) = over_store(l1);
        for function in ALL {
            get(&here, function, "old").await;
            assert_eq!(get(&there, function, "new").await, "old");
        }
        here.remove_namespace("shop").await.unwrap();
        if l1 {
            fleet.time.advance(Config::default().l1.max_age);
        }
        let mut found = Vec::new();
        for function in ALL {
            found.push(get(&there, function, "new").await);
            found.push(get(&here, function, "newer").await);
        }
        let expected = ["new", "new", "new", "new", "old", "old", "old", "old"];
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_single_removal_reaches_the_entry_that_others_find_now() {
    let (fleet, [here, there]) = over_store(true);
    get(&here, &USERS, "first").await;
    there.remove_namespace("shop").await.unwrap();
    get(&there, &USERS, "second").await;
    // This process may still have the old token.
    here.remove(&key(&USERS)).await.unwrap();
    fleet.time.advance(Config::default().l1.max_age);
    assert_eq!(get(&there, &USERS, "third").await, "third");
}

#[tokio::test]
async fn what_is_set_is_found_by_others_though_the_namespace_was_removed_by_them() {
    let (fleet, [here, there]) = over_store(true);
    get(&here, &USERS, "first").await;
    there.remove_namespace("shop").await.unwrap();
    here.set(&key(&USERS), "set".to_owned()).await.unwrap();
    assert_eq!(get(&there, &USERS, "computed").await, "set");
    fleet.time.advance(Config::default().l1.max_age);
    assert_eq!(get(&here, &USERS, "computed").await, "set");
}

#[tokio::test]
async fn what_another_process_removed_while_it_was_computed_is_not_for_who_came_after_the_bound() {
    for l1 in [false, true] {
        let (fleet, [here, there]) = over_store(l1);
        let (go, wait) = oneshot::channel::<()>();
        let leader = tokio::spawn({
            let cache = here.clone();
            async move {
                let slow = || async { wait.await.map(|()| "old".to_owned()) };
                cache.get_or_compute(&key(&USERS), slow).await.unwrap()
            }
        });
        tokio::task::yield_now().await;
        there.remove_namespace("shop").await.unwrap();
        fleet
            .time
            .advance(Config::default().l1.max_age + Duration::from_millis(1));
        let follower = tokio::spawn({
            let cache = here.clone();
            async move { get(&cache, &USERS, "new").await }
        });
        tokio::task::yield_now().await;
        go.send(()).unwrap();
        assert_eq!(leader.await.unwrap(), "old");
        assert_eq!(follower.await.unwrap(), "new");
        assert_eq!(get(&here, &USERS, "newest").await, "new");
    }
}

#[tokio::test]
async fn while_the_token_of_its_namespace_is_away_a_function_computes() {
    let (fleet, [here, _]) = over_store(true);
    get(&here, &USERS, "old").await;
    fleet.store.set_outage(true);
    fleet.time.advance(Duration::from_secs(600));
    assert_eq!(get(&here, &USERS, "new").await, "new");
    fleet.store.set_outage(false);
}

#[tokio::test]
async fn callers_that_are_dropped_while_they_ask_leave_no_old_token_to_those_who_wait() {
    static FIRST: Function = Function::new("tests::namespaces", "first").namespace("shop");
    let (fleet, [here, there]) = over_store(false);
    get(&here, &ORDERS, "old").await;
    there.remove_namespace("shop").await.unwrap();
    fleet.store.set_faults(Faults {
        delayed: 1.0,
        delay: Duration::from_secs(1),
        ..Faults::default()
    });
    let mut first = Box::pin(get(&here, &FIRST, "new"));
    let mut second = Box::pin(get(&here, &USERS, "new"));
    let mut third = Box::pin(get(&here, &ORDERS, "new"));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert!(third.as_mut().poll(&mut context).is_pending());
    drop(first);
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(second);
    fleet.store.set_faults(Faults::default());
    assert_eq!(third.await, "new");
}

#[tokio::test]
async fn what_is_removed_after_another_process_removed_the_namespace_is_not_found_here() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process(), fleet.process());
    get(&one, &USERS, "old").await;
    other.remove_namespace("shop").await.unwrap();
    one.remove(&key(&USERS)).await.unwrap();
    assert_eq!(one.get(&key(&USERS)).await.unwrap(), None);
}
