//! A directory is emptied at once, for all who share it.

use cachekit_core::backend::Backend;
use cachekit_file::{Config, FileBackend};

use crate::scratch::{Scratch, key, set, value};

const ENTRIES: usize = 100;

fn few(scratch: &Scratch) -> Config {
    Config {
        max_entries: ENTRIES as u64,
        ..scratch.config()
    }
}

async fn fill(backend: &FileBackend, names: std::ops::Range<usize>) {
    for number in names {
        set(backend, &format!("k{number}"), b"v").await;
    }
}

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
    for _ in 0..5 {
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
