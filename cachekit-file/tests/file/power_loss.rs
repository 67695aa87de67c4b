//! Power that fails: files get their names and lengths before their data, or their data in part. What
//! was torn is a miss, what was not is there, and the next write finds a directory that it can use.

use std::path::PathBuf;

use cachekit_core::backend::{Backend, Want};
use cachekit_core::testkit::ManualClock;
use cachekit_file::FileBackend;

use crate::chance::Chance;
use crate::described::Described;
use crate::files::{every_file, is_entry, overwrite};
use crate::scratch::{Scratch, key, path_of, set, value};

/// The keys, by how long their values are: the last is not read at one go.
const LENGTHS: [usize; 3] = [10, 150, 20_000];

/// What is set where nothing is damaged, and what replaced something else.
const VERSION: u64 = 2;

fn described(number: usize) -> Described {
    Described {
        key: number as u64,
        version: VERSION,
    }
}

fn name(number: usize) -> String {
    format!("power:{number}")
}

/// A directory as it lay on the disk when the power failed.
struct Disk {
    scratch: Scratch,
    time: ManualClock,
    /// Where the entries are, in the order of their numbers.
    entries: Vec<PathBuf>,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Disk {
    /// Every file has its name, and its bytes may be on the disk or not.
    async fn new() -> Self {
        let scratch = Scratch::new();
        let mut disk = Self {
            entries: (0..LENGTHS.len())
                .map(|number| path_of(&scratch, &name(number)))
                .collect(),
            scratch,
            time: ManualClock::new(),
            files: Vec::new(),
        };
        let backend = disk.backend();
        for (number, length) in LENGTHS.into_iter().enumerate() {
            for version in 1..=VERSION {
                let described = Described {
                    key: number as u64,
                    version,
                };
                set(&backend, &name(number), &described.value(length)).await;
            }
        }
        let files = every_file(&disk.scratch).into_iter();
        disk.files = files
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        disk
    }

    /// As the first process after the machine came up again.
    fn backend(&self) -> FileBackend {
        FileBackend::with_clock(self.scratch.config(), self.time.clock()).unwrap()
    }

    /// Looks at what there is, if every file but `torn` is whole: nobody is told anything wrong.
    async fn check(&self, torn: &[&PathBuf]) {
        let backend = self.backend();
        for (number, (path, length)) in self.entries.iter().zip(LENGTHS).enumerate() {
            let (text, whole) = (name(number), described(number).value(length));
            match value(&backend, &text).await {
                Some(found) => assert_eq!(found, whole),
                None => assert!(torn.contains(&path), "{} is whole", path.display()),
            }
            set(&backend, &text, &whole).await;
            assert_eq!(value(&backend, &text).await.unwrap(), whole);
        }
    }

    /// All as it was, to be torn in another way.
    fn restore(&self) {
        for path in every_file(&self.scratch) {
            if !self.files.iter().any(|(file, _)| *file == path) {
                std::fs::remove_file(path).unwrap();
            }
        }
        for (path, bytes) in &self.files {
            overwrite(path, bytes);
        }
    }
}

/// The lengths at which a file of `length` bytes is torn: each of the head, and some of the others.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    (0..length.min(64)).chain((64..length).step_by(16 + length / 16))
}

#[tokio::test]
async fn a_tail_that_did_not_reach_the_disk_is_a_miss() {
    let disk = Disk::new().await;
    for (path, bytes) in &disk.files {
        for cut in cuts(bytes.len()) {
            overwrite(path, &bytes[..cut]);
            disk.check(&[path]).await;
            disk.restore();
        }
    }
}

#[tokio::test]
async fn a_tail_of_zeros_is_a_miss() {
    let disk = Disk::new().await;
    for (path, bytes) in &disk.files {
        for cut in cuts(bytes.len()) {
            let mut torn = bytes.clone();
            torn[cut..].fill(0);
            overwrite(path, &torn);
            disk.check(&[path]).await;
            disk.restore();
        }
    }
}

#[tokio::test]
async fn a_hole_of_zeros_is_a_miss() {
    const PAGE: usize = 4_096;
    let disk = Disk::new().await;
    for (path, bytes) in &disk.files {
        for page in 0..bytes.len().div_ceil(PAGE) {
            let mut torn = bytes.clone();
            let end = torn.len().min((page + 1) * PAGE);
            torn[page * PAGE..end].fill(0);
            overwrite(path, &torn);
            disk.check(&[path]).await;
            disk.restore();
        }
    }
}

