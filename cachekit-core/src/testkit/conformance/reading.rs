//! The lines on reading, and on keys.

use std::time::Duration;

use bytes::Bytes;

use super::scene::{LONG, abandon};
use super::{Failure, Scene, ensure, lines};
use crate::backend::{Lead, NodeState, Ttl, Want};
use crate::key::StoreKey;

lines! {
    an_entry_that_was_never_set_is_not_found,
    an_entry_is_found_byte_for_byte,
    an_empty_value_is_found_as_empty,
    a_large_value_is_found_byte_for_byte,
    an_entry_is_not_served_later_than_its_ttl_rounded_up,
    an_entry_without_an_end_is_found,
    a_reader_of_the_value_is_told_of_no_lead,
    a_fresh_entry_needs_no_lead,
    keys_that_differ_are_different_entries,
    long_keys_that_differ_in_one_byte_are_different_entries,
    keys_that_differ_in_their_release_are_different_entries,
    a_dropped_call_spoils_no_later_one,
    health_has_a_row_and_a_store_that_is_there_is_not_down,
    the_owner_of_a_key_is_a_node_that_health_names,
}

async fn an_entry_that_was_never_set_is_not_found(scene: Scene) -> Result<(), Failure> {
    scene.expect_none(&scene.key("k")).await
}

async fn an_entry_is_found_byte_for_byte(scene: Scene) -> Result<(), Failure> {
    let bytes: Vec<u8> = (0..=255).collect();
    let framing = b"\r\nEND\r\nVA 2 t0\r\n\0".to_vec();
    for (name, value) in [("bytes", bytes), ("framing", framing), ("one", vec![0])] {
        round_trip(&scene, &scene.key(name), value.into()).await?;
    }
    Ok(())
}

async fn an_empty_value_is_found_as_empty(scene: Scene) -> Result<(), Failure> {
    round_trip(&scene, &scene.key("k"), Bytes::new()).await
}

async fn a_large_value_is_found_byte_for_byte(scene: Scene) -> Result<(), Failure> {
    let length = scene
        .suite
        .refused
        .map_or(1_000_000, |refused| 1_000_000.min(refused / 2));
    let value: Vec<u8> = (0..=250).cycle().take(length).collect();
    round_trip(&scene, &scene.key("k"), value.into()).await
}

async fn round_trip(scene: &Scene, key: &StoreKey, value: Bytes) -> Result<(), Failure> {
    scene.backend().set(key, value.clone(), LONG, None).await?;
    let found = scene.found(key).await?.map(|found| found.value);
    let lengths = (value.len(), found.as_ref().map(Bytes::len));
    ensure!(
        found == Some(value),
        "other bytes than were set; lengths: {lengths:?}"
    );
    Ok(())
}

async fn an_entry_is_not_served_later_than_its_ttl_rounded_up(scene: Scene) -> Result<(), Failure> {
    let unit = scene.suite.resolution;
    let nanosecond = Duration::from_nanos(1);
    for ttl in [nanosecond, unit / 2, unit, unit + nanosecond, unit * 3 / 2] {
        let ttl = Ttl::new(ttl.max(nanosecond))?;
        let key = scene.key(&format!("k{}", ttl.duration().as_nanos()));
        scene.set_for(&key, "v", ttl).await?;
        let mut wait = scene.wait(scene.rounded(ttl));
        while scene.found(&key).await?.is_some() {
            ensure!(
                wait.goes_on().await,
                "still served after its ttl of {ttl:?}"
            );
        }
    }
    Ok(())
}

async fn an_entry_without_an_end_is_found(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set_for(&key, "v", Ttl::NEVER).await?;
    scene.outlive(scene.suite.short()).await?;
    scene.expect(&key, "v").await?;
    Ok(scene.backend().remove(&key).await?)
}

/// Of a store that tells times.
pub(super) const TIMED: &[super::Line] = &[super::Line {
    name: "left_is_the_time_left_rounded_up",
    check: |scene| Box::pin(left_is_the_time_left_rounded_up(scene)),
}];

async fn left_is_the_time_left_rounded_up(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    let Some(first) = set_and_look(&scene, &key).await? else {
        return Err(Failure::new("not found".to_owned()));
    };
    let most = scene.rounded(LONG);
    ensure!(
        !first.is_zero() && first <= most,
        "{first:?} left of {most:?}"
    );
    scene.outlive(scene.suite.short()).await?;
    let Some(then) = scene.found(&key).await?.and_then(|found| found.left) else {
        return Err(Failure::new("not found after a while".to_owned()));
    };
    ensure!(
        !then.is_zero() && then < first,
        "{first:?} left, and a while later {then:?}"
    );
    let near = first.saturating_sub(10 * scene.suite.short().duration() + Duration::from_secs(60));
    ensure!(
        then >= near,
        "{first:?} left, and a short while later {then:?}"
    );
    Ok(())
}

