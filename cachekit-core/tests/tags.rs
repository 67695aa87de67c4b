//! Tags of entries, through calls of cached functions: in this process, and over a store that
//! processes share.

use std::convert::Infallible;
use std::time::Duration;

use cachekit_core::backend::Backend;
use cachekit_core::cache::{
    Arguments, Cache, Call, Context, ErrorProbe, Function, OfPlain, Policy, Probe, SayNothing,
    ShareNone, Tags, Voice,
};
use cachekit_core::config::Config;
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::{Fleet, ManualClock};
use tokio::sync::oneshot;
use xxhash_rust::xxh3::xxh3_64;

static USERS: Function = Function::new("tests::tags", "users").policy(
    Policy::new()
        .ttl(Duration::from_secs(60))
        .grace(Duration::from_secs(600)),
);

async fn call(cache: &Cache, names: &[&str], compute: impl Future<Output = String>) -> String {
    let kind = Probe::<String>::new().kind();
    let probe = ErrorProbe::<Infallible>::new(kind);
    let voice = Voice::new(probe.share(), probe.say());
    let mut tags = Tags::new();
    names.iter().for_each(|name| tags.push(name));
    let call = Call::new(kind, cache, Arguments::new(&USERS)).tags(tags);
    call.run_inline(None, |_| false, voice, compute).await
}

async fn get(cache: &Cache, names: &[&str], origin: &str) -> String {
    call(cache, names, async { origin.to_owned() }).await
}

/// An entry that names its tag while it is computed.
async fn get_named_late(cache: &Cache, time: &ManualClock, name: &str, origin: &str) -> String {
    let compute = async {
        Context::current().tag(name);
        time.advance(Duration::from_millis(10));
        origin.to_owned()
    };
    call(cache, &[], compute).await
}

fn token_key(name: &str) -> StoreKey {
    StoreKey::new(format!("#tag:{:016x}", xxh3_64(name.as_bytes()))).unwrap()
}

#[tokio::test]
async fn a_removed_tag_ends_its_entries_and_no_others() {
    for cache in [Cache::in_process(), Fleet::new().process()] {
        get(&cache, &["a", "b"], "old").await;
        cache.remove_tag("c").await.unwrap();
        assert_eq!(get(&cache, &["a", "b"], "new").await, "old");
        cache.remove_tag("b").await.unwrap();
        assert_eq!(get(&cache, &["a", "b"], "new").await, "new");
        assert_eq!(get(&cache, &["a", "b"], "newer").await, "new");
    }
}

#[tokio::test]
async fn a_removed_tag_ends_its_entries_in_other_processes_within_the_bound() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process(), fleet.process());
    get(&one, &["a"], "old").await;
    assert_eq!(get(&other, &["a"], "new").await, "old");
    one.remove_tag("a").await.unwrap();
    fleet.time.advance(Config::default().l1.max_age);
    assert_eq!(get(&other, &["a"], "new").await, "new");
    assert_eq!(get(&one, &["a"], "newer").await, "new");
}

#[tokio::test]
async fn without_l1_a_removed_tag_ends_its_entries_everywhere_at_once() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process_without_l1(), fleet.process_without_l1());
    get(&one, &["a"], "old").await;
    one.remove_tag("a").await.unwrap();
    assert_eq!(get(&other, &["a"], "new").await, "new");
}

#[tokio::test]
async fn what_is_computed_while_its_tag_is_removed_is_not_stored() {
    let fleet = Fleet::new();
    for cache in [Cache::in_process(), fleet.process()] {
        let compute = async {
            cache.remove_tag("a").await.unwrap();
            "old".to_owned()
        };
        assert_eq!(call(&cache, &["a"], compute).await, "old");
        assert_eq!(get(&cache, &["a"], "new").await, "new");
    }
    assert_eq!(get(&fleet.process(), &["a"], "newest").await, "new");
}

#[tokio::test]
async fn who_joins_after_a_removal_does_not_get_what_began_before_it() {
    let fleet = Fleet::new();
    for cache in [Cache::in_process(), fleet.process()] {
        let (go, wait) = oneshot::channel::<()>();
        let leader = tokio::spawn({
            let cache = cache.clone();
            async move {
                let slow = async {
                    wait.await.unwrap();
                    "old".to_owned()
                };
                call(&cache, &["a"], slow).await
            }
        });
        tokio::task::yield_now().await;
        cache.remove_tag("a").await.unwrap();
        let follower = tokio::spawn({
            let cache = cache.clone();
            async move { get(&cache, &["a"], "new").await }
        });
        tokio::task::yield_now().await;
        go.send(()).unwrap();
        assert_eq!(leader.await.unwrap(), "old");
        while !follower.is_finished() {
            fleet.time.advance(Duration::from_millis(250)); // it waits for the lead
            tokio::task::yield_now().await;
        }
        assert_eq!(follower.await.unwrap(), "new");
    }
}

