//! What lies in a directory, and what a disk has left.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::Failed;

/// What `st_blocks` counts in, whatever the blocks of the file system are.
const BLOCK: u64 = 512;
/// Hex digits of the name of an entry of ours.
const DIGITS: usize = 64;
/// Of all files of a directory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    /// Bytes of disk.
    pub(super) all: u64,
    /// Of ours: those of entries, of files that wait to be used again, and of such as are being
    /// written. What the store writes of its own stays out.
    pub(super) by_entries: u64,
    /// Of ours.
    pub(super) entries: u64,
}

impl Used {
    /// Of `directory`. Files that go meanwhile are not counted.
    pub(super) fn of(directory: &Path) -> Result<Self, Failed> {
        let mut used = Self::default();
        let mut folders = vec![directory.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in there(fs::read_dir(&folder))?.into_iter().flatten() {
                let Some((entry, data)) = there(entry.and_then(|entry| {
                    let data = entry.metadata()?;
                    Ok((entry, data))
                }))?
                else {
                    continue;
                };
                match data.is_dir() {
                    true => folders.push(entry.path()),
                    false => used.add(&entry.file_name().to_string_lossy(), data.blocks() * BLOCK),
                }
            }
        }
        Ok(used)
    }

    fn add(&mut self, name: &str, bytes: u64) {
        self.all += bytes;
        let is_entry = name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.entries += u64::from(is_entry);
        if is_entry || name == ".spare" || name.starts_with(".tmp-") {
            self.by_entries += bytes;
        }
    }
}

/// `None` where it is gone.
fn there<T>(outcome: io::Result<T>) -> Result<Option<T>, Failed> {
    match outcome {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Fails if the disk of `directory` has less than `bytes` left, or fewer than `files`.
pub(super) fn require(directory: &Path, bytes: u64, files: u64) -> Result<(), Failed> {
    const GIB: f64 = 1_073_741_824.0;
    let disk = rustix::fs::statvfs(directory)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < bytes {
        return Err(format!(
            "this takes {:.0} GiB of disk, and {} has {:.1} left",
            bytes as f64 / GIB,
            directory.display(),
            free as f64 / GIB
        )
        .into());
    }
    // Some file systems make inodes as they need them, and say that there are none.
    if disk.f_files > 0 && disk.f_favail < files {
        return Err(format!(
            "this makes {files} files, and the disk of {} has room for {}",
            directory.display(),
            disk.f_favail
        )
        .into());
    }
    Ok(())
}

/// Waits until the disk of `directory` has everything that was written.
pub(super) fn settle(directory: &Path) -> Result<(), Failed> {
    let directory = fs::File::open(directory)?;
    Ok(rustix::fs::syncfs(directory)?)
}
