//! What `FileBackend::verify` finds, and that it changes nothing.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cachekit_core::backend::{Backend, Ttl};
use cachekit_core::error::ErrorKind;
use cachekit_core::testkit::ManualClock;
use cachekit_file::{Config, FileBackend, Report};

use crate::scratch::{LONG, Scratch, key, path_of, set};

fn verified(backend: &FileBackend) -> Report {
    backend.verify(|_| {}).unwrap()
}

/// Each file with its content, its inode and when it was last modified, in the order of the paths.
fn all(scratch: &Scratch) -> Vec<(PathBuf, blake3::Hash, u64, SystemTime)> {
    let mut files = scratch.all_files();
    files.sort();
    let told = |path: PathBuf| {
        let metadata = path.symlink_metadata().unwrap();
        let content = blake3::hash(&std::fs::read(&path).unwrap());
        (path, content, metadata.ino(), metadata.modified().unwrap())
    };
    files.into_iter().map(told).collect()
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn every_file_is_counted_once_by_its_reason_and_nothing_is_changed() {
    let (scratch, time) = (Scratch::new(), ManualClock::new());
    let backend = FileBackend::with_clock(scratch.config(), time.clock()).unwrap();
    let short = Ttl::from_secs(1);
    let value = Bytes::from_static(b"a value");
    backend.set(&key("over"), value, short, None).await.unwrap();
    time.advance(Duration::from_secs(2));
    for text in [
        "fresh",
        "fresh-too",
        "stale",
        "foreign",
        "cut",
        "none",
        "zeros",
        "altered",
    ] {
        set(&backend, text, b"a value").await;
    }
    set(&backend, "large", &[b'x'; 1 << 20]).await;
    set(&backend, "other", b"a value").await;
    backend.expire(&key("stale")).await.unwrap();
    change(&path_of(&scratch, "foreign"), |bytes| bytes[4] = 2);
    change(&path_of(&scratch, "cut"), |bytes| bytes.truncate(50));
    change(&path_of(&scratch, "none"), Vec::clear);
    change(&path_of(&scratch, "zeros"), |bytes| bytes.fill(0));
    change(&path_of(&scratch, "altered"), |bytes| bytes[60] ^= 1);
    let folder = path_of(&scratch, "fresh").with_file_name("");
    let misplaced = path_of(&scratch, "other").with_file_name("0".repeat(64));
    std::fs::copy(path_of(&scratch, "other"), misplaced).unwrap();
    std::fs::write(folder.join(".tmp-0123456789abcdef-0"), b"half").unwrap();
    std::fs::write(folder.join("notes"), b"strange").unwrap();
    std::fs::create_dir(folder.join("f".repeat(64))).unwrap();
    std::fs::write(scratch.cache().join("v1/notes"), b"strange").unwrap();
    if !folder.join(".spare").exists() {
        std::fs::write(folder.join(".spare"), b"").unwrap();
    }

    let before = all(&scratch);
    let report = verified(&backend);
    assert_eq!(all(&scratch), before);
    let spares = scratch.all_files();
    let spares = spares.iter().filter(|file| file.ends_with(".spare"));
    let counts = [
        (report.folders, 256, "folders"),
        (report.fresh, 4, "fresh"),
        (report.stale, 1, "stale"),
        (report.over, 1, "over"),
        (report.foreign, 1, "foreign"),
        (report.torn, 3, "torn"),
        (report.altered, 1, "altered"),
        (report.misplaced, 1, "misplaced"),
        (report.unreadable, 0, "unreadable"),
        (report.temps, 1, "temps"),
        (report.spares, spares.count() as u64, "spares"),
        (report.strangers, 3, "strangers"),
        (report.entries(), 12, "entries"),
        (report.damaged(), 5, "damaged"),
    ];
    for (found, expected, name) in counts {
        assert_eq!(found, expected, "{name} of {report:?}");
    }
}

#[tokio::test]
async fn what_a_folder_has_written_down_is_compared_with_what_it_holds() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    for number in 0..20 {
        set(&backend, &format!("k{number}"), b"v").await;
    }
    let whole = verified(&backend);
    assert_eq!((whole.miscounted, whole.believed_entries), (0, 20));
    assert_eq!(whole.believed_bytes, whole.bytes);
    let files = scratch.files();
    let used = files
        .iter()
        .map(|file| file.metadata().unwrap().blocks() * 512);
    assert!(whole.bytes >= used.sum::<u64>());

    std::fs::remove_file(path_of(&scratch, "k0")).unwrap();
    let behind = verified(&backend);
    assert_eq!((behind.miscounted, behind.entries()), (1, 19));
    assert_eq!(behind.believed_entries, 20);

    change(
        &path_of(&scratch, "k1").with_file_name(".folder"),
        |bytes| bytes.fill(0),
    );
    assert_eq!(verified(&backend).miscounted, 2);
}

