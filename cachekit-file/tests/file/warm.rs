//! What is read on a thread of a runtime, because the kernel promises that nothing is waited for.

use std::fs::File;
use std::path::{Path, PathBuf};

use cachekit_core::backend::{Backend, Lookup, Want};
use cachekit_core::error::Result;
use cachekit_file::{Config, FileBackend};

use crate::calls::{poll_once, with_busy_pool};
use crate::scratch::{Scratch, key, path_of, set, value};

/// Whether the kernel has the content of the file at `path`, and says so without reading it.
fn is_cached(path: &Path) -> rustix::io::Result<bool> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};

    let file = File::open(path).unwrap();
    let mut byte = [0];
    let mut bytes = [std::io::IoSliceMut::new(&mut byte)];
    match preadv2(&file, &mut bytes, 0, ReadWriteFlags::NOWAIT) {
        Err(Errno::AGAIN) => Ok(false),
        read => read.map(|_| true),
    }
}

/// Drops the file at `path` from the page cache. False where it stays: in memory it lies nowhere
/// else.
fn make_cold(path: &Path) -> bool {
    use rustix::fs::{Advice, fadvise};

    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let cold = is_cached(path) == Ok(false);
    // To look made the kernel read ahead.
    std::fs::read(path).unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    cold
}

#[test]
fn only_a_small_read_of_what_is_cached_is_done_on_a_thread_of_the_runtime() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let get = |text: &'static str| {
        let backend = &backend;
        async move { value(backend, text).await }
    };
    let file = only(&backend, &scratch, "small", 100_000);
    let cold = only(&backend, &scratch, "cold", 1_000);
    only(&backend, &scratch, "large", 200_000);
    let promised = is_cached(&file).is_ok();
    with_busy_pool(async |free| {
        let first = poll_once(get("small"));
        assert!(first.is_pending(), "nobody knows the file system yet");
        drop(free);
    });
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(get("small"))
        .unwrap();
    with_busy_pool(async |free| {
        assert_eq!(poll_once(get("small")).is_ready(), promised);
        if make_cold(&cold) {
            assert!(poll_once(get("cold")).is_pending());
        }
        assert!(poll_once(get("large")).is_pending());
        assert!(poll_once(get("missing")).is_pending());
        drop(free);
    });
    with_busy_pool(async |free| {
        drop(free);
        assert_eq!(get("cold").await.unwrap().len(), 1_000);
        assert_eq!(get("large").await.unwrap().len(), 200_000);
        assert_eq!(get("missing").await, None);
    });
}

#[test]
fn what_lies_in_memory_is_read_on_a_thread_of_the_runtime() {
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        return; // Not every system has it.
    };
    let config = Config {
        directory: memory.path().join("cache"),
        ..Config::default()
    };
    let backend = FileBackend::new(config).unwrap();
    for (text, length) in [("small", 100_000), ("large", 200_000)] {
        assert!(poll_once(set(&backend, text, &vec![b'x'; length])).is_ready());
    }
    with_busy_pool(async |free| {
        drop(free);
        value(&backend, "small").await.unwrap();
    });
    with_busy_pool(async |free| {
        assert!(poll_once(value(&backend, "small")).is_ready());
        assert!(poll_once(value(&backend, "large")).is_pending());
        drop(free);
    });
}

#[test]
fn what_another_file_system_promises_is_found_out_when_it_takes_the_place() {
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        return; // Not every system has it.
    };
    let (scratch, disk) = (Scratch::new(), tempfile::tempdir().unwrap());
    let backend = FileBackend::new(scratch.config()).unwrap();
    for place in [&disk, &memory] {
        let _ = std::fs::remove_file(scratch.cache());
        std::os::unix::fs::symlink(place.path(), scratch.cache()).unwrap();
        assert!(poll_once(set(&backend, "k", b"v")).is_ready());
        with_busy_pool(async |free| {
            drop(free);
            value(&backend, "k").await.unwrap();
        });
    }
    with_busy_pool(async |free| {
        // Not every file system has what a link says in memory.
        if opens_cached(&path_of(&scratch, "k")) {
            assert!(poll_once(value(&backend, "k")).is_ready());
        }
        drop(free);
    });
}

fn opens_cached(path: &Path) -> bool {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

    openat2(
        CWD,
        path,
        OFlags::RDONLY,
        Mode::empty(),
        ResolveFlags::CACHED,
    )
    .is_ok()
}

/// Sets an entry outside of tokio, and says where its file is.
fn only(backend: &FileBackend, scratch: &Scratch, text: &str, length: usize) -> PathBuf {
    let before = scratch.files();
    assert!(poll_once(set(backend, text, &vec![b'x'; length])).is_ready());
    let mut files = scratch.files();
    files.retain(|file| !before.contains(file));
    files.remove(0)
}

#[test]
fn a_bulk_read_is_done_on_a_thread_of_the_runtime_up_to_a_bound() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let keys: Vec<_> = (0..33).map(|number| key(&format!("k{number}"))).collect();
    let file = only(&backend, &scratch, "k0", 100);
    for number in 1..33 {
        only(&backend, &scratch, &format!("k{number}"), 100);
    }
    for text in ["half", "other-half", "too-much"] {
        only(&backend, &scratch, text, 60_000);
    }
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(value(&backend, "k0"))
        .unwrap();
    let promised = is_cached(&file).is_ok();
    let halves = [key("half"), key("other-half"), key("too-much")];
    with_busy_pool(async |free| {
        let get = |keys| poll_once(backend.get_many(keys, Want::Value));
        assert_eq!(get(&keys[..32]).is_ready(), promised);
        assert_eq!(get(&halves[..2]).is_ready(), promised);
        assert!(get(&halves).is_pending());
        assert!(get(&keys).is_pending());
        drop(free);
    });
    with_busy_pool(async |free| {
        drop(free);
        let asked = [&keys[..3], &[key("missing")], &halves].concat();
        let read = backend.get_many(&asked, Want::Value).await;
        let length = |read: &Result<Lookup>| {
            let found = read.as_ref().unwrap().found.as_ref();
            found.map(|found| found.value.len())
        };
        let lengths: Vec<_> = read.iter().map(length).collect();
        let expected = [
            Some(100),
            Some(100),
            Some(100),
            None,
            Some(60_000),
            Some(60_000),
            Some(60_000),
        ];
        assert_eq!(lengths, expected);
    });
}
