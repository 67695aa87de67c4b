//! Reading files that writers use again, and the times that reading leaves in them.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::Backend;
use cachekit_core::clock::Clock;
use cachekit_core::error::ErrorKind;
use cachekit_core::testkit::ManualClock;
use cachekit_file::{Config, FileBackend};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

use crate::scratch::{LONG, Scratch, key, set, value};

/// Two keys whose entries lie in one folder.
fn neighbours() -> [String; 2] {
    let folder = |text: &str| blake3::hash(text.as_bytes()).as_bytes()[0];
    let first = "k0".to_owned();
    let second = (1..).map(|number| format!("k{number}"));
    let second = second
        .into_iter()
        .find(|text| folder(text) == folder(&first));
    [first, second.unwrap()]
}

/// The values that are set for `text` in turn: each says whose it is, and they differ in length.
fn values(text: &str) -> [Vec<u8>; 4] {
    [0, 100, 3_000, 20_000].map(|length| {
        let text = format!("{text}:{length}:");
        text.bytes()
            .chain(std::iter::repeat_n(b'x', length))
            .collect()
    })
}

/// What a writer puts into one file after the other.
struct Draft {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// Writes each draft into the file that the one before replaced, piece by piece, and exchanges the
/// names, as long as `going` says so.
fn recycle(drafts: &[Draft], going: &AtomicBool) {
    let folder = drafts[0].path.parent().unwrap();
    let lock = OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.join(".folder"));
    let lock = lock.unwrap();
    let spare = folder.join(".spare");
    std::fs::write(&spare, b"").unwrap();
    for draft in drafts.iter().cycle() {
        if !going.load(Ordering::Relaxed) {
            return;
        }
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let file = OpenOptions::new().write(true).open(&spare).unwrap();
        let (start, end) = draft.bytes.split_at(draft.bytes.len() / 2);
        file.write_all_at(end, start.len() as u64).unwrap();
        file.write_all_at(start, 0).unwrap();
        file.set_len(draft.bytes.len() as u64).unwrap();
        exchange(&spare, &draft.path);
        flock(&lock, FlockOperation::Unlock).unwrap();
        // The lock is not fair to those who wait for it.
        std::thread::yield_now();
    }
}

fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

#[test]
fn a_reader_of_files_that_are_used_again_finds_whole_values_and_never_a_miss() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let keys = neighbours();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let draft = |text: &String, content: &[u8]| {
        let name = blake3::hash(text.as_bytes()).to_hex();
        let folder = scratch.cache().join("v1").join(&name[..2]);
        let path = folder.join(name.as_str());
        runtime.block_on(set(&backend, text, content));
        let bytes = std::fs::read(&path).unwrap();
        Draft { path, bytes }
    };
    // A draft of one key follows one of the other.
    let drafts: Vec<_> = (0..4)
        .flat_map(|turn| keys.each_ref().map(|text| draft(text, &values(text)[turn])))
        .collect();
    let going = AtomicBool::new(true);
    std::thread::scope(|threads| {
        threads.spawn(|| recycle(&drafts, &going));
        let reads = runtime.block_on(async {
            for _ in 0..2_000 {
                for text in &keys {
                    let found = value(&backend, text).await?;
                    values(text).iter().find(|content| found == **content)?;
                }
            }
            Some(())
        });
        going.store(false, Ordering::Relaxed);
        assert!(reads.is_some(), "there is one of the values at any time");
    });
}

/// How many files of this process are open at `path`.
#[cfg(target_os = "linux")]
fn opened(path: &Path) -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = descriptors.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    targets.filter(|target| target == path).count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_not_whole_is_looked_at_again_when_nobody_writes() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(set(&backend, "k", b"v"));
    let path = scratch.file();
    let whole = std::fs::read(&path).unwrap();
    let folder = path.with_file_name(".folder").canonicalize().unwrap();
    let lock = OpenOptions::new().append(true).open(&folder).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    std::fs::write(&path, &whole[..40]).unwrap();
    let read = std::thread::scope(|threads| {
        let reader = threads.spawn(|| runtime.block_on(value(&backend, "k")));
        while opened(&folder) < 2 && !reader.is_finished() {
            std::thread::yield_now();
        }
        std::fs::write(&path, &whole).unwrap();
        flock(&lock, FlockOperation::Unlock).unwrap();
        reader.join().unwrap()
    });
    assert_eq!(read.unwrap(), "v");
}

#[test]
fn a_file_that_grows_and_shrinks_while_it_is_read_is_the_value_or_a_miss() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let content: Vec<_> = (0..251_u8).cycle().take(100_000).collect();
    runtime.block_on(set(&backend, "k", &content));
    let file = OpenOptions::new().write(true).open(scratch.file());
    let (file, whole) = (file.unwrap(), std::fs::read(scratch.file()).unwrap());
    let going = AtomicBool::new(true);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while going.load(Ordering::Relaxed) {
                for length in [10, 20_000, 300_000, 1_000_000] {
                    file.set_len(length).unwrap();
                    file.write_all_at(&whole, 0).unwrap();
                }
                file.set_len(whole.len() as u64).unwrap();
            }
        });
        let reads = runtime.block_on(async {
            for _ in 0..300 {
                let found = value(&backend, "k").await;
                found.is_none_or(|found| found == content).then_some(())?;
            }
            Some(())
        });
        going.store(false, Ordering::Relaxed);
        assert!(reads.is_some(), "what was read is not what was set");
    });
    assert_eq!(runtime.block_on(value(&backend, "k")).unwrap(), content);
}

