//! Functions of many ids, with an entry for each.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use cachekit::clock::Clock;
use cachekit::{Cache, cached, removes};
use tokio::sync::Notify;

/// The lists of ids that an origin was asked for, each in order.
struct Lists(Mutex<Vec<Vec<u32>>>);

impl Lists {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn ask(&self, ids: &[u32]) {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        self.0.lock().unwrap().push(ids);
    }

    fn asked(&self) -> Vec<Vec<u32>> {
        self.0.lock().unwrap().clone()
    }
}

fn doubled(ids: Vec<u32>) -> HashMap<u32, u32> {
    ids.into_iter().map(|id| (id, 2 * id)).collect()
}

#[test]
fn only_what_is_missing_is_asked_for_and_once() {
    static LISTS: Lists = Lists::new();
    #[cached(many)]
    fn profiles(ids: Vec<u32>) -> HashMap<u32, u32> {
        LISTS.ask(&ids);
        doubled(ids)
    }
    assert_eq!(profiles(vec![1, 2, 1]), doubled(vec![1, 2]));
    assert_eq!(profiles(vec![2, 3]), doubled(vec![2, 3]));
    assert_eq!(profiles(vec![]), HashMap::new());
    assert_eq!(LISTS.asked(), [vec![1, 2], vec![3]]);
}

#[tokio::test]
async fn the_other_arguments_are_a_part_of_the_key_of_each() {
    static LISTS: Lists = Lists::new();
    #[cached(many = ids, key = "{tenant}:{ids}", tags = ["user:{ids}"], ttl = "1h")]
    async fn profiles(
        tenant: String,
        ids: Vec<u32>,
        fields: Vec<String>,
    ) -> Result<HashMap<u32, String>, String> {
        LISTS.ask(&ids);
        tokio::task::yield_now().await;
        if ids.contains(&0) {
            return Err(tenant);
        }
        let profile = |id| (id, format!("{tenant}{id}{}", fields.len()));
        Ok(ids.into_iter().map(profile).collect())
    }
    let of = |tenant: &str, ids| profiles(tenant.to_owned(), ids, vec![]);
    assert_eq!(of("a", vec![1, 2]).await.unwrap().len(), 2);
    assert_eq!(of("a", vec![2]).await.unwrap()[&2], "a20");
    assert_eq!(of("b", vec![2]).await.unwrap()[&2], "b20");
    assert_eq!(of("a", vec![0, 1]).await, Err("a".to_owned()));
    assert_eq!(LISTS.asked(), [vec![1, 2], vec![2], vec![0]]);

    let key = profiles::key("a".to_owned(), 2, vec![]).unwrap();
    let cached = cachekit::cache().get(&key).await.unwrap();
    assert_eq!(cached.as_deref(), Some("a20"));
    profiles::remove("a".to_owned(), 2, vec![]).await.unwrap();
    of("a", vec![1, 2]).await.unwrap();
    assert_eq!(LISTS.asked().last(), Some(&vec![2]));
}

