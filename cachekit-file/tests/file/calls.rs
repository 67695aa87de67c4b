//! Where the work is done, and what becomes of a call that is dropped.

#[cfg(target_os = "linux")]
use std::fs::File;
use std::fs::OpenOptions;
use std::future::Future;
#[cfg(target_os = "linux")]
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll, Waker};
#[cfg(target_os = "linux")]
use std::time::Duration;

use bytes::Bytes;
#[cfg(target_os = "linux")]
use cachekit_core::backend::Lead;
use cachekit_core::backend::{Backend, Lookup, NewEntry, Want};
use cachekit_core::clock::Clock;
use cachekit_core::error::{ErrorKind, Result};
use cachekit_file::{Config, FileBackend};

#[cfg(target_os = "linux")]
use crate::scratch::opened;
use crate::scratch::{LONG, Scratch, key, path_of, set, value};

#[cfg(target_os = "linux")]
const WANT: Want = Want::Lead {
    hold: LONG,
    early: Duration::ZERO,
    patience: Duration::ZERO,
};

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once, then drops.
fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    poll(pin!(future))
}

#[test]
fn outside_of_tokio_every_call_is_done_where_the_caller_is() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    assert!(poll_once(backend.set(&key("k"), large.clone(), LONG, None)).is_ready());
    let Poll::Ready(found) = poll_once(backend.get(&key("k"), Want::Value)) else {
        panic!("not done at once");
    };
    assert_eq!(found.unwrap().found.unwrap().value, large);
}

/// Runs `calls` on a runtime whose blocking pool has one thread, which is busy until the sender is
/// dropped.
fn with_busy_pool(calls: impl AsyncFnOnce(Sender<()>)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build();
    runtime.unwrap().block_on(async {
        let (free, busy) = std::sync::mpsc::channel::<()>();
        let thread = tokio::task::spawn_blocking(move || busy.recv());
        calls(free).await;
        assert!(thread.await.unwrap().is_err());
    });
}

/// Whether the kernel has the content of the file at `path`, and says so without reading it.
#[cfg(target_os = "linux")]
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
#[cfg(target_os = "linux")]
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

#[cfg(target_os = "linux")]
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

#[cfg(target_os = "linux")]
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

#[cfg(target_os = "linux")]
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

#[cfg(target_os = "linux")]
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
#[cfg(target_os = "linux")]
fn only(backend: &FileBackend, scratch: &Scratch, text: &str, length: usize) -> PathBuf {
    let before = scratch.files();
    assert!(poll_once(set(backend, text, &vec![b'x'; length])).is_ready());
    let mut files = scratch.files();
    files.retain(|file| !before.contains(file));
    files.remove(0)
}

#[cfg(target_os = "linux")]
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

#[test]
fn a_set_that_was_dropped_does_not_come_after_a_later_removal() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let large = Bytes::from(vec![b'x'; 8 << 20]);
    for _ in 0..5 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let key = key("k");
            let mut dropped = Box::pin(backend.set(&key, large.clone(), LONG, None));
            assert!(poll(dropped.as_mut()).is_pending());
            // Some milliseconds of work for one thread of the pool; the removal takes another.
            while scratch.files().is_empty() {
                std::thread::yield_now();
            }
            drop(dropped);
            backend.remove(&key).await.unwrap();
        });
        // Waits for what is running in the pool.
        drop(runtime);
        assert!(scratch.files().is_empty());
    }
}

#[test]
fn a_call_that_was_dropped_before_it_began_does_not_begin() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    assert!(poll_once(set(&backend, "k", b"v")).is_ready());
    with_busy_pool(async |free| {
        assert!(poll_once(backend.remove(&key("k"))).is_pending());
        drop(free);
        // The pool has one thread: what it was given before is over.
        assert_eq!(value(&backend, "missing").await, None);
        assert_eq!(value(&backend, "k").await.unwrap(), "v");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_refused_set_that_was_dropped_does_not_remove_what_is_there() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(Config {
        max_value: 10,
        ..scratch.config()
    })
    .unwrap();
    assert!(poll_once(set(&backend, "k", b"v")).is_ready());
    let lock = scratch.file().with_file_name(".folder");
    let held = File::open(&lock).unwrap();
    held.lock().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let key = key("k");
        let large = Bytes::from(vec![b'x'; 11]);
        let mut dropped = Box::pin(backend.set(&key, large, LONG, None));
        assert!(poll(dropped.as_mut()).is_pending());
        while opened(&lock) < 2 {
            std::thread::yield_now();
        }
    });
    held.unlock().unwrap();
    // Waits for what is running in the pool.
    drop(runtime);
    assert_eq!(scratch.files().len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_who_went_away_before_its_turn_is_given_no_lead() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    assert!(poll_once(set(&backend, "k", b"v")).is_ready());
    let lock = scratch.file().with_file_name(".folder");
    assert!(poll_once(backend.remove(&key("k"))).is_ready());
    let held = File::open(&lock).unwrap();
    held.lock().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let key = key("k");
        let mut dropped = backend.get(&key, WANT);
        assert!(poll(dropped.as_mut()).is_pending());
        while opened(&lock) < 2 {
            std::thread::yield_now();
        }
    });
    held.unlock().unwrap();
    drop(runtime);
    assert_eq!(lock.metadata().unwrap().len(), 64, "a head, and no lead");
}

