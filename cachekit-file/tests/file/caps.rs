//! The directory is kept under its caps by those who write.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend, Ttl};
use cachekit_core::error::ErrorKind;
use cachekit_core::testkit::ManualClock;
use cachekit_file::FileBackend;

use crate::scratch::{ENTRIES, LONG, Scratch, few, fill, key, set, value};

#[tokio::test]
async fn there_are_never_more_entries_than_the_cap_allows() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(few(&scratch)).unwrap();
    for number in 0..3 * ENTRIES {
        set(&backend, &format!("k{number}"), b"v").await;
        let count = scratch.files().len();
        assert!(count <= ENTRIES, "{count} entries");
        assert_eq!(
            value(&backend, &format!("k{number}")).await.unwrap(),
            "v",
            "the new one stays"
        );
    }
    assert!(
        scratch.files().len() >= ENTRIES * 4 / 5,
        "no more went than had to"
    );
}

#[tokio::test]
async fn the_disk_in_use_is_never_over_the_cap() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.small_config()).unwrap();
    for number in 0..300_usize {
        let length = number * 7_919 % 60_000;
        set(&backend, &format!("k{number}"), &vec![b'x'; length]).await;
        let files = scratch.files();
        let used: u64 = files
            .iter()
            .map(|file| file.metadata().unwrap().blocks() * 512)
            .sum();
        assert!(used <= 1 << 20, "{used} bytes");
    }
}

#[tokio::test]
async fn overwriting_at_the_cap_evicts_almost_nothing() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(few(&scratch)).unwrap();
    fill(&backend, 0..ENTRIES - 1).await;
    for _ in 0..5 {
        fill(&backend, 0..ENTRIES - 1).await;
    }
    assert_eq!(scratch.files().len(), ENTRIES - 1);
}

#[tokio::test]
async fn what_was_read_lately_outlives_what_was_not() {
    let scratch = Scratch::new();
    let time = ManualClock::new();
    let backend = FileBackend::with_clock(few(&scratch), time.clock()).unwrap();
    for number in 0..ENTRIES {
        fill(&backend, number..number + 1).await;
        time.advance(Duration::from_secs(1));
    }
    time.advance(Duration::from_secs(60));
    for number in 0..10 {
        value(&backend, &format!("k{number}")).await.unwrap();
    }
    time.advance(Duration::from_secs(1));
    fill(&backend, ENTRIES..ENTRIES + 20).await;
    for number in 0..10 {
        assert!(
            value(&backend, &format!("k{number}")).await.is_some(),
            "k{number} was read"
        );
    }
    for number in 10..30 {
        assert!(
            value(&backend, &format!("k{number}")).await.is_none(),
            "k{number} was not"
        );
    }
}

#[tokio::test]
async fn expired_entries_leave_while_others_are_written() {
    let scratch = Scratch::new();
    let time = ManualClock::new();
    let backend = FileBackend::with_clock(few(&scratch), time.clock()).unwrap();
    for number in 0..50 {
        let short = key(&format!("short{number}"));
        backend
            .set(&short, Bytes::from("v"), Ttl::from_secs(1), None)
            .await
            .unwrap();
    }
    time.advance(Duration::from_secs(1));
    fill(&backend, 0..ENTRIES / 2).await;
    assert_eq!(scratch.files().len(), ENTRIES / 2);
}

#[tokio::test]
async fn a_new_process_holds_the_caps_from_its_first_write_on() {
    let scratch = Scratch::new();
    fill(&FileBackend::new(scratch.config()).unwrap(), 0..3 * ENTRIES).await;
    fill(&FileBackend::new(few(&scratch)).unwrap(), 1_000..1_001).await;
    assert!(scratch.files().len() <= ENTRIES);
}

#[tokio::test]
async fn two_instances_hold_the_caps_together() {
    let scratch = Scratch::new();
    let (a, b) = (
        FileBackend::new(few(&scratch)).unwrap(),
        FileBackend::new(few(&scratch)).unwrap(),
    );
    for number in 0..3 * ENTRIES {
        set(
            if number % 2 == 0 { &a } else { &b },
            &format!("k{number}"),
            b"v",
        )
        .await;
        let count = scratch.files().len();
        assert!(count <= ENTRIES, "{count} entries");
    }
}

#[tokio::test]
async fn entries_of_another_version_are_counted_and_not_evicted() {
    let scratch = Scratch::new();
    fill(&FileBackend::new(scratch.config()).unwrap(), 0..ENTRIES).await;
    let foreign = scratch.files();
    for file in &foreign {
        let mut bytes = std::fs::read(file).unwrap();
        bytes[4] = 2;
        std::fs::write(file, bytes).unwrap();
    }
    let backend = FileBackend::new(few(&scratch)).unwrap();
    let folders = || {
        std::fs::read_dir(scratch.cache().join("v1"))
            .unwrap()
            .count()
    };
    let before = folders();
    for number in 0..10 {
        let refused = backend
            .set(&key(&format!("new{number}")), Bytes::from("v"), LONG, None)
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Rejected);
        assert!(refused.to_string().contains("no room"));
    }
    assert_eq!(
        folders(),
        before,
        "room comes before the file that takes it"
    );
    assert!(foreign.iter().all(|file| file.exists()));
    assert_eq!(scratch.files().len(), ENTRIES);
}
