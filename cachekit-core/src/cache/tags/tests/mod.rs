//! Tags without the engine: what a computation captures, and what a reader makes of it.

mod schedules;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::*;
use crate::backend::{Backend, Ttl, Want};
use crate::cache::Cache;
use crate::error::ErrorKind;
use crate::testkit::{Faults, Fleet};

/// Lets the tasks run to their end; time passes whenever all of them sleep.
async fn run<T: 'static>(fleet: &Fleet, mut tasks: JoinSet<T>) -> Vec<T> {
    let mut results = Vec::new();
    while !tasks.is_empty() {
        match tasks.try_join_next() {
            Some(result) => results.push(result.unwrap()),
            None => {
                tokio::task::yield_now().await;
                fleet.time.advance(Duration::from_millis(1));
            }
        }
    }
    results
}

async fn captured(cache: &Cache, names: &[u64]) -> Option<Vec<TagVersion>> {
    let mut versions = read(&cache.inner, names).await;
    capture(&cache.inner, &mut versions).await;
    versions.captured(names)
}

async fn verdict(cache: &Cache, entry: &[TagVersion], declared: &[u64]) -> Verdict {
    let mut versions = read(&cache.inner, declared).await;
    let unread = versions.unread(entry);
    versions.extend(read(&cache.inner, &unread).await);
    check(entry, declared, &versions)
}

fn tag() -> (u64, StoreKey) {
    let name = hash("user:42");
    (name, tokens::tag_key("", name).unwrap())
}

#[tokio::test]
async fn an_entry_is_valid_until_its_tag_is_removed_by_whatever_process() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process(), fleet.process());
    let (name, _) = tag();
    let entry = captured(&one, &[name]).await.unwrap();
    assert_eq!(verdict(&other, &entry, &[name]).await, Verdict::Valid);
    assert_eq!(verdict(&other, &entry, &[]).await, Verdict::Valid);
    other.remove_tag("user:42").await.unwrap();
    assert_eq!(verdict(&one, &entry, &[name]).await, Verdict::Invalid);
    assert_eq!(verdict(&one, &entry, &[]).await, Verdict::Invalid);
    let entry = captured(&one, &[name]).await.unwrap();
    assert_eq!(verdict(&other, &entry, &[name]).await, Verdict::Valid);
}

#[tokio::test]
async fn another_tag_changes_nothing() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let (name, _) = tag();
    let entry = captured(&cache, &[name]).await.unwrap();
    cache.remove_tag("user:43").await.unwrap();
    assert_eq!(verdict(&cache, &entry, &[name]).await, Verdict::Valid);
}

#[tokio::test]
async fn a_tag_that_is_removed_while_the_entry_is_computed_makes_it_invalid() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let (name, _) = tag();
    let before = captured(&cache, &[name]).await.unwrap();
    fleet.process().remove_tag("user:42").await.unwrap();
    assert_eq!(verdict(&cache, &before, &[name]).await, Verdict::Invalid);
    captured(&cache, &[name]).await.unwrap(); // another token is there now
    assert_eq!(verdict(&cache, &before, &[name]).await, Verdict::Invalid);
}

#[tokio::test]
async fn an_evicted_token_makes_entries_invalid_and_an_unreachable_one_makes_them_stale() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let (name, key) = tag();
    let entry = captured(&cache, &[name]).await.unwrap();
    fleet.store.set_outage(true);
    assert_eq!(verdict(&cache, &entry, &[name]).await, Verdict::Stale);
    assert_eq!(captured(&cache, &[name]).await, None);
    fleet.store.set_outage(false);
    assert_eq!(verdict(&cache, &entry, &[name]).await, Verdict::Valid);
    fleet.store.backend().remove(&key).await.unwrap();
    assert_eq!(verdict(&cache, &entry, &[name]).await, Verdict::Invalid);
}

#[tokio::test]
async fn a_tag_that_the_code_declares_and_the_entry_lacks_makes_it_invalid() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let (a, b) = (hash("a"), hash("b"));
    let entry = captured(&cache, &[a]).await.unwrap();
    assert_eq!(verdict(&cache, &entry, &[a, b]).await, Verdict::Invalid);
    let entry = captured(&cache, &[a, b]).await.unwrap();
    assert_eq!(verdict(&cache, &entry, &[a, b]).await, Verdict::Valid);
    assert_eq!(verdict(&cache, &entry, &[a]).await, Verdict::Valid);
}

#[tokio::test]
async fn a_damaged_token_is_missing_and_another_is_made() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let (name, key) = tag();
    let entry = captured(&cache, &[name]).await.unwrap();
    let whole = fleet.store.backend().get(&key, Want::Value).await.unwrap();
    let whole = whole.found.unwrap().value;
    let of_another = tokens::tag_key("", hash("another")).unwrap();
    for (key, bytes) in [
        (&key, &whole[1..]),
        (&key, b"".as_slice()),
        (&of_another, &whole),
    ] {
        let bytes = Bytes::copy_from_slice(bytes);
        let set = fleet.store.backend().set(key, bytes, Ttl::NEVER, None);
        set.await.unwrap();
    }
    assert_eq!(verdict(&cache, &entry, &[name]).await, Verdict::Invalid);
    let names = [name, hash("another")];
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { captured(&cache, &names).await.unwrap() });
    let made = run(&fleet, tasks).await.remove(0);
    assert_ne!(made[0].token, made[1].token);
    assert_eq!(
        verdict(&fleet.process(), &made, &names).await,
        Verdict::Valid
    );
}

