//! A directory of one test, gone with it.

use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cachekit_core::backend::{Backend, Ttl, Want};
use cachekit_core::key::StoreKey;
use cachekit_file::{Config, FileBackend};

/// Longer than any test.
pub(crate) const LONG: Ttl = Ttl::from_secs(3_600);

pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let name = format!(
            "cachekit-file-{:016x}",
            RandomState::new().hash_one("scratch")
        );
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .unwrap();
        Self(path)
    }

    /// A directory below, which is not there yet.
    pub(crate) fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            directory: self.cache(),
            ..Config::default()
        }
    }

    /// Every file below the cache's directory.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(directory).into_iter().flatten() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    walk(&entry.path(), files);
                } else {
                    files.push(entry.path());
                }
            }
        }
        let mut files = Vec::new();
        walk(&self.cache(), &mut files);
        files
    }

    /// The one file there is.
    pub(crate) fn file(&self) -> PathBuf {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn key(text: &str) -> StoreKey {
    StoreKey::new(text).unwrap()
}

pub(crate) async fn set(backend: &FileBackend, text: &str, value: &[u8]) {
    backend
        .set(&key(text), Bytes::copy_from_slice(value), LONG, None)
        .await
        .unwrap();
}

pub(crate) async fn value(backend: &FileBackend, text: &str) -> Option<Bytes> {
    backend
        .get(&key(text), Want::Value)
        .await
        .unwrap()
        .found
        .map(|found| found.value)
}
