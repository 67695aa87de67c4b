//! What a store must answer that cannot fence.

use std::time::Duration;

use super::scene::{LEAD, LONG};
use super::{Failure, Scene, ensure, lines};
use crate::backend::{Lead, Stored, Token, Want};

lines! {
    a_missing_entry_is_led_by_all_or_by_one,
    a_stale_entry_is_unfenced,
    an_entry_that_ends_early_is_found_and_unfenced,
    a_token_of_another_store_is_ignored_or_does_not_stand,
}

async fn a_missing_entry_is_led_by_all_or_by_one(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    let first = scene.lead(&key).await?.lead;
    let second = scene.lead(&key).await?.lead;
    let expected = match &first {
        Lead::Unfenced(Some(_)) => Lead::Other,
        _ => Lead::Unfenced(None),
    };
    ensure!(matches!(first, Lead::Unfenced(_)), "the first: {first:?}");
    ensure!(second == expected, "the second: {second:?}");
    Ok(())
}

async fn a_stale_entry_is_unfenced(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    scene.backend().expire(&key).await?;
    let lead = scene.backend().get(&key, LEAD).await?.lead;
    ensure!(matches!(lead, Lead::Unfenced(_)), "{lead:?}");
    Ok(())
}

async fn an_entry_that_ends_early_is_found_and_unfenced(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    let want = Want::Lead {
        hold: LONG,
        early: 2 * LONG.duration() + Duration::from_secs(1),
        patience: Duration::ZERO,
    };
    let lookup = scene.backend().get(&key, want).await?;
    let found = lookup.found.is_some_and(|found| !found.stale);
    ensure!(found, "the entry is not found, or stale");
    let lead = lookup.lead;
    ensure!(matches!(lead, Lead::Unfenced(_)), "{lead:?}");
    Ok(())
}

async fn a_token_of_another_store_is_ignored_or_does_not_stand(
    scene: Scene,
) -> Result<(), Failure> {
    let (key, probe) = (scene.key("k"), scene.key("probe"));
    let gives_tokens = scene.lead(&probe).await?.lead.token().is_some();
    let token = Token::new("a token of another store");
    scene.set(&key, "old").await?;
    let stored = scene.set_with(&key, "new", &token).await?;
    let superseded = matches!(stored, Stored::Superseded(_));
    ensure!(superseded == gives_tokens, "{stored:?}");
    scene.backend().renew(&key, &token, LONG).await?;
    scene.backend().release(&key, &token).await?;
    scene
        .expect(&key, if superseded { "old" } else { "new" })
        .await
}
