//! The lines on a store that cannot fence and yet keeps the others waiting. One that gives no tokens
//! holds them all.

use std::time::Duration;

use super::scene::LONG;
use super::{Failure, Scene, ensure, lines};
use crate::backend::{Lead, NewEntry, Renewed, Stored, Token, Ttl, Want};
use crate::clock::Clock;
use crate::key::StoreKey;

lines! {
    one_of_many_readers_at_once_has_the_lease,
    a_leader_by_lease_stores_and_the_lease_is_over,
    a_stale_entry_is_computed_by_the_one_who_has_the_lease,
    whatever_is_newer_supersedes_a_lease,
    many_writes_by_lease_are_superseded_one_by_one,
    a_released_lease_goes_to_the_next_reader,
    a_lease_goes_to_another_when_its_hold_has_passed,
    a_renewed_lease_stands_for_longer,
    a_lease_that_was_lost_is_not_renewed,
}

/// The lease of `key`, which must be free; `None` if the store gives none.
async fn take(scene: &Scene, key: &StoreKey, hold: Ttl) -> Result<Option<Token>, Failure> {
    let want = Want::Lead {
        hold,
        early: Duration::ZERO,
        patience: Duration::ZERO,
    };
    match scene.backend().get(key, want).await?.lead {
        Lead::Unfenced(token) => Ok(token),
        other => Err(Failure::new(format!(
            "expected to be given the lease, not {other:?}"
        ))),
    }
}

async fn expect_another(scene: &Scene, key: &StoreKey) -> Result<(), Failure> {
    let lead = scene.lead(key).await?.lead;
    ensure!(lead == Lead::Other, "another reader: {lead:?}");
    Ok(())
}

async fn expect_superseded(scene: &Scene, key: &StoreKey, token: &Token) -> Result<(), Failure> {
    let stored = scene.set_with(key, "superseded", token).await?;
    let superseded = matches!(stored, Stored::Superseded(_));
    ensure!(superseded, "{stored:?} with a lease that no longer stands");
    Ok(())
}

async fn expect_stored(scene: &Scene, key: &StoreKey, token: &Token) -> Result<(), Failure> {
    let stored = scene.set_with(key, "computed", token).await?;
    ensure!(stored == Stored::Stored, "{stored:?}");
    scene.expect(key, "computed").await
}

async fn one_of_many_readers_at_once_has_the_lease(scene: Scene) -> Result<(), Failure> {
    let (probe, key) = (scene.key("probe"), scene.key("k"));
    if take(&scene, &probe, LONG).await?.is_none() {
        return Ok(());
    }
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (scene, key) = (scene.clone(), key.clone());
        readers.spawn(async move { scene.lead(&key).await });
    }
    let mut leaders = 0;
    for read in readers.join_all().await {
        match read?.lead {
            Lead::Unfenced(Some(_)) => leaders += 1,
            Lead::Other => {}
            other => return Err(Failure::new(format!("{other:?}"))),
        }
    }
    ensure!(leaders == 1, "{leaders} leaders");
    Ok(())
}

async fn a_leader_by_lease_stores_and_the_lease_is_over(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    let Some(token) = take(&scene, &key, LONG).await? else {
        return Ok(());
    };
    expect_another(&scene, &key).await?;
    expect_stored(&scene, &key, &token).await?;
    let lead = scene.lead(&key).await?.lead;
    ensure!(lead == Lead::None, "{lead:?} after the set");
    expect_superseded(&scene, &key, &token).await?;
    scene.expect(&key, "computed").await
}

async fn a_stale_entry_is_computed_by_the_one_who_has_the_lease(
    scene: Scene,
) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    scene.backend().expire(&key).await?;
    let Some(token) = take(&scene, &key, LONG).await? else {
        return Ok(());
    };
    expect_another(&scene, &key).await?;
    expect_stored(&scene, &key, &token).await
}

