//! The files of a directory, as they are on the disk.

use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::scratch::Scratch;

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

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

pub(crate) fn is_entry(path: &Path) -> bool {
    name(path).len() == 64
}

/// How many entries there are.
pub(crate) fn entries(scratch: &Scratch) -> u64 {
    let files = every_file(scratch);
    files.iter().filter(|file| is_entry(file)).count() as u64
}

/// The disk that entries occupy, those that are being written, and files kept for the next.
pub(crate) fn occupied(scratch: &Scratch) -> u64 {
    let files = every_file(scratch).into_iter().filter(|file| {
        let is_temp = name(file).starts_with(".tmp-");
        is_entry(file) || is_temp || name(file) == ".spare"
    });
    files
        .map(|file| file.metadata().unwrap().blocks() * 512)
        .sum()
}
