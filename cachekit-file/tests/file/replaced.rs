//! A directory that is taken away, or replaced, while it is in use.

use std::os::unix::fs::symlink;
use std::path::Path;

use bytes::Bytes;
use cachekit_core::backend::{Backend, Want};
use cachekit_core::clock::Clock;
use cachekit_core::error::ErrorKind;
use cachekit_file::FileBackend;
use rustix::fs::{FlockOperation, flock};

use crate::scratch::{LONG, Scratch, folder_of, key, set, value};

#[tokio::test]
async fn what_was_renamed_away_is_not_served_and_comes_back_as_it_was() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let away = scratch.path().join("away");
    set(&backend, "k", b"old").await;
    std::fs::rename(scratch.cache(), &away).unwrap();
    assert_eq!(value(&backend, "k").await, None);
    set(&backend, "k", b"new").await;
    set(&backend, "l", b"new").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "new");

    std::fs::rename(scratch.cache(), scratch.path().join("second")).unwrap();
    std::fs::rename(&away, scratch.cache()).unwrap();
    assert_eq!(value(&backend, "k").await.unwrap(), "old");
    assert_eq!(value(&backend, "l").await, None);
    set(&backend, "k", b"newer").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "newer");
}

#[tokio::test]
async fn another_directory_in_its_place_is_used_as_it_is() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"old").await;
    std::fs::rename(scratch.cache(), scratch.path().join("away")).unwrap();
    let other = FileBackend::new(scratch.config()).unwrap();
    for round in 0..3_u8 {
        set(&other, "k", &[round]).await;
        assert_eq!(value(&backend, "k").await.unwrap(), [round][..]);
        set(&backend, "k", &[round + 10]).await;
        assert_eq!(value(&other, "k").await.unwrap(), [round + 10][..]);
    }
}

#[tokio::test]
async fn whoever_holds_a_folder_that_was_taken_away_holds_up_nobody() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"old").await;
    for taken in [folder_of(&scratch, "k"), scratch.cache()] {
        // A machine that is busy does not make each of them slow.
        let mut times = Vec::new();
        for _ in 0..5 {
            let lock = std::fs::File::open(folder_of(&scratch, "k").join(".folder")).unwrap();
            flock(&lock, FlockOperation::LockExclusive).unwrap();
            std::fs::rename(&taken, scratch.path().join("away")).unwrap();
            let begin = Clock::system().monotonic_ms();
            set(&backend, "k", b"new").await;
            assert_eq!(value(&backend, "k").await.unwrap(), "new");
            times.push(Clock::system().monotonic_ms() - begin);
            std::fs::remove_dir_all(scratch.path().join("away")).unwrap();
        }
        assert!(times.iter().any(|time| *time < 500), "{times:?}");
    }
}

#[tokio::test]
async fn a_file_in_place_of_a_folder_is_an_error_and_heals() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"old").await;
    for place in [folder_of(&scratch, "k"), scratch.cache().join("v1")] {
        let away = scratch.path().join("away");
        std::fs::rename(&place, &away).unwrap();
        std::fs::write(&place, b"a file").unwrap();
        let errors = [
            backend.get(&key("k"), Want::Value).await.map(drop),
            backend
                .set(&key("k"), Bytes::from("new"), LONG, None)
                .await
                .map(drop),
            backend.expire(&key("k")).await,
            backend.remove(&key("k")).await,
        ];
        for error in errors {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::Unavailable);
        }
        assert_eq!(std::fs::read(&place).unwrap(), b"a file");
        std::fs::remove_file(&place).unwrap();
        assert_eq!(value(&backend, "k").await, None);
        std::fs::rename(&away, &place).unwrap();
        assert_eq!(value(&backend, "k").await.unwrap(), "old");
        set(&backend, "k", b"old").await;
    }
}

#[tokio::test]
async fn a_link_in_place_of_a_folder_leads_to_nothing_wrong() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"old").await;
    set(&backend, "l", b"other").await;
    let (place, other) = (folder_of(&scratch, "k"), folder_of(&scratch, "l"));
    let outside = scratch.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), b"precious").unwrap();
    for target in [outside.as_path(), &other, Path::new("/nowhere")] {
        std::fs::remove_dir_all(&place).unwrap();
        symlink(target, &place).unwrap();
        let stored = backend.set(&key("k"), Bytes::from("new"), LONG, None).await;
        if let Ok(lookup) = backend.get(&key("k"), Want::Value).await {
            let found = lookup.found.map(|found| found.value);
            assert!(found.is_none() || stored.is_ok() && found.unwrap() == "new");
        }
        assert_eq!(value(&backend, "l").await.unwrap(), "other");
        std::fs::remove_file(&place).unwrap();
        set(&backend, "k", b"old").await;
        assert_eq!(value(&backend, "k").await.unwrap(), "old");
    }
    assert_eq!(
        std::fs::read(outside.join("precious")).unwrap(),
        b"precious"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_removed_again_and_again_gives_no_wrong_value_and_heals() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let directory = scratch.cache().join("v1");
    let remover = tokio::task::spawn_blocking(move || {
        for _ in 0..300 {
            // Somebody may put a file there at the same moment.
            let _ = std::fs::remove_dir_all(&directory);
        }
    });
    let mut round = 0_u64;
    while !remover.is_finished() {
        round += 1;
        let text = format!("k{}", round % 5);
        let written = Bytes::from(format!("{text} {round}"));
        match backend.set(&key(&text), written.clone(), LONG, None).await {
            Ok(_) => {
                let found = value(&backend, &text).await;
                assert!(found.is_none_or(|found| found == written));
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
        }
    }
    remover.await.unwrap();
    set(&backend, "k", b"healed").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "healed");
}