#[cfg(target_os = "linux")]
#[test]
fn the_lead_of_a_reader_who_goes_away_with_the_runtime_goes_back() {
    let scratch = Scratch::new();
    let backend = Arc::new(FileBackend::new(scratch.config()).unwrap());
    assert!(poll_once(set(&backend, "k", b"v")).is_ready());
    let lock = scratch.file().with_file_name(".folder");
    assert!(poll_once(backend.remove(&key("k"))).is_ready());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (free, busy) = std::sync::mpsc::channel::<()>();
    runtime.block_on(async {
        let reader = Arc::clone(&backend);
        tokio::spawn(async move { reader.get(&key("k"), WANT).await });
        let held = File::open(&lock).unwrap();
        held.lock().unwrap();
        tokio::task::yield_now().await;
        drop(held);
        // It gets its lead when nobody polls it any more.
        while lock.metadata().unwrap().len() < 128 || opened(&lock) > 0 {
            std::thread::yield_now();
        }
        // The one thread of the pool takes nothing else.
        drop(tokio::task::spawn_blocking(move || busy.recv()));
    });
    runtime.shutdown_background();
    drop(free);
    let clock = Clock::system();
    let deadline = clock.monotonic_ms() + 60_000;
    let lead = || match poll_once(backend.get(&key("k"), WANT)) {
        Poll::Ready(lookup) => lookup.unwrap().lead,
        Poll::Pending => panic!("not done at once"),
    };
    while lead() == Lead::Other {
        assert!(clock.monotonic_ms() < deadline, "led by nobody");
        // Another thread gives it back, and needs its turn at the folder.
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_the_pool_takes_at_once_all_end() {
    let scratch = Scratch::new();
    let backend = Arc::new(FileBackend::new(scratch.config()).unwrap());
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..500 {
        let backend = Arc::clone(&backend);
        calls.spawn(async move { set(&backend, &format!("k{number}"), b"v").await });
    }
    calls.join_all().await;
    assert_eq!(scratch.files().len(), 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_for_a_folder_that_is_stuck_do_not_keep_others_out_of_the_pool() {
    let scratch = Scratch::new();
    let backend = Arc::new(FileBackend::new(scratch.config()).unwrap());
    set(&backend, "stuck", b"v").await;
    let lock = scratch.file().with_file_name(".folder");
    let held = OpenOptions::new().append(true).open(lock).unwrap();
    held.lock().unwrap();
    let clock = Clock::system();
    let begun = clock.monotonic_ms();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..320 {
        let backend = Arc::clone(&backend);
        calls.spawn(async move { backend.remove(&key("stuck")).await });
    }
    for removed in calls.join_all().await {
        assert_eq!(removed.unwrap_err().kind(), ErrorKind::Timeout);
    }
    // Each a second after the other, it would be more than five minutes.
    let lasted = clock.monotonic_ms() - begun;
    assert!(lasted < 120_000, "{lasted} ms");
    drop(held);
    backend.remove(&key("stuck")).await.unwrap();
}

#[tokio::test]
async fn one_entry_of_many_that_is_refused_fails_alone() {
    let scratch = Scratch::new();
    let config = Config {
        max_value: 10,
        ..scratch.config()
    };
    let backend = FileBackend::new(config).unwrap();
    let entry = |text: &str, value: &'static str| NewEntry {
        key: key(text),
        value: Bytes::from(value),
        ttl: LONG,
        lead: None,
    };
    let entries = vec![
        entry("a", "short"),
        entry("b", "longer than ten"),
        entry("c", "short"),
    ];
    let results = backend.set_many(entries).await;
    let stored: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(stored, [true, false, true]);
}

#[test]
fn a_backend_outlives_the_runtime_it_was_first_used_on() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    for round in 0..3 {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        runtime.block_on(set(&backend, &format!("k{round}"), b"v"));
    }
    assert_eq!(scratch.files().len(), 3);
}
