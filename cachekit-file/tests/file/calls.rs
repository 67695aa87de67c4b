//! Where the work is done, and what becomes of a call that is dropped.

use std::fs::OpenOptions;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use cachekit_core::backend::{Backend, NewEntry, Want};
use cachekit_core::clock::Clock;
use cachekit_core::error::{ErrorKind, Result};
use cachekit_file::{Config, FileBackend};

use crate::scratch::{LONG, Scratch, key, set, value};

pub(crate) fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once, then drops.
pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
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
pub(crate) fn with_busy_pool(calls: impl AsyncFnOnce(Sender<()>)) {
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