#[tokio::test]
async fn processes_that_make_a_token_at_the_same_time_agree_on_it() {
    let fleet = Fleet::new();
    let (name, _) = tag();
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let cache = fleet.process();
        tasks.spawn(async move { captured(&cache, &[name]).await });
    }
    let all = run(&fleet, tasks).await;
    assert!(all[0].is_some());
    assert!(all.iter().all(|versions| *versions == all[0]));
    assert_eq!(fleet.store.calls().set_many, 1);
}

#[tokio::test]
async fn all_tokens_of_an_entry_take_one_call_to_read_and_two_to_make() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let names: Vec<u64> = (0..8).map(|tag| hash(&format!("tag {tag}"))).collect();
    captured(&cache, &names).await.unwrap();
    let made = fleet.store.calls();
    assert_eq!(
        (made.get_many, made.set_many, made.get, made.set),
        (2, 1, 0, 0)
    );
    captured(&cache, &names).await.unwrap();
    let read = fleet.store.calls();
    assert_eq!((read.get_many, read.set_many), (3, 1));
}

#[tokio::test]
async fn an_entry_of_more_than_eight_tags_is_not_stored() {
    let fleet = Fleet::new();
    let names: Vec<u64> = (0..=8).collect();
    let cache = fleet.process();
    assert!(captured(&cache, &names[..8]).await.is_some());
    assert!(captured(&cache, &names).await.is_none());
}

#[tokio::test]
async fn applications_with_different_namespaces_share_no_tags() {
    let fleet = Fleet::new();
    let named = |namespace: &str| {
        let config = crate::config::Config {
            namespace: namespace.to_owned(),
            ..Default::default()
        };
        let backend = Arc::clone(&fleet.store) as Arc<dyn Backend>;
        Cache::builder().backend(backend).config(config).build()
    };
    let (shop, blog) = (named("shop"), named("blog"));
    let (name, _) = tag();
    let entry = captured(&shop, &[name]).await.unwrap();
    blog.remove_tag("user:42").await.unwrap();
    assert_eq!(verdict(&shop, &entry, &[name]).await, Verdict::Valid);
}

#[tokio::test]
async fn a_tag_named_late_is_believed_from_the_second_computation_on() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let (name, _) = tag();
    let mut results = Vec::new();
    for _ in 0..2 {
        let started_ms = cache.inner.clock.monotonic_ms();
        fleet.time.advance(Duration::from_millis(50));
        let versions = late(&cache.inner, &[name], started_ms).await;
        results.push(versions.captured(&[name]));
        fleet.time.advance(Duration::from_millis(50));
    }
    assert_eq!(results[0], None, "it may have been removed meanwhile");
    let entry = results[1].clone().unwrap();
    assert_eq!(verdict(&cache, &entry, &[]).await, Verdict::Valid);
}

#[tokio::test]
async fn a_tag_named_late_that_was_removed_meanwhile_is_not_believed() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let (name, _) = tag();
    captured(&cache, &[name]).await.unwrap();
    fleet.time.advance(Duration::from_millis(50));
    let started_ms = cache.inner.clock.monotonic_ms();
    fleet.process().remove_tag("user:42").await.unwrap();
    let versions = late(&cache.inner, &[name], started_ms).await;
    assert_eq!(versions.captured(&[name]), None);
}

#[tokio::test]
async fn a_removal_that_does_not_arrive_is_an_error_and_may_have_happened() {
    let fleet = Fleet::new();
    let cache = fleet.process();
    let (name, _) = tag();
    let entry = captured(&cache, &[name]).await.unwrap();
    fleet.store.set_outage(true);
    let error = cache.remove_tag("user:42").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    fleet.store.set_outage(false);
    assert_eq!(verdict(&cache, &entry, &[name]).await, Verdict::Valid);
    let lost = Faults {
        lost_replies: 1.0,
        ..Faults::default()
    };
    fleet.store.set_faults(lost);
    let error = cache.remove_tag("user:42").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    fleet.store.set_faults(Faults::default());
    assert_eq!(verdict(&cache, &entry, &[name]).await, Verdict::Invalid);
}

#[tokio::test]
async fn at_the_end_of_a_computation_it_is_known_what_was_removed_meanwhile() {
    let fleet = Fleet::new();
    let (here, there) = (fleet.process(), fleet.process());
    let (name, _) = tag();
    for (remover, removed) in [(&here, "user:42"), (&there, "user:42"), (&there, "user:43")] {
        let entry = captured(&here, &[name]).await.unwrap();
        remover.remove_tag(removed).await.unwrap();
        let expected = match removed {
            "user:42" => Verdict::Invalid,
            _ => Verdict::Valid,
        };
        assert_eq!(check_again(&here.inner, &entry).await, expected);
    }
}

#[tokio::test]
async fn without_a_backend_nothing_is_read() {
    let cache = Cache::in_process();
    let (name, _) = tag();
    assert_eq!(read(&cache.inner, &[name]).await.captured(&[name]), None);
    cache.remove_tag("user:42").await.unwrap();
}

#[test]
fn names_are_what_format_writes_and_debug_does_not_show_them() {
    let mut tags = Tags::new();
    tags.begin();
    tags.text("user:");
    tags.placeholder(&"a:b ü");
    tags.push("catalog");
    tags.push("catalog");
    assert_eq!(format!("{tags:?}"), "Tags(3)");
    let mut expected = vec![hash("user:a:b ü"), hash("catalog")];
    expected.sort_unstable();
    assert_eq!(tags.hashes(), expected);
}