async fn set_and_look(scene: &Scene, key: &StoreKey) -> Result<Option<Duration>, Failure> {
    scene.set(key, "v").await?;
    Ok(scene.found(key).await?.and_then(|found| found.left))
}

async fn a_reader_of_the_value_is_told_of_no_lead(scene: Scene) -> Result<(), Failure> {
    let (missing, fresh, stale) = (scene.key("missing"), scene.key("fresh"), scene.key("stale"));
    scene.set(&fresh, "v").await?;
    scene.set(&stale, "v").await?;
    scene.backend().expire(&stale).await?;
    for key in [missing, fresh, stale] {
        let lead = scene.backend().get(&key, Want::Value).await?.lead;
        ensure!(lead == Lead::None, "{lead:?}");
    }
    Ok(())
}

async fn a_fresh_entry_needs_no_lead(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    for _ in 0..3 {
        let lookup = scene.lead(&key).await?;
        ensure!(
            lookup.lead == Lead::None,
            "{:?} on a fresh entry",
            lookup.lead
        );
        ensure!(
            lookup.found.is_some_and(|found| found.value == "v"),
            "not found"
        );
    }
    Ok(())
}

async fn keys_that_differ_are_different_entries(scene: Scene) -> Result<(), Failure> {
    let printable: String = ('!'..='~').collect();
    let names = [
        "a",
        "A",
        "a:",
        ":a",
        "a/../b",
        "%41",
        "..",
        printable.as_str(),
    ];
    expect_apart(&scene, &names.map(|name| scene.key(name))).await
}

async fn long_keys_that_differ_in_one_byte_are_different_entries(
    scene: Scene,
) -> Result<(), Failure> {
    let long = |length: usize, last: char| scene.key(&format!("{}{last}", "k".repeat(length)));
    let keys = [
        long(300, 'a'),
        long(300, 'b'),
        long(10_000, 'a'),
        long(10_000, 'b'),
    ];
    expect_apart(&scene, &keys).await
}

async fn keys_that_differ_in_their_release_are_different_entries(
    scene: Scene,
) -> Result<(), Failure> {
    let keys = ["1b00", "1b01", "1m00"].map(|release| scene.key_of_release(release, "k"));
    ensure!(
        keys.iter().all(|key| key.route() == keys[0].route()),
        "their routes differ"
    );
    expect_apart(&scene, &keys).await
}

/// Every key has its own value, and loses it alone.
async fn expect_apart(scene: &Scene, keys: &[StoreKey]) -> Result<(), Failure> {
    for (index, key) in keys.iter().enumerate() {
        scene.set(key, &index.to_string()).await?;
    }
    for (index, key) in keys.iter().enumerate() {
        scene.expect(key, &index.to_string()).await?;
    }
    scene.backend().remove(&keys[0]).await?;
    scene.expect_none(&keys[0]).await?;
    for (index, key) in keys.iter().enumerate().skip(1) {
        scene.expect(key, &index.to_string()).await?;
    }
    Ok(())
}

async fn a_dropped_call_spoils_no_later_one(scene: Scene) -> Result<(), Failure> {
    let backend = scene.backend();
    let (dropped, other) = (scene.key("dropped"), scene.key("other"));
    let large = Bytes::from(vec![b'x'; 50_000]);
    scene.set(&other, "other").await?;
    for polls in (0..5).cycle().take(50) {
        abandon(backend.set(&dropped, large.clone(), LONG, None), polls).await;
        abandon(backend.get(&dropped, Want::Value), polls).await;
        scene.expect(&other, "other").await?;
        abandon(backend.remove(&dropped), polls).await;
        let found = scene.found(&dropped).await?;
        let whole = found.is_none_or(|found| found.value == large);
        ensure!(whole, "another value than the one that was set or not set");
    }
    Ok(())
}

async fn health_has_a_row_and_a_store_that_is_there_is_not_down(
    scene: Scene,
) -> Result<(), Failure> {
    let health = scene.backend().health().await;
    ensure!(!health.nodes.is_empty(), "no row");
    ensure!(health.state() != NodeState::Down, "{health:?}");
    Ok(())
}

async fn the_owner_of_a_key_is_a_node_that_health_names(scene: Scene) -> Result<(), Failure> {
    let Some(owner) = scene.backend().owner(&scene.key("k")) else {
        return Ok(());
    };
    let nodes = scene.backend().health().await.nodes;
    let named = nodes.iter().any(|node| node.name == owner);
    ensure!(named, "the owner is {owner:?}, and health has {nodes:?}");
    Ok(())
}
