//! What `#[removes]` removes, and when.

use std::future::Future;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::Poll;

use async_trait::async_trait;
use cachekit::clock::Clock;
use cachekit::{Cache, cached, removes};
use cachekit_core::testkit::{Faults, FaultyBackend, ReferenceBackend};

use crate::origin::Origin;

#[test]
fn after_ok_the_result_of_the_call_is_removed_and_after_an_error_it_is_not() {
    #[cached]
    fn profile(id: u32) -> u32 {
        id
    }
    #[removes(profile(id))]
    fn rename(id: u32, fails: bool) -> Result<u32, String> {
        if fails {
            return Err("no".to_owned());
        }
        let parsed: u32 = "7".parse().map_err(|_| "no number".to_owned())?;
        Ok(parsed + id)
    }
    profile(1);
    profile(2);
    assert_eq!(rename(1, true), Err("no".to_owned()));
    assert_eq!(profile::peek(1), Some(1));
    assert_eq!(rename(1, false), Ok(8));
    assert_eq!((profile::peek(1), profile::peek(2)), (None, Some(2)));
}

#[tokio::test]
async fn the_removal_follows_the_body_of_an_async_function_too() {
    static STORED: Mutex<String> = Mutex::new(String::new());
    #[cached]
    async fn profile(id: String) -> String {
        format!("{id} {}", STORED.lock().unwrap())
    }
    #[removes(profile(id))]
    async fn rename(id: String, to: String) -> Result<String, String> {
        assert!(profile::peek(id.clone()).await.is_some());
        tokio::task::yield_now().await;
        *STORED.lock().unwrap() = to;
        Ok(id) // the body may consume what the removal names
    }
    assert_eq!(profile("1".to_owned()).await, "1 ");
    rename("1".to_owned(), "bob".to_owned()).await.unwrap();
    assert_eq!(profile("1".to_owned()).await, "1 bob");
}

#[test]
fn any_value_of_a_function_without_a_result_is_a_success() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn count() -> usize {
        ORIGIN.ask();
        ORIGIN.asked()
    }
    #[removes(count())]
    fn nothing() {}
    #[removes(count())]
    fn none() -> Option<u32> {
        None
    }
    #[removes(count())]
    fn opaque() -> impl Iterator<Item = u32> {
        [1, 2].into_iter()
    }
    count();
    nothing();
    assert_eq!(count(), 2);
    assert_eq!(none(), None);
    assert_eq!(count(), 3);
    assert_eq!(opaque().sum::<u32>(), 3);
    assert_eq!(count(), 4);
}

type Fallible<T> = Result<T, String>;

#[derive(Clone)]
struct User {
    id: u32,
    team: String,
}

#[tokio::test]
async fn what_only_the_result_knows_is_named_by_it() {
    #[cached]
    async fn member(team: String, id: u32) -> String {
        team + &id.to_string()
    }
    #[removes(member(team, result.id), member(result.team, 7))]
    async fn create(team: String, id: u32) -> Fallible<User> {
        (id > 0)
            .then_some(User { id, team })
            .ok_or_else(String::new)
    }
    let team = || "a".to_owned();
    for id in [1, 7, 8] {
        member(team(), id).await;
    }
    assert!(create(team(), 0).await.is_err());
    assert!(member::peek(team(), 7).await.is_some());
    create(team(), 1).await.unwrap();
    assert!(member::peek(team(), 1).await.is_none());
    assert!(member::peek(team(), 7).await.is_none());
    assert!(member::peek(team(), 8).await.is_some());
}

mod library {
    use cachekit::cached;

    #[cached(companions = page_cache)]
    pub(crate) fn page(path: &str, size: usize) -> String {
        path.repeat(size)
    }

    #[cached]
    pub(crate) fn generic<T: Default + std::fmt::Debug>(id: u32) -> String {
        format!("{id} {:?}", T::default())
    }
}

#[test]
fn calls_are_named_as_they_are_written() {
    #[removes(library::page_cache(&path, size + 1), library::generic::<u8>(7))]
    fn change(path: String, size: usize) -> String {
        path + &size.to_string()
    }
    library::page("a", 3);
    library::page("a", 2);
    library::generic::<u8>(7);
    library::generic::<u16>(7);
    assert_eq!(change("a".to_owned(), 2), "a2");
    assert_eq!(library::page_cache::peek("a", 3), None);
    assert!(library::page_cache::peek("a", 2).is_some());
    assert_eq!(library::generic::peek::<u8>(7), None);
    assert!(library::generic::peek::<u16>(7).is_some());
}

