//! What is used is known and bounded whatever happens: with many processes, after crashes, with counts
//! that are lost or wrong.

use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend, Ttl};
use cachekit_core::clock::Clock;
use cachekit_core::testkit::ManualClock;
use cachekit_file::{Config, FileBackend};

use crate::child::{self, Process};
use crate::scratch::{ENTRIES, LONG, Scratch, few, fill, key, patiently, set, value};

/// Caps of which one is reached now, and now the other.
fn narrow(config: Config) -> Config {
    Config {
        max_entries: ENTRIES as u64,
        max_size: 800 << 10,
        max_value: 400 << 10,
        ..config
    }
}

async fn write_for_ever(config: Config) {
    let backend = FileBackend::new(narrow(config)).unwrap();
    let mut number = usize::try_from(std::process::id()).unwrap();
    loop {
        number = (number * 31 + 7) % 1_000;
        let key = key(&format!("k{number}"));
        if number.is_multiple_of(5) {
            patiently(async || backend.remove(&key).await).await;
        } else {
            let value = Bytes::from(vec![b'x'; number * 13]);
            // A writer that was stopped may have a lock.
            if let Err(error) = backend.set(&key, value, LONG, None).await {
                assert!(error.kind().is_retryable(), "{error}");
            }
        }
    }
}

/// How many entries there are, and the disk that they occupy.
fn used(scratch: &Scratch) -> (usize, u64) {
    let mut files = scratch.files();
    files.retain(|file| !file.to_str().unwrap().contains(".tmp-"));
    let blocks = files
        .iter()
        .filter_map(|file| Some(file.metadata().ok()?.blocks()));
    (files.len(), blocks.map(|blocks| blocks * 512).sum())
}

#[tokio::test]
async fn eight_processes_are_within_the_caps_whenever_they_are_stopped() {
    const THIS: &str = "collector::eight_processes_are_within_the_caps_whenever_they_are_stopped";
    if let Some(config) = child::config() {
        return write_for_ever(config).await;
    }
    let scratch = Scratch::new();
    let start = |seed| Process::start(THIS, &scratch.cache(), seed);
    let writers: Vec<_> = (0..8).map(start).collect();
    let mut most = 0;
    let mut looks = 0;
    while looks < 30 || most < ENTRIES / 2 {
        std::thread::yield_now();
        writers.iter().for_each(Process::stop);
        assert!(writers.iter().all(Process::stands));
        let (count, bytes) = used(&scratch);
        assert!(count <= ENTRIES, "{count} entries");
        assert!(bytes <= 800 << 10, "{bytes} bytes");
        most = most.max(count);
        looks += 1;
        writers.iter().for_each(Process::resume);
    }
}

#[tokio::test]
async fn who_needs_room_waits_for_the_one_who_makes_it_and_not_for_ever() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(few(&scratch)).unwrap();
    fill(&backend, 0..ENTRIES + 1).await;
    let other = std::fs::File::open(scratch.cache().join("v1/collector")).unwrap();
    other.lock().unwrap();
    let new = key("new");
    let set = || backend.set(&new, Bytes::from("v"), LONG, None);
    set().await.unwrap();
    assert_eq!(scratch.files().len(), ENTRIES);

    let (waiting, free) = tokio::join!(set(), async {
        backend.remove(&key(&format!("k{ENTRIES}"))).await
    });
    waiting.unwrap();
    free.unwrap();
    drop(other);
    fill(&backend, 0..10).await;
    assert_eq!(scratch.files().len(), ENTRIES);
}

#[tokio::test]
async fn what_is_over_goes_before_what_was_not_used() {
    let scratch = Scratch::new();
    let time = ManualClock::new();
    let backend = FileBackend::with_clock(few(&scratch), time.clock()).unwrap();
    fill(&backend, 0..ENTRIES / 2).await;
    time.advance(Duration::from_secs(60));
    for number in 0..ENTRIES / 2 {
        let short = key(&format!("short{number}"));
        let set = backend.set(&short, Bytes::from("v"), Ttl::from_secs(1), None);
        set.await.unwrap();
    }
    time.advance(Duration::from_secs(1));
    fill(&backend, ENTRIES / 2..ENTRIES).await;
    for number in 0..ENTRIES {
        let found = value(&backend, &format!("k{number}")).await;
        assert!(found.is_some(), "k{number} is not over");
    }
}

