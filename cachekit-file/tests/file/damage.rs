//! Whatever happens to a file: a miss, or the value that was set.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use cachekit_core::backend::{Backend, Want};
use cachekit_core::testkit::ManualClock;
use cachekit_file::FileBackend;

use crate::scratch::{Scratch, key, set, value};

async fn stored(value: &[u8]) -> (Scratch, FileBackend, Vec<u8>) {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", value).await;
    let bytes = std::fs::read(scratch.file()).unwrap();
    (scratch, backend, bytes)
}

#[tokio::test]
async fn every_change_of_one_byte_is_a_miss_or_the_equal_value() {
    let (scratch, backend, whole) = stored(b"the value").await;
    let file = scratch.file();
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] ^= flip;
            std::fs::write(&file, changed).unwrap();
            let found = value(&backend, "k").await;
            assert!(found.is_none_or(|found| found == "the value"), "byte {at}");
        }
    }
    std::fs::write(&file, whole).unwrap();
    assert_eq!(value(&backend, "k").await.unwrap(), "the value");
}

#[tokio::test]
async fn every_truncation_and_every_tail_of_zeros_is_a_miss() {
    let (scratch, backend, whole) = stored(b"the value").await;
    for length in 0..whole.len() {
        let mut torn = whole.clone();
        torn.truncate(length);
        std::fs::write(scratch.file(), &torn).unwrap();
        assert_eq!(value(&backend, "k").await, None, "{length} bytes");
        torn.resize(whole.len(), 0);
        std::fs::write(scratch.file(), &torn).unwrap();
        assert_eq!(value(&backend, "k").await, None, "zeros from {length}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_replaced_by_the_next_set() {
    let (scratch, backend, _) = stored(b"old").await;
    std::fs::write(scratch.file(), b"rubbish").unwrap();
    assert_eq!(value(&backend, "k").await, None);
    set(&backend, "k", b"new").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "new");
}

#[tokio::test]
async fn a_file_of_another_version_or_flag_is_a_miss_and_left_alone() {
    for at in [4, 5] {
        let (scratch, backend, mut foreign) = stored(b"v").await;
        foreign[at] ^= 0x40;
        std::fs::write(scratch.file(), &foreign).unwrap();
        for want in [
            Want::Value,
            Want::Lead {
                hold: crate::scratch::LONG,
                early: Duration::ZERO,
                patience: Duration::ZERO,
            },
        ] {
            assert_eq!(backend.get(&key("k"), want).await.unwrap().found, None);
        }
        assert_eq!(std::fs::read(scratch.file()).unwrap(), foreign);
    }
}

#[tokio::test]
async fn an_expiry_leaves_nothing_behind_that_another_version_could_serve_as_fresh() {
    let (scratch, backend, mut foreign) = stored(b"v").await;
    foreign[4] = 2;
    std::fs::write(scratch.file(), &foreign).unwrap();
    backend.expire(&key("k")).await.unwrap();
    assert!(scratch.files().is_empty());
}

#[tokio::test]
async fn the_file_of_another_key_is_a_miss() {
    let (scratch, backend, other) = stored(b"v").await;
    let name = scratch.file();
    backend.remove(&key("k")).await.unwrap();
    set(&backend, "l", b"w").await;
    std::fs::write(scratch.file(), other).unwrap();
    assert_eq!(value(&backend, "l").await, None);
    assert_ne!(scratch.file(), name);
}

#[tokio::test]
async fn a_symbolic_link_is_not_followed() {
    let (scratch, backend, whole) = stored(b"v").await;
    let (link, target) = (scratch.file(), scratch.path().join("target"));
    std::fs::write(&target, &whole).unwrap();
    std::fs::remove_file(&link).unwrap();
    symlink(&target, &link).unwrap();
    assert_eq!(value(&backend, "k").await, None);
    backend.expire(&key("k")).await.unwrap();
    set(&backend, "k", b"new").await;
    assert!(!std::fs::symlink_metadata(&link).unwrap().is_symlink());
    symlink_in_place_of(&link, &target);
    backend.remove(&key("k")).await.unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), whole);
}

fn symlink_in_place_of(link: &Path, target: &Path) {
    std::fs::remove_file(link).unwrap();
    symlink(target, link).unwrap();
}

#[tokio::test]
async fn a_pipe_or_a_folder_in_place_of_a_file_is_a_miss() {
    let (scratch, backend, _) = stored(b"v").await;
    let path = scratch.file();
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(value(&backend, "k").await, None);
    backend.expire(&key("k")).await.unwrap();
    std::fs::remove_dir(&path).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    assert_eq!(value(&backend, "k").await, None);
    backend.expire(&key("k")).await.unwrap();
    set(&backend, "k", b"new").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "new");
}

#[tokio::test]
async fn an_entry_is_not_served_after_the_clock_was_set_back_before_it_was_written() {
    let scratch = Scratch::new();
    let time = ManualClock::new();
    let backend = FileBackend::with_clock(scratch.config(), time.clock()).unwrap();
    set(&backend, "k", b"v").await;
    time.step_back(Duration::from_secs(60));
    assert_eq!(value(&backend, "k").await, None);
}