#[test]
fn a_list_with_a_raw_name_is_an_id_in_the_key() {
    #[cached(many, key = "{type}", tags = ["type:{type}"])]
    fn kinds(r#type: Vec<u32>) -> HashMap<u32, u32> {
        doubled(r#type)
    }
    assert_eq!(kinds(vec![1, 2]), doubled(vec![1, 2]));
    kinds::remove(1).unwrap();
}

#[tokio::test]
async fn the_error_of_an_id_is_not_stored() {
    static LISTS: Lists = Lists::new();
    #[cached(many, companions = false)]
    async fn halves(mut ids: Vec<u32>) -> HashMap<u32, Result<u32, String>> {
        LISTS.ask(&ids);
        let last = ids.pop();
        let half = |id| {
            (
                id,
                if id % 2 == 0 {
                    Ok(id / 2)
                } else {
                    Err("odd".to_owned())
                },
            )
        };
        ids.into_iter().chain(last).map(half).collect()
    }
    for _ in 0..2 {
        let halves = halves(vec![4, 5]).await;
        assert_eq!((&halves[&4], &halves[&5]), (&Ok(2), &Err("odd".to_owned())));
    }
    assert_eq!(LISTS.asked(), [vec![4, 5], vec![5]]);
}

#[test]
fn a_condition_lets_the_whole_call_go_past_the_cache() {
    static LISTS: Lists = Lists::new();
    #[cached(many, condition = ids.len() > 1, skip(source))]
    fn profiles(source: &Lists, ids: Vec<u32>) -> HashMap<u32, u32> {
        source.ask(&ids);
        doubled(ids)
    }
    profiles(&LISTS, vec![1, 2]);
    profiles(&LISTS, vec![1]);
    profiles(&LISTS, vec![1, 2]);
    assert_eq!(LISTS.asked(), [vec![1, 2], vec![1]]);
}

struct Users {
    cache: Cache,
    lists: Lists,
}

#[async_trait]
trait Load {
    async fn load(&self, ids: Vec<u32>) -> HashMap<u32, u32>;
}

#[async_trait]
impl Load for Users {
    #[cached(many, skip(self), cache = self.cache)]
    async fn load(&self, ids: Vec<u32>) -> HashMap<u32, u32> {
        self.lists.ask(&ids);
        tokio::task::yield_now().await;
        doubled(ids)
    }
}

impl Users {
    #[cached(many, skip(self), cache = self.cache)]
    pub(crate) async fn profiles(&self, ids: Vec<u32>) -> HashMap<u32, u32> {
        self.load(ids).await
    }

    #[removes(self.profiles(id))]
    fn rename(&self, id: u32) {
        let _used = (self, id);
    }
}

#[tokio::test]
async fn methods_have_entries_for_each_id_too() {
    let users = Users {
        cache: Cache::in_process(),
        lists: Lists::new(),
    };
    assert_eq!(users.load(vec![1]).await, doubled(vec![1]));
    assert_eq!(users.profiles(vec![1, 2]).await, doubled(vec![1, 2]));
    assert_eq!(users.lists.asked(), [vec![1], vec![2]]);
    assert_eq!(users.cache.entries(), 4);
    users.rename(1);
    assert_eq!(users.cache.entries(), 3);
    users.profiles_expire(2).await.unwrap();
}

/// Lets the other tasks run until `done`.
async fn until(done: impl Fn() -> bool) {
    let clock = Clock::system();
    let deadline_ms = clock.monotonic_ms() + 60_000;
    while !done() {
        assert!(
            clock.monotonic_ms() < deadline_ms,
            "not done after a minute"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_body_runs_again_for_what_another_call_could_not_compute() {
    static LISTS: Lists = Lists::new();
    static FAILING: Notify = Notify::const_new();
    #[cached(many, key = "{ids}")]
    async fn names(
        ids: Vec<u32>,
        prefix: String,
        fails: bool,
    ) -> Result<HashMap<u32, String>, std::io::Error> {
        // An error that cannot be shared: those who wait compute for themselves.
        LISTS.ask(&ids);
        if fails {
            FAILING.notified().await;
            return Err(std::io::Error::other("away"));
        }
        Ok(ids
            .into_iter()
            .map(|id| (id, format!("{prefix}{id}")))
            .collect())
    }
    let failing = tokio::spawn(names(vec![1], String::new(), true));
    until(|| LISTS.asked() == [[1]]).await;
    let waiting = tokio::spawn(names(vec![1, 2], "n".to_owned(), false));
    until(|| LISTS.asked() == [[1], [2]]).await;
    FAILING.notify_one();
    assert!(failing.await.unwrap().is_err());
    let found = waiting.await.unwrap().unwrap();
    assert_eq!((&*found[&1], &*found[&2]), ("n1", "n2"));
    assert_eq!(LISTS.asked(), [[1], [2], [1]]);
}
