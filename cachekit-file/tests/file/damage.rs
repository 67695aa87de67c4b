//! Whatever happens to a file: a miss, or the value that was set.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::time::Duration;

use cachekit_core::backend::{Backend, Found, Want};
use cachekit_core::testkit::ManualClock;
use cachekit_file::FileBackend;

use crate::scratch::{Scratch, at_once, key, set, value};

async fn stored(value: &[u8]) -> (Scratch, FileBackend, Vec<u8>) {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", value).await;
    let bytes = std::fs::read(scratch.file()).unwrap();
    (scratch, backend, bytes)
}

/// What is found in the place of the one entry if its file holds `bytes`.
fn found(scratch: &Scratch, backend: &FileBackend, bytes: &[u8]) -> Option<Found> {
    std::fs::write(scratch.file(), bytes).unwrap();
    at_once(backend.get(&key("k"), Want::Value)).unwrap().found
}

#[test]
fn every_change_of_one_byte_is_a_miss_or_makes_the_entry_stale() {
    let (scratch, backend, whole) = at_once(stored(b"the value"));
    let file = OpenOptions::new().write(true).open(scratch.file()).unwrap();
    let get = || at_once(backend.get(&key("k"), Want::Value)).unwrap().found;
    for (at, byte) in whole.iter().enumerate() {
        for flip in 1..=255 {
            file.write_all_at(&[byte ^ flip], at as u64).unwrap();
            if let Some(found) = get() {
                assert_eq!((&found.value[..], found.stale), (&b"the value"[..], true));
            }
        }
        file.write_all_at(&[*byte], at as u64).unwrap();
    }
    assert!(!get().unwrap().stale);
}

#[test]
fn every_truncation_and_every_tail_is_a_miss() {
    for value in [&b"the value"[..], &[b'x'; 20_000]] {
        let (scratch, backend, whole) = at_once(stored(value));
        for length in (0..whole.len()).step_by(value.len().div_ceil(500)) {
            let mut torn = whole[..length].to_vec();
            assert_eq!(found(&scratch, &backend, &torn), None, "{length} bytes");
            torn.resize(whole.len(), 0);
            assert_eq!(
                found(&scratch, &backend, &torn),
                None,
                "zeros from {length}"
            );
        }
        for tail in [&b"x"[..], &[0], &[0; 20_000]] {
            let longer = [&whole[..], tail].concat();
            assert_eq!(found(&scratch, &backend, &longer), None);
        }
    }
}

#[test]
fn a_header_that_claims_more_than_there_is_costs_no_memory() {
    let (scratch, backend, whole) = at_once(stored(&[b'x'; 20_000]));
    for length in [20_001, 1 << 20, 1 << 40, u64::MAX] {
        let mut claiming = whole.clone();
        claiming[24..32].copy_from_slice(&length.to_le_bytes());
        assert_eq!(found(&scratch, &backend, &claiming), None);
    }
    for length in [0, 2, 1 << 20, u32::MAX] {
        let mut claiming = whole.clone();
        claiming[20..24].copy_from_slice(&length.to_le_bytes());
        assert_eq!(found(&scratch, &backend, &claiming), None);
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
