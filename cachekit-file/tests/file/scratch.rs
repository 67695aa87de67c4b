//! A directory of one test, gone with it.

use std::ffi::OsStr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend, Ttl, Want};
use cachekit_core::error::{ErrorKind, Result};
use cachekit_core::key::StoreKey;
use cachekit_file::{Config, FileBackend, Report};
use tempfile::TempDir;

/// Longer than any test.
pub(crate) const LONG: Ttl = Ttl::from_secs(3_600);

/// Reads what is there, or leads for longer than any test lasts.
pub(crate) const LEADING: Want = Want::Lead {
    hold: LONG,
    early: Duration::ZERO,
    patience: Duration::ZERO,
};

/// What comes of a call outside of a runtime, where all is done at the first poll.
pub(crate) fn at_once<T>(call: impl Future<Output = T>) -> T {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("not done at once"),
    }
}

pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A directory below, which is not there yet.
    pub(crate) fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            directory: self.cache(),
            ..Config::default()
        }
    }

    /// With caps that some values are soon at.
    pub(crate) fn small_config(&self) -> Config {
        Config {
            max_size: 1 << 20,
            max_value: 1 << 19,
            ..self.config()
        }
    }

    /// Makes a folder, and what is missing above it, as the backend accepts it.
    pub(crate) fn make(&self, folder: &Path) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).unwrap();
    }

    /// The files of all entries, and of those that have no name yet.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = self.all_files();
        files.retain(|file| is_entry(file.file_name().unwrap()));
        files
    }

    /// Every file below the cache's directory.
    pub(crate) fn all_files(&self) -> Vec<PathBuf> {
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

    /// The file of the one entry there is.
    pub(crate) fn file(&self) -> PathBuf {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

/// The folder of an entry.
pub(crate) fn folder_of(scratch: &Scratch, text: &str) -> PathBuf {
    folder_of_directory(&scratch.cache(), text)
}

/// The file of an entry.
pub(crate) fn path_of(scratch: &Scratch, text: &str) -> PathBuf {
    let hash = blake3::hash(text.as_bytes());
    folder_of(scratch, text).join(hash.to_hex().as_str())
}

/// The folder of an entry below `directory`.
pub(crate) fn folder_of_directory(directory: &Path, text: &str) -> PathBuf {
    let hash = blake3::hash(text.as_bytes());
    directory.join("v1").join(&hash.to_hex()[..2])
}

fn is_entry(name: &OsStr) -> bool {
    name.len() == 64 || name.as_encoded_bytes().starts_with(b".tmp-")
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

/// What a call comes to. It is made again while it is told that another process has a lock for too
/// long: on a disk that is slow, one who changes something may.
pub(crate) async fn patiently<T>(call: impl AsyncFn() -> Result<T>) -> T {
    for _ in 0..60 {
        match call().await {
            Err(error) if error.kind() == ErrorKind::Timeout => {}
            done => return done.unwrap(),
        }
    }
    panic!("nobody lets go of a lock within a minute")
}

/// Asserts that what folders say they hold is out by less than a hundredth.
pub(crate) fn assert_counts(report: &Report) {
    let is_near = |said: u64, is: u64| said.abs_diff(is) * 100 <= is;
    assert!(
        is_near(report.believed_bytes, report.bytes)
            && is_near(report.believed_entries, report.entries()),
        "{report:?}"
    );
}

/// How many files of this process are open at `path`.
#[cfg(target_os = "linux")]
pub(crate) fn opened(path: &Path) -> usize {
    let files = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
    targets.filter(|target| target == path).count()
}

/// The cap of a directory with few entries.
pub(crate) const ENTRIES: usize = 100;

pub(crate) fn few(scratch: &Scratch) -> Config {
    Config {
        max_entries: ENTRIES as u64,
        ..scratch.config()
    }
}

/// Stores an entry of each of these numbers.
pub(crate) async fn fill(backend: &FileBackend, numbers: std::ops::Range<usize>) {
    for number in numbers {
        set(backend, &format!("k{number}"), b"v").await;
    }
}
