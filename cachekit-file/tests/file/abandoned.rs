//! Callers that go away while what they asked for is being done.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use cachekit_core::backend::{Backend, Lead};
use cachekit_core::clock::Clock;
use cachekit_file::{Config, FileBackend};

use crate::calls::{poll, poll_once};
use crate::scratch::{LEADING, LONG, Scratch, key, opened, set};

/// Drops a call while what it does waits for `lock`, and lets that go on to its end.
fn drop_in_wait<T>(lock: &Path, call: impl Future<Output = T>) {
    let held = File::open(lock).unwrap();
    held.lock().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut dropped = Box::pin(call);
        assert!(poll(dropped.as_mut()).is_pending());
        while opened(lock) < 2 {
            std::thread::yield_now();
        }
    });
    held.unlock().unwrap();
    // Waits for what is running in the pool.
    drop(runtime);
}

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
    let large = Bytes::from(vec![b'x'; 11]);
    drop_in_wait(&lock, backend.set(&key("k"), large, LONG, None));
    assert_eq!(scratch.files().len(), 1);
}

#[test]
fn a_reader_who_went_away_before_its_turn_is_given_no_lead() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    assert!(poll_once(set(&backend, "k", b"v")).is_ready());
    let lock = scratch.file().with_file_name(".folder");
    assert!(poll_once(backend.remove(&key("k"))).is_ready());
    drop_in_wait(&lock, backend.get(&key("k"), LEADING));
    assert_eq!(lock.metadata().unwrap().len(), 64, "a head, and no lead");
}

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
        tokio::spawn(async move { reader.get(&key("k"), LEADING).await });
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
    let lead = || match poll_once(backend.get(&key("k"), LEADING)) {
        Poll::Ready(lookup) => lookup.unwrap().lead,
        Poll::Pending => panic!("not done at once"),
    };
    while lead() == Lead::Other {
        assert!(clock.monotonic_ms() < deadline, "led by nobody");
        // Another thread gives it back, and needs its turn at the folder.
        std::thread::yield_now();
    }
}