struct Users {
    cache: Cache,
    names: Mutex<Vec<String>>,
}

impl Users {
    #[cached(skip(self), cache = self.cache)]
    pub(crate) fn name(&self, id: usize) -> Option<String> {
        self.names.lock().unwrap().get(id).cloned()
    }

    #[cached]
    pub(crate) fn of(id: u32) -> u32 {
        Self::doubled(id)
    }

    fn doubled(id: u32) -> u32 {
        id * 2
    }

    #[removes(self.name(id), Self::of(7))]
    fn rename(&self, id: usize, to: &str) -> Result<(), String> {
        let mut names = self.names.lock().unwrap();
        let name = names.get_mut(id).ok_or("no such user")?;
        to.clone_into(name);
        drop(names);
        Ok(())
    }

    #[removes(self.name(0))]
    fn shout(&mut self) -> &String {
        let first = self.names.get_mut().unwrap().first_mut().unwrap();
        first.make_ascii_uppercase();
        first
    }

    #[removes(self.name(*result))]
    async fn push(&mut self, name: String) -> usize {
        let names = self.names.get_mut().unwrap();
        tokio::task::yield_now().await;
        names.push(name);
        names.len() - 1
    }

    #[removes(self.name(id))]
    fn into_name(self: Arc<Self>, id: usize) -> String {
        let name = self.names.lock().unwrap()[id].clone();
        drop(self);
        name
    }
}

#[removes(Users::of(id))]
fn reset(id: u32) {
    let _used = id;
}

fn users() -> Users {
    Users {
        cache: Cache::in_process(),
        names: Mutex::new(vec!["ann".to_owned(), "bob".to_owned()]),
    }
}

#[test]
fn methods_remove_results_of_methods_in_the_cache_of_these() {
    let users = users();
    assert_eq!(users.name(1).as_deref(), Some("bob"));
    assert_eq!((Users::of(7), Users::of(8), Users::of(9)), (14, 16, 18));
    assert!(users.rename(2, "eve").is_err());
    assert_eq!(users.name_peek(1).flatten().as_deref(), Some("bob"));
    users.rename(1, "eve").unwrap();
    assert_eq!(users.name(1).as_deref(), Some("eve"));
    reset(8);
    let peeked = (Users::of_peek(7), Users::of_peek(8), Users::of_peek(9));
    assert_eq!(peeked, (None, None, Some(18)));
    let cache = users.cache.clone();
    assert_eq!(cache.entries(), 1);
    Arc::new(users).into_name(1);
    assert_eq!(cache.entries(), 0);
}

#[test]
fn a_method_that_changes_itself_may_return_a_part_of_it() {
    let mut users = users();
    assert_eq!(users.name(0).as_deref(), Some("ann"));
    assert_eq!(users.shout(), "ANN");
    assert_eq!(users.name(0).as_deref(), Some("ANN"));
}

#[tokio::test]
async fn the_result_of_a_method_that_changes_itself_may_name_what_is_removed_from_it() {
    let mut users = users();
    assert_eq!(users.name(2), None);
    users.name_prime(2, Some("old".to_owned())).unwrap();
    assert_eq!(users.push("eve".to_owned()).await, 2);
    assert_eq!(users.name(2).as_deref(), Some("eve"));
}

#[async_trait]
trait Store {
    async fn put(&self, id: usize, to: String) -> Result<usize, String>;
}

#[async_trait]
impl Store for Users {
    #[removes(self.name(id), self.name(*result))]
    async fn put(&self, id: usize, to: String) -> Result<usize, String> {
        tokio::task::yield_now().await;
        let mut names = self.names.lock().unwrap();
        *names.get_mut(id).ok_or("no such user")? = to;
        Ok(id - 1)
    }
}

#[tokio::test]
async fn methods_under_async_trait_remove_too() {
    let users = users();
    users.name(0);
    users.name(1);
    assert!(users.put(2, String::new()).await.is_err());
    assert_eq!(users.cache.entries(), 2);
    users.put(1, "eve".to_owned()).await.unwrap();
    assert_eq!(users.cache.entries(), 0);
    assert_eq!(users.name(1).as_deref(), Some("eve"));
}

