//! By hand, for it takes minutes and some gigabytes: a directory with as many entries as
//! `CACHEKIT_TEST_ENTRIES` says.
//!
//! ```text
//! CACHEKIT_TEST_ENTRIES=1000000 cargo test --release -p cachekit-file --test file million
//! ```

use std::time::Duration;

use cachekit_core::env::{Problems, Vars};
use cachekit_file::{Config, FileBackend};
use tokio::time::Instant;

use crate::scratch::{Scratch, set, value};

async fn fill(backend: &FileBackend, names: std::ops::Range<u64>) {
    for number in names {
        set(backend, &format!("k{number}"), &[b'x'; 1_000]).await;
    }
}

async fn first_write(config: &Config) -> Duration {
    let began = Instant::now();
    let backend = FileBackend::new(config.clone()).unwrap();
    set(&backend, "first", b"v").await;
    began.elapsed()
}

#[tokio::test]
async fn a_large_directory_is_soon_open_bounded_from_the_first_write_on_and_soon_empty() {
    let given = Vars::from_process(&mut Problems::default());
    let Some(entries) = given.get("CACHEKIT_TEST_ENTRIES") else {
        return;
    };
    let entries: u64 = entries.parse().expect("a number of entries");
    let scratch = Scratch::new();
    let config = Config {
        max_entries: entries,
        max_size: 1 << 40,
        ..scratch.config()
    };
    let backend = FileBackend::new(config.clone()).unwrap();
    fill(&backend, 0..entries).await;
    drop(backend);

    let opened = first_write(&config).await;
    std::fs::remove_file(scratch.cache().join("v1/budget")).unwrap();
    let counted = first_write(&config).await;
    let backend = FileBackend::new(config).unwrap();
    fill(&backend, entries..entries + entries / 10).await;
    let count = scratch.files().len() as u64;
    assert!((entries * 99 / 100..=entries).contains(&count), "{count}");

    let began = Instant::now();
    std::thread::scope(|threads| {
        let clearing = threads.spawn(|| backend.clear());
        while std::fs::exists(scratch.cache().join("v1/ff")).unwrap() {
            std::thread::yield_now();
        }
        let gone = began.elapsed();
        clearing.join().unwrap().unwrap();
        println!(
            "first write {opened:?}, without the account {counted:?}, gone after {gone:?}, cleared after {:?}",
            began.elapsed()
        );
        assert!(opened.max(counted) < Duration::from_millis(50));
        assert!(gone < Duration::from_secs(1));
    });
    assert_eq!(value(&backend, "k7").await, None);
}