#[tokio::test]
async fn where_entries_are_many_those_that_were_used_lately_stay_too() {
    const MANY: usize = 3_000;
    let scratch = Scratch::new();
    let time = ManualClock::new();
    let config = Config {
        max_entries: MANY as u64,
        ..scratch.config()
    };
    let backend = FileBackend::with_clock(config.clone(), time.clock()).unwrap();
    fill(&backend, 0..MANY).await;
    time.advance(Duration::from_secs(120));
    for number in (0..MANY).step_by(5) {
        value(&backend, &format!("k{number}")).await.unwrap();
    }
    // What it learned of use is in the files when it is gone.
    drop(backend);
    let backend = FileBackend::with_clock(config, time.clock()).unwrap();
    time.advance(Duration::from_secs(1));
    fill(&backend, MANY..MANY * 3 / 2).await;
    let mut kept = 0;
    for number in (0..MANY).step_by(5) {
        kept += usize::from(value(&backend, &format!("k{number}")).await.is_some());
    }
    assert_eq!(kept, MANY / 5);
}

#[tokio::test]
async fn the_room_of_those_who_were_killed_comes_back() {
    let scratch = Scratch::new();
    for number in 0..3 * ENTRIES {
        let backend = FileBackend::new(few(&scratch)).unwrap();
        set(&backend, &format!("k{}", number % 7), b"v").await;
        // It never gives back what it holds.
        std::mem::forget(backend);
    }
    let backend = FileBackend::new(few(&scratch)).unwrap();
    fill(&backend, 0..3 * ENTRIES).await;
    let count = scratch.files().len();
    assert!(count > ENTRIES * 19 / 20, "{count} entries");
}

#[tokio::test]
async fn those_who_are_idle_do_not_keep_the_room_from_those_who_write() {
    let scratch = Scratch::new();
    let mut idle = Vec::new();
    for number in 0..ENTRIES {
        let backend = FileBackend::new(few(&scratch)).unwrap();
        set(&backend, &format!("k{number}"), b"v").await;
        backend.remove(&key(&format!("k{number}"))).await.unwrap();
        idle.push(backend);
    }
    let backend = FileBackend::new(few(&scratch)).unwrap();
    fill(&backend, 0..3 * ENTRIES).await;
    let count = scratch.files().len();
    assert!(count > ENTRIES * 19 / 20, "{count} entries");
    for backend in &idle {
        set(backend, "another", b"v").await;
        assert!(scratch.files().len() <= ENTRIES);
    }
}

#[tokio::test]
async fn an_account_that_is_lost_or_damaged_is_made_again_from_the_folders() {
    let scratch = Scratch::new();
    let budget = scratch.cache().join("v1/budget");
    let backend = FileBackend::new(few(&scratch)).unwrap();
    fill(&backend, 0..ENTRIES).await;
    let damages: [&dyn Fn(); 4] = [
        &|| std::fs::remove_file(&budget).unwrap(),
        &|| std::fs::write(&budget, "").unwrap(),
        &|| std::fs::write(&budget, [0; 104]).unwrap(),
        &|| {
            let file = std::fs::OpenOptions::new().write(true).open(&budget);
            file.unwrap().write_all_at(&[0xff; 8], 8).unwrap();
        },
    ];
    for (round, damage) in damages.iter().enumerate() {
        damage();
        for number in 0..ENTRIES {
            set(&backend, &format!("{round}:{number}"), b"v").await;
            // At once, and every now and then.
            if number > 2 && number % 10 > 0 {
                continue;
            }
            let count = scratch.files().len();
            assert!(count <= ENTRIES, "{count} entries");
            assert!(count > ENTRIES * 9 / 10, "{count} entries");
        }
    }
}

/// The entries that are used or taken as shares, as all processes know it.
fn accounted(scratch: &Scratch) -> u64 {
    let account = std::fs::read(scratch.cache().join("v1/budget")).unwrap();
    u64::from_le_bytes(*account[16..].first_chunk().unwrap())
}

#[tokio::test]
async fn what_killed_writers_left_out_of_the_counts_is_found_again() {
    const THIS: &str = "collector::what_killed_writers_left_out_of_the_counts_is_found_again";
    if let Some(config) = child::config() {
        return write_for_ever(config).await;
    }
    let scratch = Scratch::new();
    for _ in 0..20 {
        let writer = Process::start(THIS, &scratch.cache(), 0);
        while scratch.files().len() < ENTRIES / 4 {
            std::thread::yield_now();
        }
        drop(writer);
    }
    let backend = FileBackend::new(narrow(scratch.config())).unwrap();
    fill(&backend, 0..3 * ENTRIES).await;
    let (count, _) = used(&scratch);
    assert_eq!(said(&scratch).iter().sum::<u64>(), count as u64);
    assert!(count > ENTRIES * 19 / 20, "{count} entries");
    drop(backend);
    assert_eq!(accounted(&scratch), count as u64, "nobody has a share");
}

