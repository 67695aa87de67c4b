//! What stands beside a cached function.

use std::collections::HashMap;
use std::sync::LazyLock;

use cachekit::explanation::Outcome;
use cachekit::{Cache, cached};

use crate::origin::Origin;

#[test]
fn a_sync_function_has_blocking_companions() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn profile(id: u32) -> u32 {
        ORIGIN.ask();
        id + 1
    }
    assert_eq!(profile::peek(1), None);
    assert_eq!(profile(1), 2);
    assert_eq!(profile::peek(1), Some(2));
    profile::remove(1).unwrap();
    assert_eq!(profile::peek(1), None);
    profile::prime(1, 9).unwrap();
    assert_eq!(profile(1), 9);
    assert_eq!(profile::uncached(1), 2);
    assert_eq!(profile(1), 9);
    assert_eq!(profile::refresh(1), 2);
    assert_eq!(profile(1), 2);
    profile::expire(1).unwrap();
    profile(1);
    assert_eq!(ORIGIN.asked(), 4);
}

#[tokio::test]
async fn an_async_function_has_async_companions() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    async fn profile(id: u32) -> Result<u32, String> {
        ORIGIN.ask();
        if id == 0 {
            Err("zero".to_owned())
        } else {
            Ok(id + 1)
        }
    }
    assert_eq!(profile::peek(1).await, None);
    assert_eq!(profile(1).await, Ok(2));
    assert_eq!(profile::peek(1).await, Some(Ok(2)));
    profile::remove(1).await.unwrap();
    assert_eq!(profile::peek(1).await, None);
    profile::prime(1, Ok(9)).await.unwrap();
    assert_eq!(profile(1).await, Ok(9));
    assert_eq!(profile::uncached(1).await, Ok(2));
    assert_eq!(profile::refresh(1).await, Ok(2));
    assert_eq!(profile(1).await, Ok(2));
    profile::expire(1).await.unwrap();
    assert_eq!(profile(1).await, Ok(2));
    assert_eq!(ORIGIN.asked(), 4);
}

#[tokio::test]
async fn priming_with_what_is_not_to_be_stored_stores_nothing() {
    #[cached(unless = result.is_empty())]
    fn blocking(id: u32) -> String {
        "x".repeat(id as usize)
    }
    #[cached(unless = result.is_empty())]
    async fn detached(id: u32) -> String {
        "x".repeat(id as usize)
    }
    blocking::prime(1, String::new()).unwrap();
    assert_eq!((blocking::peek(1), &*blocking(1)), (None, "x"));
    detached::prime(1, String::new()).await.unwrap();
    assert_eq!((detached::peek(1).await, &*detached(1).await), (None, "x"));
}

#[tokio::test]
async fn priming_with_an_error_stores_nothing() {
    #[cached]
    async fn profile(id: u32) -> Result<u32, String> {
        Ok(id)
    }
    profile::prime(1, Err("no".to_owned())).await.unwrap();
    assert_eq!(profile::peek(1).await, None);
    assert_eq!(profile(1).await, Ok(1));
}

#[test]
fn a_refresh_that_fails_returns_the_error() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn flaky(id: u32) -> Result<u32, String> {
        ORIGIN.ask();
        if ORIGIN.asked() == 1 {
            Ok(id)
        } else {
            Err("away".to_owned())
        }
    }
    assert_eq!(flaky(1), Ok(1));
    assert_eq!(flaky::refresh(1), Err("away".to_owned()));
}

#[test]
fn companions_take_borrowed_and_destructured_arguments_and_patterns() {
    #[cached]
    fn sum((a, b): (u32, u32), list: &[u32], _: &str, mut c: u32) -> u32 {
        c += list.iter().sum::<u32>();
        a + b + c
    }
    assert_eq!(sum((1, 2), &[3], "", 4), 10);
    assert_eq!(sum::peek((1, 2), &[3], "other", 4), Some(10));
    sum::remove((1, 2), &[3], "", 4).unwrap();
    assert_eq!(sum::refresh((1, 2), &[3], "", 4), 10);
}

type Fallible<T> = Result<T, String>;

#[tokio::test]
async fn the_key_of_a_call_is_one_for_the_cache() {
    #[cached]
    fn profile(id: String) -> Result<Option<u32>, String> {
        Ok(id.parse().ok())
    }
    #[cached(skip(label), condition = id > 0, local)]
    async fn page(id: u32, label: &str) -> String {
        label.repeat(id as usize)
    }
    let cache = cachekit::cache();
    let key = profile::key("1".to_owned()).unwrap();
    assert_eq!(cache.get(&key).await.unwrap(), None);
    profile("1".to_owned()).unwrap();
    assert_eq!(cache.get(&key).await.unwrap(), Some(Some(1)));
    cache.set(&key, Some(9)).await.unwrap();
    assert_eq!(profile("1".to_owned()), Ok(Some(9)));

    page(2, "a").await;
    let key = page::key(2, "b").unwrap();
    assert_eq!(cache.get(&key).await.unwrap(), Some("aa".to_owned()));
    assert_eq!(Service.private(7), 7);
    let key = Service.private_key(7).unwrap();
    assert_eq!(cache.get(&key).await.unwrap(), Some(7));
}

