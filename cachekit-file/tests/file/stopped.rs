//! A process that is stopped while it has a lock, for as long as somebody likes: others wait for
//! about a second, and then do without, or fail in a way that says so. Readers never wait.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend, Lead, Want};
use cachekit_core::clock::Clock;
use cachekit_core::error::ErrorKind;
use cachekit_file::{Config, FileBackend};
use rustix::fs::{FlockOperation, flock};

use crate::scratch::{LONG, Scratch, at_once, folder_of, key, set, value};

/// Has the lock of a file, as a process that was stopped would.
fn hold(path: &Path) -> File {
    let file = File::open(path).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    file
}

#[tokio::test]
async fn whoever_holds_a_folder_for_too_long_makes_writes_fail_and_reads_not() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"old").await;
    let lock = hold(&folder_of(&scratch, "k").join(".folder"));
    let clock = Clock::system();
    let begin = clock.monotonic_ms();
    let refused = backend.set(&key("k"), Bytes::from("new"), LONG, None).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(clock.monotonic_ms() - begin >= 500);
    for refused in [
        backend.expire(&key("k")).await,
        backend.remove(&key("k")).await,
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Timeout);
    }
    let begin = clock.monotonic_ms();
    for _ in 0..60 {
        assert_eq!(value(&backend, "k").await.unwrap(), "old");
    }
    let took = clock.monotonic_ms() - begin;
    assert!(took < 30_000, "{took} ms, where one wait is a second");
    drop(lock);
    set(&backend, "k", b"new").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "new");
}

#[tokio::test]
async fn whoever_makes_room_for_too_long_does_not_keep_others_from_it() {
    let scratch = Scratch::new();
    let config = Config {
        max_entries: 100,
        ..scratch.config()
    };
    let backend = FileBackend::new(config.clone()).unwrap();
    for number in 0..150 {
        set(&backend, &format!("k{number}"), b"v").await;
    }
    let _lock = hold(&scratch.cache().join("v1/collector"));
    let other = FileBackend::new(config).unwrap();
    for number in 0..10 {
        let backend = if number % 2 == 0 { &backend } else { &other };
        set(backend, &format!("l{number}"), b"v").await;
    }
    assert!(scratch.files().len() <= 100);
}

#[tokio::test]
async fn whoever_holds_the_budget_for_too_long_is_waited_for_once() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"old").await;
    let budget = scratch.cache().join("v1/budget");
    let held = hold(&budget);
    let other = FileBackend::new(scratch.config()).unwrap();
    let clock = Clock::system();
    let begin = clock.monotonic_ms();
    set(&other, "k", b"new").await;
    assert!(clock.monotonic_ms() - begin >= 500);
    // Nobody uses what is held any more.
    let inode = |metadata: Metadata| metadata.ino();
    assert_ne!(
        inode(budget.metadata().unwrap()),
        inode(held.metadata().unwrap())
    );
    assert!(!budget.with_extension("next").exists());
    assert_eq!(value(&backend, "k").await.unwrap(), "new");
}

#[test]
fn threads_that_wait_for_the_budget_all_get_on() {
    let scratch = Scratch::new();
    scratch.make(&scratch.cache().join("v1"));
    File::create(scratch.cache().join("v1/budget")).unwrap();
    let _lock = hold(&scratch.cache().join("v1/budget"));
    let backend = FileBackend::new(scratch.config()).unwrap();
    std::thread::scope(|threads| {
        for number in 0..8 {
            let backend = &backend;
            threads.spawn(move || {
                at_once(set(backend, &format!("k{number}"), b"v"));
            });
        }
    });
}

#[tokio::test]
async fn a_removal_that_is_done_does_not_fail_for_a_budget_that_is_held() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.small_config()).unwrap();
    set(&backend, "k", &[b'x'; 100_000]).await;
    let _held = hold(&scratch.cache().join("v1/budget"));
    backend.remove(&key("k")).await.unwrap();
    assert_eq!(value(&backend, "k").await, None);
}

#[tokio::test]
async fn a_folder_that_another_process_does_not_let_go_of_is_a_timeout() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"v").await;
    let held = hold(&scratch.file().with_file_name(".folder"));
    assert_eq!(value(&backend, "k").await.unwrap(), "v", "takes no lock");
    let refused = backend.remove(&key("k")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Timeout);
    let early = Want::Lead {
        hold: LONG,
        early: Duration::from_secs(7_200),
        patience: Duration::ZERO,
    };
    let lookup = backend.get(&key("k"), early).await.unwrap();
    assert_eq!(lookup.found.unwrap().value, "v");
    assert_eq!(lookup.lead, Lead::Unfenced(None));
    drop(held);
    backend.remove(&key("k")).await.unwrap();
}

#[test]
fn whoever_writes_one_key_beside_many_others_gets_a_turn() {
    let scratch = Scratch::new();
    std::thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                let backend = FileBackend::new(scratch.config()).unwrap();
                for _ in 0..1_000 {
                    at_once(set(&backend, "k", b"v"));
                }
            });
        }
    });
}

#[test]
fn threads_that_wait_for_one_stuck_folder_give_up_together() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    at_once(set(&backend, "k", b"v"));
    let _held = hold(&scratch.file().with_file_name(".folder"));
    let clock = Clock::system();
    let begun = clock.monotonic_ms();
    std::thread::scope(|threads| {
        for _ in 0..60 {
            threads.spawn(|| {
                let removed = at_once(backend.remove(&key("k")));
                assert_eq!(removed.unwrap_err().kind(), ErrorKind::Timeout);
            });
        }
    });
    let lasted = clock.monotonic_ms() - begun;
    assert!(lasted < 30_000, "{lasted} ms, where one waits a second");
}