/// Says that each of the 256 folders holds `entries`, without a file of them.
fn pretend(scratch: &Scratch, entries: u64) {
    for number in 0..=255_u8 {
        let folder = scratch.cache().join(format!("v1/{number:02x}"));
        std::fs::create_dir_all(&folder).unwrap();
        let mut head = [0; 64];
        head[..5].copy_from_slice(b"CKFF\x01");
        head[8..16].copy_from_slice(&(entries * 4_096).to_le_bytes());
        head[16..24].copy_from_slice(&entries.to_le_bytes());
        let checksum = xxhash_rust::xxh3::xxh3_64(&head[..56]);
        head[56..].copy_from_slice(&checksum.to_le_bytes());
        std::fs::write(folder.join(".folder"), head).unwrap();
    }
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(scratch.cache(), private).unwrap();
}

fn million(scratch: &Scratch) -> Config {
    Config {
        max_entries: 1_000_000,
        max_size: 1 << 40,
        ..scratch.config()
    }
}

/// The entries that each folder says it holds.
fn said(scratch: &Scratch) -> Vec<u64> {
    let said = |number: u8| {
        let head = std::fs::read(scratch.cache().join(format!("v1/{number:02x}/.folder")));
        head.map_or(0, |head| {
            u64::from_le_bytes(*head[16..].first_chunk().unwrap())
        })
    };
    (0..=255).map(said).collect()
}

#[tokio::test]
async fn the_first_write_into_a_million_entries_reads_what_the_folders_say_and_no_more() {
    let scratch = Scratch::new();
    pretend(&scratch, 3_900);
    let backend = FileBackend::new(million(&scratch)).unwrap();
    set(&backend, "k", b"v").await;
    let said = said(&scratch);
    let unlooked = said.iter().filter(|entries| **entries == 3_900).count();
    assert_eq!(unlooked, 255, "one has a new entry");
    assert!(said.contains(&3_901));
}

#[tokio::test]
async fn the_first_write_into_a_million_entries_holds_the_caps() {
    let scratch = Scratch::new();
    pretend(&scratch, 4_000);
    let backend = FileBackend::new(million(&scratch)).unwrap();
    set(&backend, "k", b"v").await;
    let said: u64 = said(&scratch).iter().sum();
    assert_eq!(said, 1, "what was said to be too much was looked for");
}

#[tokio::test]
async fn folders_that_say_nothing_are_counted_once() {
    let scratch = Scratch::new();
    fill(&FileBackend::new(scratch.config()).unwrap(), 0..3 * ENTRIES).await;
    for number in 0..=255_u8 {
        let _ = std::fs::remove_file(scratch.cache().join(format!("v1/{number:02x}/.folder")));
    }
    std::fs::remove_file(scratch.cache().join("v1/budget")).unwrap();
    fill(&FileBackend::new(few(&scratch)).unwrap(), 1_000..1_001).await;
    assert!(scratch.files().len() <= ENTRIES);
}

#[tokio::test]
async fn counts_that_are_wrong_are_corrected_while_others_are_written() {
    let scratch = Scratch::new();
    pretend(&scratch, 3);
    let backend = FileBackend::new(Config {
        max_entries: 1_000,
        ..scratch.config()
    });
    fill(&backend.unwrap(), 0..600).await;
    let said: u64 = said(&scratch).iter().sum();
    assert_eq!(said, scratch.files().len() as u64);
}

#[tokio::test]
async fn files_that_someone_else_removed_make_room_again() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(few(&scratch)).unwrap();
    fill(&backend, 0..ENTRIES).await;
    for file in scratch.files().iter().take(ENTRIES / 2) {
        std::fs::remove_file(file).unwrap();
    }
    fill(&backend, ENTRIES..4 * ENTRIES).await;
    let count = scratch.files().len();
    assert!(count > ENTRIES * 19 / 20, "{count} entries");
    assert!(count <= ENTRIES, "{count} entries");
}

#[tokio::test]
async fn temp_files_go_when_nobody_can_be_writing_them_any_more() {
    let scratch = Scratch::new();
    let time = ManualClock::new();
    let now = Duration::from_millis(Clock::system().unix_ms());
    time.advance(now - Duration::from_millis(time.clock().unix_ms()));
    let backend = FileBackend::with_clock(few(&scratch), time.clock()).unwrap();
    set(&backend, "k", b"v").await;
    let temp = scratch.files()[0].with_file_name(".tmp-0123456789abcdef-0");
    std::fs::write(&temp, b"half an ent").unwrap();

    time.advance(Duration::from_secs(3_000));
    fill(&backend, 0..ENTRIES).await;
    assert!(temp.exists(), "a writer may still be at it");

    time.advance(Duration::from_secs(1_000));
    fill(&backend, ENTRIES..2 * ENTRIES).await;
    assert!(!temp.exists());
}