#[test]
fn a_function_says_what_has_happened_with_it() {
    #[cached]
    fn profile(id: u32) -> u32 {
        id
    }
    assert_eq!(profile::stats().computed, 0);
    profile(1);
    profile(1);
    profile(2);
    assert_eq!(profile::stats().computed, 2);
    Service.count(7);
    assert_eq!(Service::counted_stats().computed, 1);
}

#[test]
fn the_key_of_a_function_that_hides_its_result_behind_a_name_is_refused() {
    #[cached]
    fn profile(id: u32) -> Fallible<u32> {
        Ok(id)
    }
    assert_eq!(profile(1), Ok(1));
    let error = profile::key(1).unwrap_err();
    assert_eq!(error.kind(), cachekit::ErrorKind::InvalidKey);
    assert!(error.to_string().contains("alias"), "{error}");
}

mod library {
    use cachekit::cached;

    #[cached]
    pub(crate) fn exported(id: u32) -> u32 {
        id
    }

    #[cached(companions = renamed)]
    pub(super) fn u64(id: u32) -> u32 {
        id
    }

    #[cached(companions = false)]
    pub(crate) fn alone(id: u32) -> u32 {
        id
    }
}

use library::exported;
use library::exported as imported;

#[test]
fn companions_are_as_visible_as_the_function() {
    assert_eq!(exported(1), 1);
    assert_eq!(imported::peek(1), Some(1));
    assert_eq!(library::u64(1), 1);
    assert_eq!(library::renamed::peek(1), Some(1));
    assert_eq!(library::alone(1), 1);
}

struct Service;

impl Service {
    #[cached(skip(self), companions = cached_load)]
    fn load(&self, id: u32) -> u32 {
        id
    }

    #[cached(skip(self), companions = counted)]
    fn count(&self, id: u32) -> u32 {
        id
    }

    #[cached(skip(self), companions = true)]
    fn private(&self, id: u32) -> u32 {
        id
    }

    #[cfg(any())]
    #[cached(skip(self))]
    pub(crate) fn absent(&self, id: Missing) -> Missing {
        id
    }
}

#[cfg(any())]
#[cached]
fn absent(id: Missing) -> Missing {
    id
}

#[cached]
#[cfg(any())]
fn absent_below(id: Missing) -> Missing {
    id
}

#[test]
fn the_companions_of_a_method_may_be_named_and_forced() {
    assert_eq!(Service.load(1), 1);
    assert_eq!(Service.cached_load_peek(1), Some(1));
    assert_eq!(Service.private(1), 1);
    assert_eq!(Service.private_peek(1), Some(1));
}

#[test]
fn explain_says_what_a_call_would_find_and_computes_nothing() {
    #[cached(tags = ["user:{id}"])]
    fn profile(id: u32) -> u32 {
        id + 1
    }
    #[cached(condition = *cachable)]
    fn guarded(cachable: &bool) -> bool {
        *cachable
    }
    assert_eq!(profile::explain(1).outcome, Outcome::Miss);
    profile(1);
    assert_eq!(profile::explain(1).outcome, Outcome::Hit);
    assert_eq!(profile::explain(2).outcome, Outcome::Miss);
    assert_eq!(profile::stats().computed, 1);
    assert!(!guarded(&false));
    assert_eq!(guarded::explain(&false).outcome, Outcome::Bypass);
}

#[tokio::test]
async fn explain_of_a_call_for_many_ids_takes_one() {
    #[cached(many, tags = ["user:{ids}"])]
    async fn profiles(ids: Vec<u32>) -> HashMap<u32, u32> {
        ids.into_iter().map(|id| (id, id + 1)).collect()
    }
    profiles(vec![1]).await;
    assert_eq!(profiles::explain(1).await.outcome, Outcome::Hit);
    assert_eq!(profiles::explain(2).await.outcome, Outcome::Miss);
}

#[tokio::test]
async fn what_is_stored_by_its_key_has_the_tags_that_the_function_declares() {
    static CACHE: LazyLock<Cache> = LazyLock::new(Cache::in_process);
    #[cached(cache = CACHE, tags = ["user:{id}"])]
    fn name(id: u32) -> u32 {
        id
    }
    CACHE.set(&name::key(1).unwrap(), 7).await.unwrap();
    assert_eq!(name(1), 7);
    CACHE.remove_tag("user:1").await.unwrap();
    assert_eq!(name(1), 1);

    let key = name::key(2).unwrap();
    let compute = async || Ok::<_, std::convert::Infallible>(8);
    assert_eq!(CACHE.get_or_compute(&key, compute).await, Ok(8));
    CACHE.remove_tag("user:2").await.unwrap();
    assert_eq!(name(2), 2);
}
