use bytes::Bytes;
use cachekit_core::backend::{Backend, Ttl, Want};
use cachekit_core::clock::Clock;
use cachekit_core::key::StoreKey;

use super::*;
use crate::directory::Directory;
use crate::entry;
use crate::layout::Place;
use crate::{Config, FileBackend};

const LIMIT: u64 = 128 * 1024;

/// A directory with an entry, and the steps of a write to it.
struct Scene {
    scratch: tempfile::TempDir,
    directory: Directory,
    folders: Folders,
    key: StoreKey,
    place: Place,
}

impl Scene {
    async fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let key = StoreKey::new("k").unwrap();
        let scene = Self {
            directory: Directory::new(scratch.path().to_owned(), 0o700),
            folders: Folders::new(0o600, LIMIT),
            place: Place::of(scratch.path(), &key),
            scratch,
            key,
        };
        scene.set(b"the first value").await;
        scene.set(b"the second value").await;
        scene
    }

    /// As another process finds it.
    fn backend(&self) -> FileBackend {
        let config = Config {
            directory: self.scratch.path().to_owned(),
            ..Config::default()
        };
        FileBackend::new(config).unwrap()
    }

    async fn set(&self, value: &[u8]) {
        let value = Bytes::copy_from_slice(value);
        let set = self.backend();
        let set = set.set(&self.key, value, Ttl::from_secs(60), None);
        set.await.unwrap();
    }

    async fn value(&self) -> Option<Bytes> {
        let found = self.backend().get(&self.key, Want::Value).await.unwrap();
        found.found.map(|found| found.value)
    }

    fn lock(&self) -> LockedFolder<'_> {
        let locked = self.folders.lock(&self.directory, self.place.folder);
        locked.unwrap()
    }

    /// Does a part of a write of `value`, and dies.
    fn write(&self, value: &[u8], steps: impl FnOnce(&mut LockedFolder<'_>, &Draft<'_>)) {
        let written = Clock::system().unix_ms();
        let times = Times {
            written,
            expires: written + 60_000,
        };
        let head = entry::head(self.key.as_str(), value, times);
        let parts = [&head[..], value];
        steps(&mut self.lock(), &Draft { parts, times });
    }

    /// The entry is as it was, or as it was to be, and everything goes on.
    async fn is_usable(&self, expected: &[u8]) {
        assert_eq!(self.value().await.unwrap(), expected);
        for length in [0, 10_000, 300_000, 5] {
            let value = vec![b'x'; length];
            self.set(&value).await;
            assert_eq!(self.value().await.unwrap(), value);
        }
        self.backend().remove(&self.key).await.unwrap();
        assert_eq!(self.value().await, None);
    }
}

#[tokio::test]
async fn a_draft_is_never_visible_and_may_be_torn_anywhere() {
    let scene = Scene::new().await;
    scene.write(b"the third value", |folder, draft| {
        folder.draft(draft).unwrap();
    });
    assert_eq!(scene.value().await.unwrap(), "the second value");
    let spare = scene.lock().spare();
    let whole = std::fs::read(&spare).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&spare, &whole[..length]).unwrap();
        assert_eq!(scene.value().await.unwrap(), "the second value");
    }
    scene.is_usable(b"the second value").await;
}

#[tokio::test]
async fn a_writer_that_dies_after_the_exchange_has_written() {
    let scene = Scene::new().await;
    scene.write(b"the third value", |folder, draft| {
        folder.draft(draft).unwrap();
        let exchanged = folder.folders.exchange(&folder.spare(), &scene.place.path);
        assert!(exchanged.unwrap());
    });
    scene.is_usable(b"the third value").await;
}

#[tokio::test]
async fn a_writer_that_dies_before_it_counts_has_written() {
    let scene = Scene::new().await;
    std::fs::remove_file(&scene.place.path).unwrap();
    scene.write(b"the third value", |folder, draft| {
        folder.draft(draft).unwrap();
        std::fs::rename(folder.spare(), &scene.place.path).unwrap();
    });
    scene.is_usable(b"the third value").await;
}

#[tokio::test]
async fn a_file_that_was_written_apart_and_not_named_is_not_seen() {
    let scene = Scene::new().await;
    scene.write(b"the third value", |folder, draft| {
        let mut temp = Temp::create(folder.path(), 0o600).unwrap();
        temp.write(draft, SyncMode::None).unwrap();
        std::mem::forget(temp);
    });
    scene.is_usable(b"the second value").await;
}

#[tokio::test]
async fn a_write_without_the_exchange_of_names_leaves_no_spare() {
    let scene = Scene::new().await;
    scene.folders.no_exchange().store(true, Ordering::Relaxed);
    for value in [&b"the third value"[..], b"the fourth"] {
        scene.write(value, |folder, draft| {
            folder.write(&scene.place.path, draft).unwrap();
            assert!(!folder.spare().exists());
            assert_eq!(folder.usage().entries, 1);
            let metadata = std::fs::metadata(&scene.place.path).unwrap();
            assert_eq!(folder.usage().bytes, occupied(&metadata));
        });
        assert_eq!(scene.value().await.unwrap(), value);
    }
    scene.is_usable(b"the fourth").await;
}

#[tokio::test]
async fn a_file_is_dated_by_its_last_use_and_its_end() {
    let scene = Scene::new().await;
    for (expires, dated) in [(3_000, Duration::from_secs(3)), (entry::NEVER, LATEST)] {
        let times = Times {
            written: 1_500,
            expires,
        };
        let draft = Draft {
            parts: [b"any", b"thing"],
            times,
        };
        scene.lock().write(&scene.place.path, &draft).unwrap();
        let metadata = std::fs::metadata(&scene.place.path).unwrap();
        assert_eq!(metadata.modified().unwrap(), time_of(1_500));
        assert_eq!(metadata.accessed().unwrap(), UNIX_EPOCH + dated);
    }
}
