//! Two processes in front of one store: what one has computed, the other finds.

use std::sync::{Arc, LazyLock};

use cachekit::clock::Clock;
use cachekit::{Backend, Cache, cached};
use cachekit_core::testkit::ReferenceBackend;
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use crate::origin::Origin;

/// Two caches, each with values of its own, in front of the same store.
struct Fleet {
    first: Cache,
    second: Cache,
}

impl Fleet {
    fn new() -> Self {
        let store: Arc<dyn Backend> = Arc::new(ReferenceBackend::new(Clock::system()));
        let process = || Cache::builder().backend(Arc::clone(&store)).build();
        Self {
            first: process(),
            second: process(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: Option<String>,
}

#[test]
fn a_sync_function_finds_what_another_process_has_computed() {
    static FLEET: LazyLock<Fleet> = LazyLock::new(Fleet::new);
    static ORIGIN: Origin = Origin::new();
    #[cached(cache = cache, skip(cache))]
    fn user(cache: &Cache, id: u64) -> Result<User, String> {
        ORIGIN.ask();
        Ok(User { id, name: None })
    }
    let Fleet { first, second } = &*FLEET;
    assert_eq!(user(first, 1), user(second, 1));
    assert_eq!(ORIGIN.asked(), 1);
    assert_eq!(user::peek(second, 1), Some(Ok(User { id: 1, name: None })));

    user::remove(second, 1).unwrap();
    assert_eq!(user::peek(second, 1), None);
    user(second, 1).unwrap();
    assert_eq!(ORIGIN.asked(), 2);

    let named = User {
        id: 2,
        name: Some("ann".to_owned()),
    };
    user::prime(first, 2, Ok(named.clone())).unwrap();
    assert_eq!(user(second, 2), Ok(named));
    assert_eq!(user::refresh(second, 2), Ok(User { id: 2, name: None }));
    assert_eq!(user::peek(second, 2), Some(Ok(User { id: 2, name: None })));
    assert_eq!(ORIGIN.asked(), 3);

    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { assert!(user(first, 3).is_ok() && user(second, 3).is_ok()) });
    assert_eq!(ORIGIN.asked(), 4);
}

#[tokio::test]
async fn an_async_function_finds_what_another_process_has_computed() {
    static FLEET: LazyLock<Fleet> = LazyLock::new(Fleet::new);
    static ORIGIN: Origin = Origin::new();
    #[cached(cache = cache, key = "user:{id}")]
    async fn user(cache: &Cache, id: u64) -> Option<User> {
        ORIGIN.ask();
        tokio::task::yield_now().await;
        (id > 0).then_some(User { id, name: None })
    }
    let Fleet { first, second } = &*FLEET;
    assert_eq!(user(first, 1).await, user(second, 1).await);
    assert_eq!(ORIGIN.asked(), 1);
    assert!(user(first, 0).await.is_none() && user(second, 0).await.is_none());
    assert_eq!(ORIGIN.asked(), 3);

    user::remove(second, 1).await.unwrap();
    assert_eq!(user::peek(second, 1).await, None);
    assert_eq!(
        user::refresh(second, 1).await,
        Some(User { id: 1, name: None })
    );
    assert!(user::peek(first, 1).await.is_some());
    assert_eq!(ORIGIN.asked(), 4);
}

#[tokio::test]
async fn a_detached_function_finds_what_another_process_has_computed() {
    static FLEET: LazyLock<Fleet> = LazyLock::new(Fleet::new);
    static ORIGIN: Origin = Origin::new();
    #[cached(cache = if first { &FLEET.first } else { &FLEET.second }, key = id)]
    async fn user(first: bool, id: u64) -> User {
        ORIGIN.ask();
        tokio::task::yield_now().await;
        User { id, name: None }
    }
    let (one, two) = tokio::join!(user(true, 1), user(false, 1));
    assert_eq!(one, two);
    assert_eq!(user(false, 1).await, one);
    assert_eq!(ORIGIN.asked(), 1, "one execution in the whole fleet");
}

#[tokio::test]
async fn local_values_do_not_leave_the_process() {
    static FLEET: LazyLock<Fleet> = LazyLock::new(Fleet::new);
    static ORIGIN: Origin = Origin::new();
    #[cached(cache = cache, skip(cache), local)]
    async fn user(cache: &Cache, id: u64) -> Arc<User> {
        ORIGIN.ask();
        Arc::new(User { id, name: None })
    }
    let Fleet { first, second } = &*FLEET;
    for cache in [first, second, first, second] {
        user(cache, 1).await;
    }
    assert_eq!(ORIGIN.asked(), 2);
}