#[tokio::test]
async fn an_evicted_token_is_a_miss_and_never_stale() {
    let fleet = Fleet::new();
    let cache = fleet.process_without_l1();
    get(&cache, &["a"], "old").await;
    fleet.store.backend().remove(&token_key("a")).await.unwrap();
    assert_eq!(get(&cache, &["a"], "new").await, "new");
}

#[tokio::test]
async fn a_tag_that_the_code_declares_and_the_entry_lacks_makes_it_invalid_once() {
    let fleet = Fleet::new();
    let cache = fleet.process_without_l1();
    get(&cache, &["a"], "old").await;
    assert_eq!(get(&cache, &["a", "b"], "new").await, "new");
    assert_eq!(get(&cache, &["a", "b"], "newer").await, "new");
}

#[tokio::test]
async fn a_clock_that_is_wrong_makes_no_difference_to_a_removal() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process_without_l1(), fleet.process_without_l1());
    get(&one, &["a"], "old").await;
    fleet.time.step_back(Duration::from_secs(900));
    one.remove_tag("a").await.unwrap();
    assert_eq!(get(&other, &["a"], "new").await, "new");
}

#[tokio::test]
async fn a_tag_named_while_computing_ends_the_entry_like_a_declared_one() {
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    get_named_late(&cache, &time, "a", "old").await;
    assert_eq!(get_named_late(&cache, &time, "a", "new").await, "old");
    cache.remove_tag("a").await.unwrap();
    assert_eq!(get_named_late(&cache, &time, "a", "new").await, "new");
}

#[tokio::test]
async fn over_a_store_a_tag_named_while_computing_is_stored_from_the_second_time_on() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process_without_l1(), fleet.process_without_l1());
    for origin in ["first", "second"] {
        assert_eq!(get_named_late(&one, &fleet.time, "a", origin).await, origin);
        fleet.time.advance(Duration::from_millis(10));
    }
    assert_eq!(get(&other, &[], "third").await, "second");
    one.remove_tag("a").await.unwrap();
    assert_eq!(get(&other, &[], "third").await, "third");
}

#[tokio::test]
async fn what_was_computed_during_a_removal_elsewhere_is_not_kept_here_beyond_the_bound() {
    let fleet = Fleet::new();
    let (here, there) = (fleet.process(), fleet.process());
    let compute = async {
        fleet.time.advance(Duration::from_secs(1));
        there.remove_tag("a").await.unwrap();
        fleet.time.advance(Duration::from_secs(2));
        "old".to_owned()
    };
    assert_eq!(call(&here, &["a"], compute).await, "old");
    fleet.time.advance(Duration::from_secs(3));
    assert_eq!(Config::default().l1.max_age, Duration::from_secs(5));
    assert_eq!(get(&here, &["a"], "new").await, "new");
}

#[tokio::test]
async fn what_is_set_or_computed_by_a_tagged_key_ends_with_its_tag() {
    let mut tags = Tags::new();
    tags.push("a");
    let key = |id: u32| USERS.key::<String>(&id).unwrap().tagged(&tags);
    for cache in [Cache::in_process(), Fleet::new().process()] {
        let compute = async |origin: &str| {
            let compute = || async { Ok::<_, Infallible>(origin.to_owned()) };
            cache.get_or_compute(&key(2), compute).await.unwrap()
        };
        cache.set(&key(1), "old".to_owned()).await.unwrap();
        compute("old").await;
        assert_eq!(cache.get(&key(1)).await.unwrap().as_deref(), Some("old"));
        cache.remove_tag("a").await.unwrap();
        assert_eq!(cache.get(&key(1)).await.unwrap(), None);
        assert_eq!(compute("new").await, "new");
    }
}

#[tokio::test]
async fn an_entry_without_the_tags_of_its_key_is_not_found() {
    let fleet = Fleet::new();
    let key = USERS.key::<String>(&1).unwrap();
    fleet.process().set(&key, "old".to_owned()).await.unwrap();
    let mut tags = Tags::new();
    tags.push("a");
    let other = fleet.process();
    assert_eq!(other.get(&key.clone().tagged(&tags)).await.unwrap(), None);
    assert!(other.get(&key).await.unwrap().is_some());
}

#[tokio::test]
async fn a_result_with_too_many_tags_is_refused_and_counted() {
    for cache in [Cache::in_process(), Fleet::new().process()] {
        let compute = || async {
            (0..9).for_each(|number| Context::current().tag(format!("tag:{number}")));
            "value".to_owned()
        };
        for _ in 0..2 {
            call(&cache, &[], compute()).await;
        }
        let stats = cache.stats();
        assert_eq!((stats.computed, stats.refused), (2, 2));
    }
}
