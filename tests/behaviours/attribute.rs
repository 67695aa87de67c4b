//! The same through `#[cached]`, by functions of every signature.

use cachekit::{Error, ErrorKind, cached, with_cache, with_cache_sync};

use crate::cached::Told;
use crate::scene::Scene;

on!(everywhere:
    an_async_function_is_given_what_is_in_grace_until_it_is_removed,
    an_async_function_that_borrows_is_given_what_is_in_grace_until_it_is_removed,
    a_function_is_given_what_is_in_grace_until_it_is_removed,
    functions_that_ask_for_themselves_are_told_so,
);

/// What an origin that is away, or is there, says.
fn origin(away: bool, value: &str) -> Result<String, Told> {
    match away {
        true => Err(Told::Origin("away")),
        false => Ok(value.to_owned()),
    }
}

#[cached(ttl = "1m", grace = "1h", tags = ["user:{id}", "users"], skip(away))]
async fn owned(id: u64, away: bool) -> Result<String, Told> {
    origin(away, "user")
}

#[cached(ttl = "1m", grace = "1h", tags = ["user:{id}", "users"], skip(away))]
async fn borrowed(id: u64, away: &bool) -> Result<String, Told> {
    origin(*away, "user")
}

#[cached(ttl = "1m", grace = "1h", tags = ["user:{id}", "users"], skip(away))]
fn on_this_thread(id: u64, away: bool) -> Result<String, Told> {
    origin(away, "user")
}

const AWAY: Result<String, Told> = Err(Told::Origin("away"));

fn user() -> Result<String, Told> {
    Ok("user".to_owned())
}

async fn an_async_function_is_given_what_is_in_grace_until_it_is_removed(scene: Scene) {
    let cache = scene.process();
    with_cache(cache.clone(), async {
        for id in 1..=3 {
            assert_eq!(owned(id, false).await, user());
            owned::expire(id, true).await.unwrap();
            assert_eq!(owned(id, true).await, user());
        }
        owned::remove(1, true).await.unwrap();
        cache.remove_tag("user:2").await.unwrap();
        for (id, left) in [(1, AWAY), (2, AWAY), (3, user())] {
            assert_eq!(owned(id, true).await, left);
        }
        cache.remove_tag("users").await.unwrap();
        assert_eq!(owned(3, true).await, AWAY);
    })
    .await;
}

async fn an_async_function_that_borrows_is_given_what_is_in_grace_until_it_is_removed(
    scene: Scene,
) {
    let cache = scene.process();
    with_cache(cache.clone(), async {
        for id in 1..=3 {
            assert_eq!(borrowed(id, &false).await, user());
            borrowed::expire(id, &true).await.unwrap();
            assert_eq!(borrowed(id, &true).await, user());
        }
        borrowed::remove(1, &true).await.unwrap();
        cache.remove_tag("user:2").await.unwrap();
        for (id, left) in [(1, AWAY), (2, AWAY), (3, user())] {
            assert_eq!(borrowed(id, &true).await, left);
        }
        cache.remove_tag("users").await.unwrap();
        assert_eq!(borrowed(3, &true).await, AWAY);
    })
    .await;
}

async fn a_function_is_given_what_is_in_grace_until_it_is_removed(scene: Scene) {
    let cache = scene.process();
    let call = |id, away| with_cache_sync(cache.clone(), || on_this_thread(id, away));
    for id in 1..=3 {
        assert_eq!(call(id, false), user());
        with_cache_sync(cache.clone(), || on_this_thread::expire(id, true)).unwrap();
        assert_eq!(call(id, true), user());
    }
    with_cache_sync(cache.clone(), || on_this_thread::remove(1, true)).unwrap();
    cache.remove_tag("user:2").await.unwrap();
    for (id, left) in [(1, AWAY), (2, AWAY), (3, user())] {
        assert_eq!(call(id, true), left);
    }
    cache.remove_tag("users").await.unwrap();
    assert_eq!(call(3, true), AWAY);
}

#[cached]
async fn asks_for_itself(id: u64) -> Result<u64, Error> {
    Box::pin(asks_for_itself(id)).await
}

#[cached]
fn asks_for_itself_on_this_thread(id: u64) -> Result<u64, Error> {
    asks_for_itself_on_this_thread(id)
}

async fn functions_that_ask_for_themselves_are_told_so(scene: Scene) {
    let cache = scene.process();
    let error = with_cache(cache.clone(), asks_for_itself(1))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reentrant);
    let error = with_cache_sync(cache, || asks_for_itself_on_this_thread(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reentrant);
}