#[tokio::test]
async fn tags_and_namespaces_are_removed_in_their_cache() {
    static CACHE: LazyLock<Cache> = LazyLock::new(Cache::in_process);
    #[cached(cache = CACHE, tags = ["user:{id}", "team:{{{team}}}"])]
    fn tagged(id: u32, team: &str) -> String {
        format!("{id} {team}")
    }
    #[cached(cache = CACHE, namespace = "removed")]
    fn spaced(id: u32) -> u32 {
        id
    }
    #[removes(tag = "user:{id}", cache = CACHE)]
    fn one(id: u32) {
        let _used = id;
    }
    #[removes(tag = "team:{{{team}}}", tag = "user:{result}:{team}", cache = &CACHE)]
    async fn team(team: String) -> usize {
        team.len()
    }
    #[removes(namespace = "removed", cache = CACHE)]
    fn space() {}
    let fill = || {
        tagged(1, "a");
        tagged(2, "b");
        spaced(3);
    };
    let there = || {
        (
            tagged::peek(1, "a").is_some(),
            tagged::peek(2, "b").is_some(),
            spaced::peek(3).is_some(),
        )
    };
    fill();
    one(1);
    assert_eq!(there(), (false, true, true));
    fill();
    assert_eq!(team("b".to_owned()).await, 1);
    assert_eq!(there(), (true, false, true));
    fill();
    space();
    assert_eq!(there(), (true, true, false));
}

#[tokio::test]
async fn an_argument_may_be_taken_apart() {
    #[cached]
    fn profile(id: u32) -> u32 {
        id
    }
    #[removes(profile(id), profile(*other))]
    async fn merge((id, other): (u32, &u32), mut rest: Vec<u32>) -> Vec<u32> {
        rest.push(id + other);
        rest
    }
    for id in 1..=3 {
        profile(id);
    }
    assert_eq!(merge((1, &2), vec![]).await, [3]);
    let peeked = [1, 2, 3].map(profile::peek);
    assert_eq!(peeked, [None, None, Some(3)]);
}

type Faulty = FaultyBackend<ReferenceBackend>;

/// A store that may fail, and a cache in front of it.
fn faulty() -> (Arc<Faulty>, Cache) {
    let store = ReferenceBackend::new(Clock::system());
    let store = Arc::new(FaultyBackend::new(
        store,
        Faults::default(),
        Clock::system(),
    ));
    let cache = Cache::builder().backend(Arc::clone(&store) as _).build();
    (store, cache)
}

#[tokio::test]
async fn a_removal_that_fails_is_counted_and_no_error_of_the_function() {
    #[cached(cache = cache, skip(cache))]
    async fn profile(cache: &Cache, id: u32) -> u32 {
        id
    }
    #[removes(profile(cache, id))]
    async fn rename(cache: &Cache, id: u32) -> Result<u32, String> {
        Ok(id)
    }
    #[removes(profile(cache, id))]
    fn rename_blocking(cache: &Cache, id: u32) -> Result<u32, String> {
        Ok(id)
    }
    let (store, cache) = faulty();
    profile(&cache, 1).await;
    store.set_outage(true);
    let before = cache.stats().backend_errors;
    assert_eq!(rename(&cache, 1).await, Ok(1));
    assert_eq!(rename_blocking(&cache, 1), Ok(1));
    assert_eq!(cache.stats().backend_errors, before + 2);
}

#[tokio::test]
async fn a_caller_who_is_dropped_after_the_body_does_not_keep_the_results() {
    #[cached(cache = cache, skip(cache))]
    async fn profile(cache: &Cache, id: u32) -> u32 {
        id
    }
    #[removes(profile(cache, id))]
    async fn rename(cache: &Cache, id: u32) {
        let _used = (cache, id);
    }
    let (_store, cache) = faulty();
    profile(&cache, 1).await;
    let mut renaming = Box::pin(rename(&cache, 1));
    let polled = std::future::poll_fn(|context| Poll::Ready(renaming.as_mut().poll(context)));
    assert!(polled.await.is_pending());
    drop(renaming);
    while profile::peek(&cache, 1).await.is_some() {
        tokio::task::yield_now().await;
    }
}
