//! The lines on the `_many` forms.

use std::collections::HashSet;

use bytes::Bytes;

use super::scene::{LEAD, LONG};
use super::{Failure, Scene, ensure, lines};
use crate::backend::{Lead, NewEntry, Stored, Want};
use crate::key::StoreKey;

lines! {
    many_reads_answer_each_key_in_the_order_asked,
    many_writes_store_each_entry,
    many_expiries_and_removals_reach_each_key_and_no_other,
    nothing_asked_is_nothing_answered,
    many_reads_lead_as_single_ones_do,
    many_writes_are_fenced_one_by_one,
}

/// More than one batch, on any store.
const MANY: usize = 300;

fn keys(scene: &Scene) -> Vec<StoreKey> {
    (0..MANY)
        .map(|index| scene.key(&index.to_string()))
        .collect()
}

fn entry(key: &StoreKey, value: String) -> NewEntry {
    NewEntry {
        key: key.clone(),
        value: Bytes::from(value),
        ttl: LONG,
        lead: None,
    }
}

async fn set_all(scene: &Scene, keys: &[StoreKey]) -> Result<(), Failure> {
    let entries = keys
        .iter()
        .enumerate()
        .map(|(i, key)| entry(key, format!("v{i}")))
        .collect();
    let results = scene.backend().set_many(entries).await;
    ensure!(results.len() == keys.len(), "{} results", results.len());
    for result in results {
        let stored = result?;
        ensure!(stored == Stored::Stored, "{stored:?} without a token");
    }
    Ok(())
}

/// The values under `keys`, read at once; every one fresh.
async fn values(scene: &Scene, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, Failure> {
    let results = scene.backend().get_many(keys, Want::Value).await;
    ensure!(
        results.len() == keys.len(),
        "{} results for {}",
        results.len(),
        keys.len()
    );
    let mut values = Vec::new();
    for result in results {
        let lookup = result?;
        ensure!(
            lookup.lead == Lead::None,
            "{:?} for a reader of values",
            lookup.lead
        );
        let found = lookup.found.filter(|found| !found.stale);
        values.push(found.map(|found| found.value));
    }
    Ok(values)
}

async fn many_reads_answer_each_key_in_the_order_asked(scene: Scene) -> Result<(), Failure> {
    let keys = keys(&scene);
    for (index, key) in keys.iter().enumerate().step_by(3) {
        scene.set(key, &format!("v{index}")).await?;
    }
    // Backwards, and the first one twice.
    let mut asked: Vec<_> = keys.iter().rev().cloned().collect();
    asked.push(keys[0].clone());
    let found = values(&scene, &asked).await?;
    for (place, value) in found.into_iter().enumerate() {
        let index = (MANY - 1).saturating_sub(place);
        let expected = (index % 3 == 0).then(|| Bytes::from(format!("v{index}")));
        ensure!(
            value == expected,
            "key {index}: expected {expected:?} and found {value:?}"
        );
    }
    Ok(())
}

async fn many_writes_store_each_entry(scene: Scene) -> Result<(), Failure> {
    let keys = keys(&scene);
    set_all(&scene, &keys).await?;
    for (index, value) in values(&scene, &keys).await?.into_iter().enumerate() {
        ensure!(
            value == Some(Bytes::from(format!("v{index}"))),
            "key {index}: {value:?}"
        );
    }
    Ok(())
}

async fn many_expiries_and_removals_reach_each_key_and_no_other(
    scene: Scene,
) -> Result<(), Failure> {
    let keys = keys(&scene);
    set_all(&scene, &keys).await?;
    let (expired, rest) = keys.split_at(MANY / 3);
    let (removed, left_alone) = rest.split_at(MANY / 3);
    let results = [
        scene.backend().expire_many(expired).await,
        scene.backend().remove_many(removed).await,
    ];
    for result in results.into_iter().flatten() {
        result?;
    }
    let fresh = values(&scene, &keys)
        .await?
        .iter()
        .filter(|value| value.is_some())
        .count();
    ensure!(
        fresh == left_alone.len(),
        "{fresh} of {} are left alone",
        left_alone.len()
    );
    ensure!(
        values(&scene, left_alone)
            .await?
            .iter()
            .all(Option::is_some),
        "others than asked"
    );
    for key in removed {
        scene.expect_none(key).await?;
    }
    Ok(())
}

async fn nothing_asked_is_nothing_answered(scene: Scene) -> Result<(), Failure> {
    let backend = scene.backend();
    ensure!(backend.get_many(&[], LEAD).await.is_empty(), "get_many");
    ensure!(backend.set_many(Vec::new()).await.is_empty(), "set_many");
    ensure!(backend.expire_many(&[]).await.is_empty(), "expire_many");
    ensure!(backend.remove_many(&[]).await.is_empty(), "remove_many");
    Ok(())
}

async fn many_reads_lead_as_single_ones_do(scene: Scene) -> Result<(), Failure> {
    let keys = keys(&scene);
    let (fresh, missing) = keys.split_at(MANY / 2);
    set_all(&scene, fresh).await?;
    let first = scene.backend().get_many(&keys, LEAD).await;
    let second = scene.backend().get_many(missing, LEAD).await;
    let mut tokens = HashSet::new();
    for (index, result) in first.into_iter().enumerate() {
        match result?.lead {
            Lead::None if index < fresh.len() => {}
            Lead::Mine(token) if index >= fresh.len() && scene.suite.leads => {
                tokens.insert((index, token));
            }
            Lead::Unfenced(_) if index >= fresh.len() && !scene.suite.leads => {}
            other => return Err(Failure::new(format!("key {index}: {other:?}"))),
        }
    }
    for result in second {
        let lead = result?.lead;
        let expected = match lead {
            Lead::Other => true,
            Lead::Unfenced(None) => !scene.suite.leads,
            _ => false,
        };
        ensure!(expected, "a second reader: {lead:?}");
    }
    for (index, token) in tokens {
        let stored = scene.set_with(&keys[index], "led", &token).await?;
        ensure!(
            stored == Stored::Stored,
            "the leader of key {index}: {stored:?}"
        );
    }
    Ok(())
}

async fn many_writes_are_fenced_one_by_one(scene: Scene) -> Result<(), Failure> {
    if !scene.suite.leads {
        return Ok(());
    }
    let (overtaken, leading) = (scene.key("overtaken"), scene.key("leading"));
    let tokens = [
        scene.take_lead(&overtaken).await?,
        scene.take_lead(&leading).await?,
    ];
    scene.set(&overtaken, "newer").await?;
    let entries = [&overtaken, &leading]
        .into_iter()
        .zip(tokens)
        .map(|(key, token)| NewEntry {
            lead: Some(token),
            ..entry(key, "led".to_owned())
        });
    let results = scene.backend().set_many(entries.collect()).await;
    let stored: Vec<_> = results
        .into_iter()
        .map(|result| result.map_err(|e| e.kind()))
        .collect();
    let expected = matches!(stored[..], [Ok(Stored::Superseded(_)), Ok(Stored::Stored)]);
    ensure!(expected, "{stored:?}");
    scene.expect(&overtaken, "newer").await?;
    scene.expect(&leading, "led").await
}