/// The lengths at which reading takes another way, with its neighbours: around what is read at
/// first, and around what is read on a thread of a runtime.
fn lengths() -> impl Iterator<Item = usize> {
    let head = 48 + "length".len();
    let edges = [16 * 1024 - head, 16 * 1024, 128 * 1024 - head, 128 * 1024];
    let around = edges.into_iter().flat_map(|edge| edge - 2..=edge + 2);
    [0, 1, 1_000_000].into_iter().chain(around)
}

async fn reads_back(backend: &FileBackend) {
    for length in lengths() {
        let content: Vec<_> = (0..251_u8).cycle().take(length).collect();
        set(backend, "length", &content).await;
        for _ in 0..2 {
            assert_eq!(value(backend, "length").await.unwrap(), content, "{length}");
        }
    }
}

#[tokio::test]
async fn values_of_every_length_read_back_where_nothing_may_be_waited_for() {
    let scratch = Scratch::new();
    reads_back(&FileBackend::new(scratch.config()).unwrap()).await;
}

#[test]
fn values_of_every_length_read_back_where_no_runtime_is() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let read = pin!(reads_back(&backend)).poll(&mut Context::from_waker(Waker::noop()));
    assert!(read.is_ready());
}

#[tokio::test]
async fn a_value_at_the_limit_is_kept_and_one_over_it_takes_what_was_there_along() {
    let scratch = Scratch::new();
    let config = Config {
        max_size: 16 << 20,
        max_value: 8 << 20,
        ..scratch.config()
    };
    let backend = FileBackend::new(config).unwrap();
    let limit = vec![b'x'; 8 << 20];
    set(&backend, "k", &limit).await;
    assert_eq!(value(&backend, "k").await.unwrap(), limit);
    let over = Bytes::from(vec![b'x'; limit.len() + 1]);
    let refused = backend.set(&key("k"), over, LONG, None).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(value(&backend, "k").await, None);
    assert!(scratch.files().is_empty());
}

#[tokio::test]
async fn a_key_that_is_longer_than_what_is_read_at_first_finds_its_entry() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    for length in [16_334, 16_335, 16_336, 16_337, 20_000, 100_000] {
        let text = "k".repeat(length);
        for content in [&b""[..], b"v", &[b'x'; 20_000]] {
            set(&backend, &text, content).await;
            assert_eq!(value(&backend, &text).await.unwrap(), content);
            assert_eq!(value(&backend, &format!("x{}", &text[1..])).await, None);
        }
    }
}

/// A clock that shows what the clock of the system does, until it is advanced.
fn manual() -> ManualClock {
    let time = ManualClock::new();
    let now = Duration::from_millis(Clock::system().unix_ms());
    time.advance(now - Duration::from_millis(time.clock().unix_ms()));
    time
}

/// The times in the file of the one entry: of modification and of access.
fn times(scratch: &Scratch) -> [i64; 2] {
    let metadata = scratch.file().metadata().unwrap();
    [metadata.mtime(), metadata.atime()]
}

fn modified(scratch: &Scratch) -> i64 {
    times(scratch)[0]
}

fn second(time: &ManualClock) -> i64 {
    i64::try_from(time.clock().unix_ms() / 1_000).unwrap()
}

#[tokio::test]
async fn a_read_leaves_its_time_in_the_file_at_most_once_a_minute() {
    let (scratch, time) = (Scratch::new(), manual());
    let backend = FileBackend::with_clock(scratch.config(), time.clock()).unwrap();
    set(&backend, "k", b"v").await;
    let written = second(&time);
    let [_, over] = times(&scratch);
    for _ in 0..5 {
        time.advance(Duration::from_secs(10));
        value(&backend, "k").await.unwrap();
        // The next that hops leaves what others could not.
        assert_eq!(value(&backend, "missing").await, None);
        assert_eq!(modified(&scratch), written);
    }
    for _ in 0..3 {
        time.advance(Duration::from_secs(61));
        value(&backend, "k").await.unwrap();
        assert_eq!(value(&backend, "missing").await, None);
        assert_eq!(times(&scratch), [second(&time), over]);
    }
}

/// A backend that has to note the use of an entry, and waits for a chance.
async fn with_a_use_that_waits(scratch: &Scratch, time: &ManualClock) -> FileBackend {
    let backend = FileBackend::with_clock(scratch.config(), time.clock()).unwrap();
    set(&backend, "k", b"v").await;
    value(&backend, "k").await.unwrap();
    time.advance(Duration::from_secs(61));
    value(&backend, "k").await.unwrap();
    backend
}

#[tokio::test]
async fn a_process_that_only_reads_leaves_its_times_when_it_ends() {
    let (scratch, time) = (Scratch::new(), manual());
    let backend = with_a_use_that_waits(&scratch, &time).await;
    drop(backend);
    assert_eq!(modified(&scratch), second(&time));
}

#[tokio::test]
async fn a_time_that_waits_to_be_left_never_makes_a_newer_entry_old() {
    let (scratch, time) = (Scratch::new(), manual());
    let backend = with_a_use_that_waits(&scratch, &time).await;
    time.advance(Duration::from_secs(3_000));
    let other = FileBackend::with_clock(scratch.config(), time.clock()).unwrap();
    set(&other, "k", b"w").await;
    drop(backend);
    assert_eq!(modified(&scratch), second(&time));
}

#[tokio::test]
async fn a_time_that_waits_to_be_left_waits_a_minute_at_most_while_there_are_reads() {
    let (scratch, time) = (Scratch::new(), manual());
    let backend = FileBackend::with_clock(scratch.config(), time.clock()).unwrap();
    set(&backend, "k", b"v").await;
    value(&backend, "k").await.unwrap();
    for _ in 0..5 {
        time.advance(Duration::from_secs(61));
        value(&backend, "k").await.unwrap();
        assert!(second(&time) - modified(&scratch) <= 61);
    }
}
