//! Stored entries with every byte changed and at every length, on each backend and in each codec:
//! a miss or the equal value, and never a panic.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use cachekit::backend::{Backend, Stored, Token, Ttl};
use cachekit::clock::Clock;
use cachekit::codec::{Bincode, Json, MessagePack};
use cachekit::config::Config;
use cachekit::file::FileBackend;
use cachekit::memcached::Memcached;
use cachekit::testkit::{Alter, Altered, ReferenceBackend};
use cachekit::{Cache, Form, Function, Key, Result, StoreKey};
use cachekit_memcached::testkit::Server;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Profile {
    id: u64,
    name: String,
    tags: Vec<String>,
    parent: Option<u32>,
}

static PROFILES: Function = Function::new("tests::hostile_bytes", "profiles");

fn profile(name: &str) -> Profile {
    let tags = vec!["a".to_owned(), "bc".to_owned()];
    Profile {
        id: 7,
        name: name.to_owned(),
        tags,
        parent: Some(3),
    }
}

/// A backend that remembers what was last written.
#[derive(Debug)]
struct Recorder {
    backend: Arc<dyn Backend>,
    last: Mutex<Option<(StoreKey, Bytes)>>,
}

#[async_trait]
impl Alter for Recorder {
    fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        *self.last.lock().unwrap() = Some((key.clone(), value.clone()));
        self.backend.set(key, value, ttl, lead).await
    }
}

async fn survives<F: Form<Profile>>(backend: &Arc<dyn Backend>, profile: &Profile) {
    let recorder = Arc::new(Altered(Recorder {
        backend: Arc::clone(backend),
        last: Mutex::default(),
    }));
    let mut config = Config::default();
    config.l1.enabled = false;
    let backend = Arc::clone(&recorder) as Arc<dyn Backend>;
    let cache = Cache::builder().backend(backend).config(config).build();
    let key: Key<Profile, F> = PROFILES.key::<Profile>(&7).unwrap().form();
    cache.set(&key, profile.clone()).await.unwrap();
    let (store_key, whole) = recorder.last.lock().unwrap().take().unwrap();
    for hostile in changed(&whole).chain((0..whole.len()).map(|len| whole.slice(..len))) {
        let ttl = Ttl::from_secs(60);
        recorder
            .backend
            .set(&store_key, hostile, ttl, None)
            .await
            .unwrap();
        let found = cache.get(&key).await.unwrap();
        assert!(found.is_none_or(|found| found == *profile));
    }
    // Half an entry does not stop the function that it belongs to.
    let half = whole.slice(..whole.len() / 2);
    recorder
        .backend
        .set(&store_key, half, Ttl::from_secs(60), None)
        .await
        .unwrap();
    let compute = || async { Ok::<_, cachekit::Error>(profile.clone()) };
    let computed = cache.get_or_compute(&key, compute);
    assert_eq!(computed.await.unwrap(), *profile);
    assert_eq!(cache.get(&key).await.unwrap().as_ref(), Some(profile));
}

/// `whole` with one byte changed, every byte in a few ways.
fn changed(whole: &Bytes) -> impl Iterator<Item = Bytes> {
    (0..whole.len()).flat_map(move |index| {
        [0x01, 0x80, 0xff].map(|bits| {
            let mut changed = whole.to_vec();
            changed[index] ^= bits;
            Bytes::from(changed)
        })
    })
}

async fn survives_in_every_codec(backend: Arc<dyn Backend>) {
    // The large one is stored compressed.
    for name in ["someone", &"someone ".repeat(200)] {
        let profile = profile(name);
        survives::<Bincode>(&backend, &profile).await;
        survives::<MessagePack>(&backend, &profile).await;
        survives::<Json>(&backend, &profile).await;
    }
}

#[tokio::test]
async fn hostile_bytes_in_memory_are_a_miss_or_the_equal_value() {
    survives_in_every_codec(Arc::new(ReferenceBackend::new(Clock::system()))).await;
}

#[tokio::test]
async fn hostile_bytes_in_files_are_a_miss_or_the_equal_value() {
    let directory = tempfile::tempdir().unwrap();
    let config = cachekit::file::Config {
        directory: directory.path().into(),
        ..Default::default()
    };
    survives_in_every_codec(Arc::new(FileBackend::new(config).unwrap())).await;
}

#[tokio::test]
async fn hostile_bytes_in_memcached_are_a_miss_or_the_equal_value() {
    let server = Server::start();
    let config = cachekit::memcached::Config::of_servers([server.address()]).unwrap();
    survives_in_every_codec(Arc::new(Memcached::new(config).unwrap())).await;
}
