//! What is found in a store is what was stored for this call, or nothing.

use std::time::Duration;

use bytes::Bytes;
use cachekit::backend::{Lead, Reason, Stored, Want};
use cachekit::{Cache, Function, Key, Policy, Stats, StoreKey, Ttl};
use serde::{Deserialize, Serialize};
use tokio::{join, spawn};

use crate::cached::{Cached, Way};
use crate::scene::Scene;
use crate::tampered::Tampered;

on!(shared:
    two_releases_live_side_by_side,
    a_damaged_entry_is_a_miss_that_is_counted,
    an_entry_of_another_key_is_a_miss_that_is_counted,
    a_read_that_is_cancelled_leaves_every_other_right,
    an_update_is_seen_by_other_processes_within_the_bound,
);
on!(fenced: of_two_who_take_over_a_lead_one_has_it);

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Before {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct After {
    name: String,
    age: Option<u8>,
}

async fn two_releases_live_side_by_side(scene: Scene) {
    let name = Cached::name();
    let [before, after] = [(); 2].map(|()| {
        let function = Function::new("app", name);
        Cached::of(Way::Inline, function)
    });
    let before: Key<Before> = before.function.key(&1_u64).unwrap();
    let after: Key<After> = after.function.key(&1_u64).unwrap();
    let old = Before {
        name: "ann".to_owned(),
    };
    let new = After {
        name: "ann".to_owned(),
        age: Some(7),
    };
    let [first, second] = [(); 2].map(|()| scene.process_without_l1());
    for _ in 0..2 {
        let (old, new) = (old.clone(), new.clone());
        let (found_old, found_new) = (old.clone(), new.clone());
        let old_release = first.get_or_compute(&before, || async { Ok::<_, String>(old) });
        assert_eq!(old_release.await, Ok(found_old));
        let new_release = second.get_or_compute(&after, || async { Ok::<_, String>(new) });
        assert_eq!(new_release.await, Ok(found_new));
    }
    for cache in [&first, &second] {
        let stats = cache.stats();
        assert_eq!((stats.computed, stats.backend_hits), (1, 1));
        assert_eq!(defects(stats), 0);
    }
    second.remove(&after).await.unwrap();
    assert_eq!(
        first.get(&before).await.unwrap(),
        None,
        "a removal reaches every release"
    );
}

fn defects(stats: Stats) -> u64 {
    stats.corrupt + stats.other_key + stats.schema + stats.unknown_version
}

async fn a_damaged_entry_is_a_miss_that_is_counted(scene: Scene) {
    let damages: [fn(Bytes) -> Bytes; 4] = [
        |_| Bytes::new(),
        |whole| whole.slice(..whole.len() - 1),
        |whole| [&whole[..], b"more"].concat().into(),
        |whole| {
            let mut bytes = whole.to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            bytes.into()
        },
    ];
    for damage in damages {
        let cached = Cached::new(Way::Inline, Policy::new());
        let store = Tampered::new(scene.backend().unwrap());
        cached.get(&scene.process_over(&store), "old").await;
        store.change(damage);
        let reader = scene.process_over(&store);
        assert_eq!(cached.get(&reader, "new").await, "new");
        assert_eq!((reader.stats().corrupt, defects(reader.stats())), (1, 1));
        let found = scene.process().get(&cached.key()).await.unwrap();
        assert_eq!(found.as_deref(), Some("new"), "it was stored again");
    }
}

async fn an_entry_of_another_key_is_a_miss_that_is_counted(scene: Scene) {
    let [other, cached] = [(); 2].map(|()| Cached::new(Way::Inline, Policy::new()));
    let store = Tampered::new(scene.backend().unwrap());
    let writer = scene.process_over(&store);
    other.get(&writer, "of another").await;
    cached.get(&writer, "old").await;
    store.exchange();
    let reader = scene.process_over(&store);
    assert_eq!(cached.get(&reader, "new").await, "new");
    assert_eq!((reader.stats().other_key, defects(reader.stats())), (1, 1));
}

async fn a_read_that_is_cancelled_leaves_every_other_right(scene: Scene) {
    let (writer, reader) = (scene.process(), scene.process_without_l1());
    let large: Vec<_> = (0..8_u8)
        .map(|n| {
            (
                Cached::new(Way::Inline, Policy::new()),
                char::from(b'a' + n).to_string(),
            )
        })
        .map(|(cached, letter)| (cached, letter.repeat(300_000)))
        .collect();
    for (cached, text) in &large {
        writer.set(&cached.key(), text.clone()).await.unwrap();
    }
    for polls in 0..40 {
        let (cancelled, _) = &large[polls % large.len()];
        let (cached, text) = &large[(polls + 1) % large.len()];
        let (cache, key) = (reader.clone(), cancelled.key());
        let read = spawn(async move { cache.get(&key).await });
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
        read.abort();
        let key = cached.key();
        let (found, _) = join!(reader.get(&key), read);
        assert!(found.unwrap().as_ref() == Some(text), "after {polls} polls");
    }
}

async fn an_update_is_seen_by_other_processes_within_the_bound(scene: Scene) {
    let (writer, reader) = (scene.process(), scene.process());
    let cached = Cached::new(Way::Inline, Policy::new());
    let found = async |cache: &Cache| cache.get(&cached.key()).await.unwrap().unwrap();
    writer.set(&cached.key(), "old".to_owned()).await.unwrap();
    assert_eq!(found(&reader).await, "old");
    scene.advance(2 * SECOND);
    writer.set(&cached.key(), "new".to_owned()).await.unwrap();
    assert_eq!(found(&writer).await, "new");
    assert_eq!(found(&reader).await, "old", "its own copy");
    assert_eq!(found(&scene.process_without_l1()).await, "new");
    scene.advance(3 * SECOND);
    assert_eq!(
        found(&reader).await,
        "new",
        "five seconds after it was read"
    );
}

async fn of_two_who_take_over_a_lead_one_has_it(scene: Scene) {
    let (backend, key) = (
        scene.backend().unwrap(),
        StoreKey::new("taken-over").unwrap(),
    );
    let want = Want::Lead {
        hold: Ttl::from_secs(2),
        early: Duration::ZERO,
        patience: Duration::ZERO,
    };
    let Lead::Mine(first) = backend.get(&key, want).await.unwrap().lead else {
        panic!("nobody else leads");
    };
    let mut leads = Vec::new();
    let taken = async || {
        let (a, b) = join!(backend.get(&key, want), backend.get(&key, want));
        leads = vec![a.unwrap().lead, b.unwrap().lead];
        leads.iter().any(|lead| matches!(lead, Lead::Mine(_)))
    };
    scene.eventually(2 * SECOND, taken).await;
    let mine = leads.iter().filter(|lead| matches!(lead, Lead::Mine(_)));
    assert_eq!(mine.count(), 1, "{leads:?}");
    let late = backend.set(
        &key,
        Bytes::from_static(b"late"),
        Ttl::from_secs(60),
        Some(&first),
    );
    assert_eq!(late.await.unwrap(), Stored::Superseded(Reason::Overtaken));
}
