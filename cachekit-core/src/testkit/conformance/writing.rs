//! The lines on setting, expiring and removing.

use bytes::Bytes;

use super::scene::LONG;
use super::{Failure, Line, Scene, ensure, lines};
use crate::error::ErrorKind;

lines! {
    a_set_replaces_the_entry,
    a_set_replaces_the_ttl_by_a_longer_one,
    a_set_replaces_the_ttl_by_a_shorter_one,
    an_expired_entry_is_found_as_stale_or_not_at_all,
    an_expired_entry_goes_when_it_would_have_gone,
    expiring_does_not_prolong_the_time_left,
    a_set_after_an_expiry_is_fresh,
    a_removed_entry_is_not_found,
    a_removed_entry_can_be_set_again,
    a_stale_entry_can_be_removed,
    expiring_and_removing_what_is_not_there_is_no_error,
}

/// The lines for a store that refuses values over a limit.
pub(super) const LIMITED: &[Line] = &[
    Line {
        name: "a_value_over_the_limit_is_refused",
        check: |scene| Box::pin(a_value_over_the_limit_is_refused(scene)),
    },
    Line {
        name: "a_refused_value_removes_the_entry_it_was_to_replace",
        check: |scene| Box::pin(a_refused_value_removes_the_entry_it_was_to_replace(scene)),
    },
];

async fn a_set_replaces_the_entry(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    for value in ["first", "second, which is longer", "3", ""] {
        scene.set(&key, value).await?;
        scene.expect(&key, value).await?;
    }
    Ok(())
}

async fn a_set_replaces_the_ttl_by_a_longer_one(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set_for(&key, "old", scene.suite.short()).await?;
    scene.set(&key, "new").await?;
    scene.outlive(scene.suite.short()).await?;
    scene.expect(&key, "new").await
}

async fn a_set_replaces_the_ttl_by_a_shorter_one(scene: Scene) -> Result<(), Failure> {
    let (key, short) = (scene.key("k"), scene.suite.short());
    scene.set(&key, "old").await?;
    scene.set_for(&key, "new", short).await?;
    let mut wait = scene.wait(scene.rounded(short));
    while scene.found(&key).await?.is_some() {
        ensure!(
            wait.goes_on().await,
            "still served after the ttl of the second set"
        );
    }
    Ok(())
}

async fn an_expired_entry_is_found_as_stale_or_not_at_all(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    for _ in 0..2 {
        scene.backend().expire(&key).await?;
        let found = scene.found(&key).await?;
        let holds = found
            .as_ref()
            .is_none_or(|found| found.stale && found.value == "v");
        ensure!(holds, "found {found:?}");
    }
    Ok(())
}

async fn an_expired_entry_goes_when_it_would_have_gone(scene: Scene) -> Result<(), Failure> {
    let (key, short) = (scene.key("k"), scene.suite.short());
    scene.set_for(&key, "v", short).await?;
    let mut wait = scene.wait(scene.rounded(short));
    scene.backend().expire(&key).await?;
    while scene.found(&key).await?.is_some() {
        ensure!(wait.goes_on().await, "still served as stale after its ttl");
    }
    Ok(())
}

async fn expiring_does_not_prolong_the_time_left(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set_for(&key, "v", scene.suite.short()).await?;
    let before = scene.found(&key).await?;
    scene.backend().expire(&key).await?;
    let after = scene.found(&key).await?;
    // Either may have gone meanwhile, on a store whose short time is short indeed.
    if let (Some(before), Some(after)) = (before, after) {
        ensure!(
            after.left <= before.left,
            "{:?} left, and {:?} after",
            before.left,
            after.left
        );
    }
    Ok(())
}

async fn a_set_after_an_expiry_is_fresh(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "old").await?;
    scene.backend().expire(&key).await?;
    scene.set(&key, "new").await?;
    scene.expect(&key, "new").await
}

async fn a_removed_entry_is_not_found(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    scene.backend().remove(&key).await?;
    scene.expect_none(&key).await
}

async fn a_removed_entry_can_be_set_again(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "old").await?;
    scene.backend().remove(&key).await?;
    scene.set(&key, "new").await?;
    scene.expect(&key, "new").await
}

async fn a_stale_entry_can_be_removed(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "v").await?;
    scene.backend().expire(&key).await?;
    scene.backend().remove(&key).await?;
    scene.expect_none(&key).await
}

async fn expiring_and_removing_what_is_not_there_is_no_error(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    for _ in 0..2 {
        scene.backend().expire(&key).await?;
        scene.backend().remove(&key).await?;
        scene.expect_none(&key).await?;
    }
    Ok(())
}

fn over_the_limit(scene: &Scene) -> Bytes {
    vec![0; scene.suite.refused.unwrap_or_default()].into()
}

async fn a_value_over_the_limit_is_refused(scene: Scene) -> Result<(), Failure> {
    let result = scene
        .backend()
        .set(&scene.key("k"), over_the_limit(&scene), LONG, None)
        .await;
    let kind = result.as_ref().map_err(|error| error.kind());
    ensure!(kind == Err(ErrorKind::TooLarge), "{result:?}");
    Ok(())
}

async fn a_refused_value_removes_the_entry_it_was_to_replace(scene: Scene) -> Result<(), Failure> {
    let key = scene.key("k");
    scene.set(&key, "old").await?;
    let result = scene
        .backend()
        .set(&key, over_the_limit(&scene), LONG, None)
        .await;
    ensure!(result.is_err(), "not refused");
    scene.expect_none(&key).await
}
