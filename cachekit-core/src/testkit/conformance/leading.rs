//! The lines on who computes.

use std::time::Duration;

use super::scene::LONG;
use super::{Failure, Scene, ensure, lines};
use crate::backend::{Lead, Renewed, Stored, Token, Want};
use crate::clock::Clock;
use crate::key::StoreKey;

lines! {
    one_reader_of_a_missing_entry_leads_and_the_others_do_not,
    one_of_many_readers_at_once_leads,
    one_reader_of_a_stale_entry_leads_and_the_others_do_not,
    a_reader_of_the_value_takes_the_lead_from_no_one,
    the_leader_stores_and_the_lead_is_over,
    one_reader_leads_an_entry_that_ends_early_and_every_other_finds_it,
    an_entry_that_lasts_for_longer_than_early_needs_no_lead,
    an_early_leader_stores,
    an_early_lead_that_was_released_goes_to_the_next_reader,
    a_set_supersedes_the_lead,
    a_remove_supersedes_the_lead,
    an_expire_supersedes_the_lead,
    an_expire_supersedes_the_lead_of_a_missing_entry,
    the_lead_goes_to_another_when_its_hold_has_passed,
    a_renewed_lead_stands_for_longer,
    a_lead_that_was_lost_is_not_renewed,
    a_released_lead_goes_to_the_next_reader,
    releasing_a_lost_lead_does_nothing,
    a_token_of_one_key_does_not_write_another,
}

async fn one_reader_of_a_missing_entry_leads_and_the_others_do_not(
    scene: Scene,
) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.take_lead(&key).await?;
    expect_led_by_another(&scene, &key).await
}

async fn expect_led_by_another(scene: &Scene, key: &StoreKey) -> Result<(), Failure> {
    for _ in 0..3 {
        let lead = scene.lead(key).await?.lead;
        ensure!(lead == Lead::Other, "another reader: {lead:?}");
    }
    Ok(())
}

async fn one_of_many_readers_at_once_leads(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (scene, key) = (scene.clone(), key.clone());
        readers.spawn(async move { scene.lead(&key).await });
    }
    let mut leaders = 0;
    for read in readers.join_all().await {
        match read?.lead {
            Lead::Mine(_) => leaders += 1,
            Lead::Other => {}
            other => return Err(Failure::new(format!("{other:?}"))),
        }
    }
    ensure!(leaders == 1, "{leaders} leaders");
    Ok(())
}

async fn one_reader_of_a_stale_entry_leads_and_the_others_do_not(
    scene: Scene,
) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    scene.backend().expire(&key).await?;
    let lookup = scene.lead(&key).await?;
    ensure!(
        matches!(lookup.lead, Lead::Mine(_)),
        "the first reader: {:?}",
        lookup.lead
    );
    let holds = lookup
        .found
        .as_ref()
        .is_none_or(|found| found.stale && found.value == "v");
    ensure!(holds, "the leader found {:?}", lookup.found);
    expect_led_by_another(&scene, &key).await
}

async fn a_reader_of_the_value_takes_the_lead_from_no_one(scene: Scene) -> Result<(), Failure> {
    let (missing, stale) = (scene.key("missing"), scene.key("stale"));
    scene.set(&stale, "v").await?;
    scene.backend().expire(&stale).await?;
    for key in [missing, stale] {
        scene.found(&key).await?;
        let token = scene.take_lead(&key).await?;
        scene.found(&key).await?;
        expect_led_by_another(&scene, &key).await?;
        let stored = scene.set_with(&key, "led", &token).await?;
        ensure!(
            stored == Stored::Stored,
            "{stored:?} after a read of the value"
        );
    }
    Ok(())
}

async fn the_leader_stores_and_the_lead_is_over(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    let token = scene.take_lead(&key).await?;
    let stored = scene.set_with(&key, "led", &token).await?;
    ensure!(stored == Stored::Stored, "{stored:?}");
    let lookup = scene.lead(&key).await?;
    ensure!(lookup.lead == Lead::None, "{:?} after the set", lookup.lead);
    ensure!(
        lookup.found.is_some_and(|found| found.value == "led"),
        "not found"
    );
    let again = scene.set_with(&key, "again", &token).await?;
    ensure!(
        matches!(again, Stored::Superseded(_)),
        "a second set with one token: {again:?}"
    );
    scene.expect(&key, "led").await
}