#[tokio::test]
async fn progress_is_told_folder_by_folder() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    for number in 0..20 {
        set(&backend, &format!("k{number}"), b"v").await;
    }
    let mut told: Vec<Report> = Vec::new();
    let report = backend.verify(|report| told.push(report.clone())).unwrap();
    let folders: Vec<_> = told.iter().map(|report| report.folders).collect();
    assert_eq!(folders, (1..=256).collect::<Vec<_>>());
    assert!(told.is_sorted_by_key(|report| report.fresh));
    assert_eq!(told.last(), Some(&report));
}

#[test]
fn a_directory_in_use_shows_no_damage() {
    let scratch = Scratch::new();
    let config = Config {
        max_entries: 100,
        ..scratch.config()
    };
    let backend = FileBackend::new(config).unwrap();
    let going = AtomicBool::new(true);
    let (started, writing) = std::sync::mpsc::channel();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(churn(&backend, &going, started));
        });
        writing.recv().unwrap();
        let reports: Vec<_> = (0..100).map(|_| verified(&backend)).collect();
        going.store(false, Ordering::Relaxed);
        for report in reports {
            assert_eq!((report.damaged(), report.miscounted), (0, 0), "{report}");
        }
    });
}

/// Sets, expires and removes a few entries of changing lengths, all in one folder.
async fn churn(backend: &FileBackend, going: &AtomicBool, started: std::sync::mpsc::Sender<()>) {
    let texts = (0..).map(|number| format!("k{number}"));
    let texts = texts.filter(|text| blake3::hash(text.as_bytes()).as_bytes()[0] == 0);
    let keys: Vec<_> = texts.take(30).map(|text| key(&text)).collect();
    for round in 0.. {
        for (number, key) in keys.iter().enumerate() {
            let length = 10 + (number * 37 + round * 101) % 30_000;
            let value = Bytes::from(vec![b'x'; length]);
            match (round + number) % 5 {
                0 => backend.remove(key).await.unwrap(),
                1 => backend.expire(key).await.unwrap(),
                _ => {
                    backend.set(key, value, LONG, None).await.unwrap();
                }
            }
        }
        if round == 0 {
            started.send(()).unwrap();
        }
        if !going.load(Ordering::Relaxed) {
            return;
        }
    }
}

#[test]
fn a_directory_that_is_not_there_is_an_error_and_is_not_made() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let error = backend.verify(|_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!scratch.cache().exists());
    std::fs::create_dir(scratch.cache()).unwrap();
    let report = verified(&backend);
    assert_eq!(report.to_string(), "0 entries in 0 bytes of disk");
    assert!(scratch.all_files().is_empty());
}

#[tokio::test]
async fn a_report_is_one_line_of_what_there_is() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "fresh", b"v").await;
    set(&backend, "torn", b"v").await;
    change(&path_of(&scratch, "torn"), |bytes| bytes.truncate(3));
    let report = verified(&backend);
    let bytes = report.bytes;
    let line = format!("2 entries in {bytes} bytes of disk: 1 fresh, 1 torn");
    assert_eq!(report.to_string(), line);
}

#[tokio::test]
async fn what_is_too_large_to_be_served_is_counted_and_not_read() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"v").await;
    let path = path_of(&scratch, "k");
    // A terabyte, of which nothing is there.
    let length: u64 = 1 << 40;
    change(&path, |bytes| {
        bytes.truncate(49);
        bytes[24..32].copy_from_slice(&length.to_le_bytes());
    });
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    if file.set_len(49 + length).is_err() {
        return; // Not every file system has files of this length.
    }
    let report = verified(&backend);
    assert_eq!((report.too_large, report.entries()), (1, 1));
    assert_eq!(crate::scratch::value(&backend, "k").await, None);
}
