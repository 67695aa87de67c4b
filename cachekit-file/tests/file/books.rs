//! What the folders of a directory say that they hold, beside what they hold.

use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::scratch::Scratch;

/// Bytes of disk, and entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
}

impl Books {
    /// What the heads of the folders say, together.
    pub(crate) fn written(scratch: &Scratch) -> Self {
        let mut sum = Self::default();
        for file in every_file(scratch) {
            if name(&file) == ".folder" {
                let head = std::fs::read(&file).unwrap();
                sum.bytes += number(&head, 8);
                sum.entries += number(&head, 16);
            }
        }
        sum
    }

    /// What entries and spares occupy, and how many entries there are.
    pub(crate) fn true_of(scratch: &Scratch) -> Self {
        let mut sum = Self::default();
        for file in every_file(scratch) {
            if is_entry(&file) || name(&file) == ".spare" {
                sum.bytes += file.metadata().unwrap().blocks() * 512;
                sum.entries += u64::from(is_entry(&file));
            }
        }
        sum
    }

    /// Asserts that they are out by less than a hundredth.
    pub(crate) fn assert_right(scratch: &Scratch) {
        let (written, truth) = (Self::written(scratch), Self::true_of(scratch));
        let is_near = |said: u64, is: u64| said.abs_diff(is) * 100 <= is;
        assert!(
            is_near(written.bytes, truth.bytes) && is_near(written.entries, truth.entries),
            "{written:?} in the books, and {truth:?} on the disk"
        );
    }
}

fn number(head: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*head[at..].first_chunk().unwrap())
}

/// Every file below the directory, whatever it is for.
pub(crate) fn every_file(scratch: &Scratch) -> Vec<PathBuf> {
    let mut folders = vec![scratch.cache()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap();
            let is_folder = entry.file_type().unwrap().is_dir();
            let list = if is_folder { &mut folders } else { &mut files };
            list.push(entry.path());
        }
    }
    files
}

/// Makes `content` what the file at `path` holds. Not by `std::fs::write`: a file that is emptied first
/// waits for the disk where the file system knows what is expected of it.
pub(crate) fn overwrite(path: &Path, content: &[u8]) {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(path);
    let file = file.unwrap();
    file.write_all_at(content, 0).unwrap();
    file.set_len(content.len() as u64).unwrap();
}

pub(crate) fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

pub(crate) fn is_entry(path: &Path) -> bool {
    name(path).len() == 64
}

/// Files of which it is not decided yet whether they will be entries.
pub(crate) fn temp_files(scratch: &Scratch) -> Vec<PathBuf> {
    let mut files = every_file(scratch);
    files.retain(|file| name(file).starts_with(".tmp-"));
    files
}
