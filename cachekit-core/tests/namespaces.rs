//! Namespaces of functions.

use cachekit_core::Error;
use cachekit_core::cache::{Cache, Function, Key};

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