async fn whatever_is_newer_supersedes_a_lease(scene: Scene) -> Result<(), Failure> {
    let keys = ["set", "expired", "removed"].map(|name| scene.key(name));
    let mut tokens = Vec::new();
    for key in &keys {
        tokens.extend(take(&scene, key, LONG).await?);
    }
    if tokens.is_empty() {
        return Ok(());
    }
    let [set, expired, removed] = &keys;
    scene.set(set, "newer").await?;
    scene.backend().expire(expired).await?;
    scene.backend().remove(removed).await?;
    for (key, token) in keys.iter().zip(&tokens) {
        expect_superseded(&scene, key, token).await?;
    }
    scene.expect(set, "newer").await?;
    scene.expect_none(expired).await?;
    scene.expect_none(removed).await?;
    // Nor does it stand when somebody else computes.
    let next = take(&scene, removed, LONG).await?;
    expect_superseded(&scene, removed, &tokens[2]).await?;
    match next {
        Some(next) => expect_stored(&scene, removed, &next).await,
        None => Err(Failure::new(
            "leases at times, and at others none".to_owned(),
        )),
    }
}

async fn many_writes_by_lease_are_superseded_one_by_one(scene: Scene) -> Result<(), Failure> {
    let keys = [scene.key("overtaken"), scene.key("leading")];
    let mut entries = Vec::new();
    for key in &keys {
        entries.push(NewEntry {
            key: key.clone(),
            value: "computed".into(),
            ttl: LONG,
            lead: take(&scene, key, LONG).await?,
        });
    }
    if entries.iter().any(|entry| entry.lead.is_none()) {
        return Ok(());
    }
    scene.set(&keys[0], "newer").await?;
    let results = scene.backend().set_many(entries).await;
    let stored: Vec<_> = results
        .into_iter()
        .map(|result| result.map_err(|e| e.kind()))
        .collect();
    let expected = matches!(stored[..], [Ok(Stored::Superseded(_)), Ok(Stored::Stored)]);
    ensure!(expected, "{stored:?}");
    scene.expect(&keys[0], "newer").await?;
    scene.expect(&keys[1], "computed").await
}

async fn a_released_lease_goes_to_the_next_reader(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    let Some(first) = take(&scene, &key, LONG).await? else {
        return Ok(());
    };
    scene.backend().release(&key, &first).await?;
    let second = take(&scene, &key, LONG).await?;
    // Not the first one's any more.
    scene.backend().release(&key, &first).await?;
    expect_another(&scene, &key).await?;
    expect_superseded(&scene, &key, &first).await?;
    match second {
        Some(second) => expect_stored(&scene, &key, &second).await,
        None => Err(Failure::new(
            "leases at times, and at others none".to_owned(),
        )),
    }
}

async fn a_lease_goes_to_another_when_its_hold_has_passed(scene: Scene) -> Result<(), Failure> {
    let (key, short) = (scene.key("k"), scene.suite.short());
    let Some(first) = take(&scene, &key, short).await? else {
        return Ok(());
    };
    let mut wait = scene.wait(2 * scene.rounded(short));
    let second = loop {
        match scene.lead(&key).await?.lead {
            Lead::Unfenced(Some(token)) => break token,
            Lead::Other => ensure!(wait.goes_on().await, "the lease outlasts its hold"),
            other => return Err(Failure::new(format!("{other:?}"))),
        }
    };
    expect_superseded(&scene, &key, &first).await?;
    scene.expect_none(&key).await?;
    expect_stored(&scene, &key, &second).await?;
    expect_superseded(&scene, &key, &first).await?;
    scene.expect(&key, "computed").await
}

async fn a_renewed_lease_stands_for_longer(scene: Scene) -> Result<(), Failure> {
    let short = scene.suite.short();
    let (key, token) = loop {
        let began = Clock::system().monotonic_ms();
        let key = scene.key(&format!("k{began}"));
        let Some(token) = take(&scene, &key, short).await? else {
            return Ok(());
        };
        if scene.prolongs(&key, &token, began).await? {
            break (key, token);
        }
    };
    for _ in 0..2 {
        scene.outlive(short).await?;
    }
    expect_another(&scene, &key).await?;
    expect_stored(&scene, &key, &token).await
}

async fn a_lease_that_was_lost_is_not_renewed(scene: Scene) -> Result<(), Failure> {
    let (key, taken) = (scene.key("removed"), scene.key("taken"));
    let (Some(removed), Some(released)) = (
        take(&scene, &key, LONG).await?,
        take(&scene, &taken, LONG).await?,
    ) else {
        return Ok(());
    };
    scene.backend().remove(&key).await?;
    scene.backend().release(&taken, &released).await?;
    take(&scene, &taken, LONG).await?;
    for (key, token) in [(&key, &removed), (&taken, &released)] {
        let renewed = scene.backend().renew(key, token, LONG).await?;
        ensure!(renewed == Renewed::Lost, "{renewed:?}");
    }
    Ok(())
}
