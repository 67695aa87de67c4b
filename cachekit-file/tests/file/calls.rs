//! Where the work is done, and what becomes of a call that is dropped.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use cachekit_core::backend::{Backend, NewEntry, Want};
use cachekit_file::FileBackend;

use crate::scratch::{LONG, Scratch, key, set, value};

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

#[test]
fn a_small_read_is_done_where_the_caller_is_and_a_large_one_is_not() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build();
    runtime.unwrap().block_on(async {
        set(&backend, "small", &[b'x'; 100_000]).await;
        set(&backend, "large", &[b'x'; 200_000]).await;
        // Keeps the pool's one thread busy.
        let (free, busy) = std::sync::mpsc::channel::<()>();
        let thread = tokio::task::spawn_blocking(move || busy.recv());
        assert!(poll_once(backend.get(&key("small"), Want::Value)).is_ready());
        assert!(poll_once(backend.get(&key("missing"), Want::Value)).is_ready());
        assert!(poll_once(backend.get(&key("large"), Want::Value)).is_pending());
        drop(free);
        assert!(thread.await.unwrap().is_err());
        assert_eq!(value(&backend, "large").await.unwrap().len(), 200_000);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_the_pool_takes_at_once_all_end() {
    let scratch = Scratch::new();
    let backend = std::sync::Arc::new(FileBackend::new(scratch.config()).unwrap());
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..500 {
        let backend = std::sync::Arc::clone(&backend);
        calls.spawn(async move { set(&backend, &format!("k{number}"), b"v").await });
    }
    calls.join_all().await;
    assert_eq!(scratch.files().len(), 500);
}

#[tokio::test]
async fn one_entry_of_many_that_is_refused_fails_alone() {
    let scratch = Scratch::new();
    let config = cachekit_file::Config {
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
