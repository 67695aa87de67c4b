//! Tags whose tokens cannot be read, while the entries themselves can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Health, Lookup, Renewed, Stored, Token, Ttl, Want};
use cachekit_core::cache::{
    Arguments, Cache, Call, ErrorProbe, Function, OfResult, Policy, Probe, SayFrom, ShareClone,
    Tags, Voice,
};
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::{ManualClock, ReferenceBackend};
use cachekit_core::{Error, ErrorKind, Result};

static USERS: Function = Function::new("tests::unreachable_tags", "users").policy(
    Policy::new()
        .ttl(Duration::from_secs(60))
        .grace(Duration::from_secs(600)),
);

/// A store that can lose the node on which its tokens lie.
#[derive(Debug)]
struct Store {
    backend: ReferenceBackend,
    tokens_away: AtomicBool,
}

impl Store {
    fn reach(&self, key: &StoreKey) -> Result<()> {
        if key.as_str().starts_with('#') && self.tokens_away.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "test"));
        }
        Ok(())
    }
}

#[async_trait]
impl Backend for Store {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        self.reach(key)?;
        self.backend.get(key, want).await
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        self.reach(key)?;
        self.backend.set(key, value, ttl, lead).await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.reach(key)?;
        self.backend.expire(key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.reach(key)?;
        self.backend.remove(key).await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        self.reach(key)?;
        self.backend.renew(key, lead, hold).await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.reach(key)?;
        self.backend.release(key, lead).await
    }

    async fn health(&self) -> Health {
        self.backend.health().await
    }
}

struct Scene {
    time: ManualClock,
    store: Arc<Store>,
    cache: Cache,
}

impl Scene {
    fn new() -> Self {
        let time = ManualClock::new();
        let store = Arc::new(Store {
            backend: ReferenceBackend::new(time.clock()),
            tokens_away: AtomicBool::new(false),
        });
        let backend = Arc::clone(&store) as Arc<dyn Backend>;
        let builder = Cache::builder().backend(backend);
        let cache = builder.clock(time.clock()).build();
        Self { time, store, cache }
    }

    fn set_tokens_away(&self, away: bool) {
        self.store.tokens_away.store(away, Ordering::SeqCst);
        // L1 keeps nothing for so long.
        self.time.advance(Duration::from_secs(6));
    }

    async fn get(&self, origin: Result<&str>) -> Result<String> {
        let probe = Probe::<Result<String>>::new();
        let kind = (&&&probe).kind();
        let probe = ErrorProbe::<Error>::new(kind);
        let voice = Voice::new((&&&probe).share(), (&probe).say());
        let mut tags = Tags::new();
        tags.push("a");
        let call = Call::new(kind, &self.cache, Arguments::new(&USERS)).tags(tags);
        let origin = origin.map(str::to_owned);
        call.run_inline(None, |_| false, voice, async { origin })
            .await
    }
}

fn failure() -> Error {
    Error::new(ErrorKind::Unavailable, "origin")
}

#[tokio::test]
async fn an_unreachable_token_makes_the_entry_neither_fresh_nor_invalid() {
    let scene = Scene::new();
    assert_eq!(scene.get(Ok("old")).await.unwrap(), "old");
    scene.set_tokens_away(true);
    assert_eq!(
        scene.get(Err(failure())).await.unwrap(),
        "old",
        "not invalid"
    );
    // The lead of who failed ends by itself.
    scene.time.advance(Duration::from_secs(11));
    assert_eq!(scene.get(Ok("new")).await.unwrap(), "new", "not fresh");
    scene.set_tokens_away(false);
    assert_eq!(
        scene.get(Ok("newer")).await.unwrap(),
        "old",
        "nothing was removed"
    );
}

#[tokio::test]
async fn a_removed_tag_takes_what_could_have_been_served_in_grace() {
    let scene = Scene::new();
    scene.get(Ok("old")).await.unwrap();
    scene.cache.remove_tag("a").await.unwrap();
    let error = scene.get(Err(failure())).await.unwrap_err();
    assert_eq!(error.operation(), "origin");
}

#[tokio::test]
async fn what_cannot_have_its_tag_is_not_stored() {
    let scene = Scene::new();
    scene.set_tokens_away(true);
    assert_eq!(scene.get(Ok("first")).await.unwrap(), "first");
    scene.set_tokens_away(false);
    assert_eq!(scene.get(Ok("second")).await.unwrap(), "second");
}