/// A read of `key` for which every ttl is about to end.
async fn lead_early(scene: &Scene, key: &StoreKey) -> Result<Lead, Failure> {
    let want = Want::Lead {
        hold: LONG,
        early: 2 * LONG.duration(),
        patience: Duration::ZERO,
    };
    let lookup = scene.backend().get(key, want).await?;
    let holds = lookup
        .found
        .as_ref()
        .is_some_and(|found| found.value == "v" && !found.stale);
    ensure!(holds, "a fresh entry was found as {:?}", lookup.found);
    Ok(lookup.lead)
}

async fn take_lead_early(scene: &Scene, key: &StoreKey) -> Result<Token, Failure> {
    match lead_early(scene, key).await? {
        Lead::Mine(token) => Ok(token),
        other => Err(Failure::new(format!(
            "expected to be given the lead, not {other:?}"
        ))),
    }
}

async fn one_reader_leads_an_entry_that_ends_early_and_every_other_finds_it(
    scene: Scene,
) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    take_lead_early(&scene, &key).await?;
    for _ in 0..3 {
        let lead = lead_early(&scene, &key).await?;
        ensure!(lead == Lead::Other, "another reader: {lead:?}");
    }
    scene.expect(&key, "v").await
}

async fn an_entry_that_lasts_for_longer_than_early_needs_no_lead(
    scene: Scene,
) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    let want = Want::Lead {
        hold: LONG,
        early: LONG.duration() / 2,
        patience: Duration::ZERO,
    };
    let lead = scene.backend().get(&key, want).await?.lead;
    ensure!(lead == Lead::None, "{lead:?}");
    Ok(())
}

async fn an_early_leader_stores(scene: Scene) -> Result<(), Failure> {
    let (key, overtaken) = (scene.key("k"), scene.key("overtaken"));
    for key in [&key, &overtaken] {
        scene.set(key, "v").await?;
    }
    let token = take_lead_early(&scene, &key).await?;
    let stored = scene.set_with(&key, "led", &token).await?;
    ensure!(stored == Stored::Stored, "{stored:?}");
    scene.expect(&key, "led").await?;
    let token = take_lead_early(&scene, &overtaken).await?;
    scene.set(&overtaken, "newer").await?;
    expect_superseded(&scene, &overtaken, &token).await?;
    scene.expect(&overtaken, "newer").await
}

async fn an_early_lead_that_was_released_goes_to_the_next_reader(
    scene: Scene,
) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    let first = take_lead_early(&scene, &key).await?;
    scene.backend().release(&key, &first).await?;
    scene.expect(&key, "v").await?;
    take_lead_early(&scene, &key).await?;
    expect_superseded(&scene, &key, &first).await
}

async fn expect_superseded(scene: &Scene, key: &StoreKey, token: &Token) -> Result<(), Failure> {
    let stored = scene.set_with(key, "superseded", token).await?;
    ensure!(
        matches!(stored, Stored::Superseded(_)),
        "{stored:?} with a lead that no longer stands"
    );
    Ok(())
}

async fn a_set_supersedes_the_lead(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    let token = scene.take_lead(&key).await?;
    scene.set(&key, "newer").await?;
    expect_superseded(&scene, &key, &token).await?;
    scene.expect(&key, "newer").await
}

async fn a_remove_supersedes_the_lead(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    let token = scene.take_lead(&key).await?;
    scene.backend().remove(&key).await?;
    expect_superseded(&scene, &key, &token).await?;
    scene.expect_none(&key).await?;
    scene.take_lead(&key).await?;
    expect_superseded(&scene, &key, &token).await?;
    scene.expect_none(&key).await
}

async fn an_expire_supersedes_the_lead(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    scene.backend().expire(&key).await?;
    let token = scene.take_lead(&key).await?;
    scene.backend().expire(&key).await?;
    expect_superseded(&scene, &key, &token).await?;
    let found = scene.found(&key).await?;
    let holds = found
        .as_ref()
        .is_none_or(|found| found.stale && found.value == "v");
    ensure!(holds, "a superseded set left {found:?}");
    scene.take_lead(&key).await?;
    Ok(())
}

async fn an_expire_supersedes_the_lead_of_a_missing_entry(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    let token = scene.take_lead(&key).await?;
    scene.backend().expire(&key).await?;
    expect_superseded(&scene, &key, &token).await?;
    scene.expect_none(&key).await
}