#[tokio::test]
async fn any_files_torn_at_once_are_misses() {
    let disk = Disk::new().await;
    let mut chance = Chance::new(1);
    for _ in 0..60 {
        let mut torn = Vec::new();
        for (path, bytes) in &disk.files {
            let cut = usize::try_from(chance.below(1 + bytes.len() as u64)).unwrap();
            let mut left = bytes[..cut].to_vec();
            match chance.below(4) {
                0 => left.resize(bytes.len(), 0),
                1 => {}
                2 => left.clear(),
                _ => continue,
            }
            overwrite(path, &left);
            torn.push(path);
        }
        disk.check(&torn).await;
        disk.restore();
    }
}

#[tokio::test]
async fn the_head_of_one_write_with_the_rest_of_another_is_a_miss() {
    let scratch = Scratch::new();
    let time = ManualClock::new();
    let backend = FileBackend::with_clock(scratch.config(), time.clock()).unwrap();
    let key = key(&name(0));
    let mut writes = Vec::new();
    for version in [1, 2, 3] {
        let value = Described { key: 0, version }.value(200);
        set(&backend, &name(0), &value).await;
        let path = entry(&scratch);
        writes.push((value, std::fs::read(path).unwrap()));
        // The last is of the same moment as the one before it.
        if version == 1 {
            time.advance(std::time::Duration::from_secs(1));
        }
    }
    // One that is no longer fresh: nothing makes it fresh again.
    backend.expire(&key).await.unwrap();
    let stale = (writes[2].0.clone(), std::fs::read(entry(&scratch)).unwrap());
    writes.push(stale);
    for (index, (first, head)) in writes.iter().enumerate() {
        for (other, (second, rest)) in writes.iter().enumerate() {
            for cut in 0..=head.len() {
                let mixed = [&head[..cut], &rest[cut..]].concat();
                overwrite(&entry(&scratch), &mixed);
                let found = backend.get(&key, Want::Value).await.unwrap().found;
                let Some(found) = found else { continue };
                assert!(found.value == first || found.value == second);
                let is_fresh = mixed == writes[0].1 || mixed == writes[1].1 || mixed == writes[2].1;
                assert!(found.stale || is_fresh, "{index} and {other}, cut at {cut}");
            }
        }
    }
}

fn entry(scratch: &Scratch) -> PathBuf {
    let mut files = every_file(scratch);
    files.retain(|file| is_entry(file));
    assert_eq!(files.len(), 1);
    files.remove(0)
}

/// Two keys of one folder, and of one length.
fn neighbours() -> [String; 2] {
    let mut names = (0..).map(|number| format!("neighbour:{number:06}"));
    let first = names.next().unwrap();
    let folder = |text: &str| blake3::hash(text.as_bytes()).as_bytes()[0];
    let second = names.find(|text| folder(text) == folder(&first)).unwrap();
    [first, second]
}

/// A name may have reached the disk, and the exchange before it not; and the bytes of a file that
/// was used again reach the disk at any time.
#[tokio::test]
async fn a_name_with_the_file_of_another_key_or_moment_is_a_miss_or_a_value_that_the_key_had() {
    let scratch = Scratch::new();
    let names = neighbours();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let mut contents = Vec::new();
    for version in 1..=4 {
        for (number, text) in names.iter().enumerate() {
            let described = Described {
                key: number as u64,
                version,
            };
            set(&backend, text, &described.value(100)).await;
            let files = every_file(&scratch).into_iter();
            contents.extend(files.map(|file| std::fs::read(file).unwrap()));
        }
        backend.expire(&key(&names[1])).await.unwrap();
        backend.remove(&key(&names[0])).await.unwrap();
        let files = every_file(&scratch).into_iter();
        contents.extend(files.map(|file| std::fs::read(file).unwrap()));
    }
    set(&backend, &names[0], b"").await;
    let mut paths = every_file(&scratch);
    paths.retain(|path| is_entry(path));
    for path in paths {
        for content in &contents {
            overwrite(&path, content);
            for (number, text) in names.iter().enumerate() {
                let Some(found) = value(&backend, text).await else {
                    continue;
                };
                let said = Described::read(&found).map(|said| said.key);
                assert!(found.is_empty() || said == Some(number as u64));
            }
        }
    }
}
