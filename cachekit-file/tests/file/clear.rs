//! A directory is emptied at once, for all who share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cachekit_core::backend::Backend;
use cachekit_core::error::ErrorKind;
use cachekit_file::FileBackend;

use crate::scratch::{ENTRIES, Scratch, few, fill, folder_of, key, path_of, set, value};

#[tokio::test]
async fn nothing_is_found_after_it_and_nothing_is_left() {
    let scratch = Scratch::new();
    let (a, b) = (
        FileBackend::new(few(&scratch)).unwrap(),
        FileBackend::new(few(&scratch)).unwrap(),
    );
    fill(&a, 0..50).await;
    b.clear().unwrap();
    assert_eq!(value(&a, "k7").await, None);
    assert_eq!(scratch.files().len(), 0);
    assert!(!scratch.cache().join("v1/cleared").exists());
    set(&a, "k7", b"new").await;
    assert_eq!(value(&b, "k7").await.unwrap(), "new");
    b.remove(&key("k7")).await.unwrap();
    assert_eq!(value(&a, "k7").await, None);
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_clear() {
    let scratch = Scratch::new();
    FileBackend::new(few(&scratch)).unwrap().clear().unwrap();
    assert_eq!(scratch.files().len(), 0);
}

#[tokio::test]
async fn the_whole_room_is_free_after_it() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(few(&scratch)).unwrap();
    for _ in 0..3 {
        fill(&backend, 0..ENTRIES).await;
        assert_eq!(scratch.files().len(), ENTRIES);
        backend.clear().unwrap();
    }
}

#[tokio::test]
async fn entries_of_other_releases_go_too() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(few(&scratch)).unwrap();
    fill(&backend, 0..10).await;
    for file in scratch.files() {
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[4] = 2;
        std::fs::write(&file, bytes).unwrap();
    }
    backend.clear().unwrap();
    assert_eq!(scratch.files().len(), 0);
}

#[tokio::test]
async fn what_an_interrupted_clearing_left_goes_while_others_write() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(few(&scratch)).unwrap();
    fill(&backend, 0..1).await;
    let left = scratch.cache().join("v1/cleared/ab-0123456789abcdef");
    std::fs::create_dir_all(&left).unwrap();
    for number in 0..100 {
        std::fs::write(left.join(format!("{number:064x}")), "v").unwrap();
    }
    fill(&backend, 1..50).await;
    assert!(!scratch.cache().join("v1/cleared").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_may_go_on_writing_meanwhile() {
    let scratch = Scratch::new();
    let written = Arc::new(AtomicUsize::new(0));
    let write = {
        let backend = FileBackend::new(scratch.config()).unwrap();
        let written = Arc::clone(&written);
        tokio::spawn(async move {
            for number in 0..100 {
                let length = if number % 2 == 0 { 10 } else { 300_000 };
                set(&backend, &format!("k{}", number % 10), &vec![1; length]).await;
                written.store(number, Ordering::Relaxed);
            }
        })
    };
    let backend = Arc::new(FileBackend::new(scratch.config()).unwrap());
    let mut before = 0;
    while !write.is_finished() {
        // No write is cleared under twice.
        if written.load(Ordering::Relaxed) < before + 2 {
            tokio::task::yield_now().await;
            continue;
        }
        before = written.load(Ordering::Relaxed);
        let clearing = Arc::clone(&backend);
        let cleared = tokio::task::spawn_blocking(move || clearing.clear());
        cleared.await.unwrap().unwrap();
    }
    write.await.unwrap();
    backend.clear().unwrap();
    assert_eq!(scratch.files().len(), 0);
}

#[tokio::test]
async fn a_folder_that_is_held_is_told_and_the_others_are_cleared() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(few(&scratch)).unwrap();
    fill(&backend, 0..20).await;
    let held = std::fs::File::open(folder_of(&scratch, "k7").join(".folder")).unwrap();
    held.lock().unwrap();
    assert_eq!(backend.clear().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(scratch.files(), [path_of(&scratch, "k7")]);
    drop(held);
    backend.clear().unwrap();
    assert_eq!(scratch.files().len(), 0);
}