async fn the_lead_goes_to_another_when_its_hold_has_passed(scene: Scene) -> Result<(), Failure> {
    let (key, short) = (scene.key("k"), scene.suite.short());
    let first = scene.take_lead_for(&key, short).await?;
    let mut wait = scene.wait(2 * scene.rounded(short));
    let second = loop {
        match scene.lead(&key).await?.lead {
            Lead::Mine(token) => break token,
            Lead::Other => ensure!(wait.goes_on().await, "the lead outlasts its hold"),
            other => return Err(Failure::new(format!("{other:?}"))),
        }
    };
    expect_superseded(&scene, &key, &first).await?;
    scene.expect_none(&key).await?;
    let stored = scene.set_with(&key, "second", &second).await?;
    ensure!(stored == Stored::Stored, "{stored:?} by the second leader");
    expect_superseded(&scene, &key, &first).await?;
    scene.expect(&key, "second").await
}

async fn a_renewed_lead_stands_for_longer(scene: Scene) -> Result<(), Failure> {
    let short = scene.suite.short();
    let (key, token) = loop {
        let began = Clock::system().monotonic_ms();
        let key = scene.key(&format!("k{began}"));
        let token = scene.take_lead_for(&key, short).await?;
        if scene.prolongs(&key, &token, began).await? {
            break (key, token);
        }
    };
    for _ in 0..2 {
        scene.outlive(short).await?;
    }
    expect_led_by_another(&scene, &key).await?;
    let stored = scene.set_with(&key, "led", &token).await?;
    ensure!(
        stored == Stored::Stored,
        "{stored:?} by a leader who renewed"
    );
    scene.expect(&key, "led").await
}

async fn a_lead_that_was_lost_is_not_renewed(scene: Scene) -> Result<(), Failure> {
    let (set, removed) = (scene.key("set"), scene.key("removed"));
    let tokens = [
        scene.take_lead(&set).await?,
        scene.take_lead(&removed).await?,
    ];
    scene.set(&set, "newer").await?;
    scene.backend().remove(&removed).await?;
    for (key, token) in [&set, &removed].into_iter().zip(&tokens) {
        let renewed = scene.backend().renew(key, token, LONG).await?;
        ensure!(renewed == Renewed::Lost, "{renewed:?}");
        expect_superseded(&scene, key, token).await?;
    }
    scene.expect(&set, "newer").await?;
    scene.expect_none(&removed).await
}

async fn a_released_lead_goes_to_the_next_reader(scene: Scene) -> Result<(), Failure> {
    let (missing, stale) = (scene.key("missing"), scene.key("stale"));
    scene.set(&stale, "v").await?;
    scene.backend().expire(&stale).await?;
    for key in [missing, stale] {
        let first = scene.take_lead(&key).await?;
        scene.backend().release(&key, &first).await?;
        scene.take_lead(&key).await?;
        expect_superseded(&scene, &key, &first).await?;
    }
    Ok(())
}

async fn releasing_a_lost_lead_does_nothing(scene: Scene) -> Result<(), Failure> {
    let (led, set) = (scene.key("led"), scene.key("set"));
    let lost = scene.take_lead(&led).await?;
    scene.backend().release(&led, &lost).await?;
    let second = scene.take_lead(&led).await?;
    scene.backend().release(&led, &lost).await?;
    expect_led_by_another(&scene, &led).await?;
    let stored = scene.set_with(&led, "second", &second).await?;
    ensure!(stored == Stored::Stored, "{stored:?} by the second leader");

    let token = scene.take_lead(&set).await?;
    scene.set(&set, "newer").await?;
    scene.backend().release(&set, &token).await?;
    scene.expect(&set, "newer").await
}

async fn a_token_of_one_key_does_not_write_another(scene: Scene) -> Result<(), Failure> {
    let (led, other) = (scene.key("led"), scene.key("other"));
    scene.take_lead(&other).await?;
    let token = scene.take_lead(&led).await?;
    scene.backend().release(&led, &token).await?;
    scene.take_lead(&led).await?;
    let stored = scene.set_with(&other, "wrong", &token).await?;
    ensure!(matches!(stored, Stored::Superseded(_)), "{stored:?}");
    scene.expect_none(&other).await
}
