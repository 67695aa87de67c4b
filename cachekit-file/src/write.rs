//! How the file of an entry gets its content and its name, and what becomes of the file before it.
//!
//! Making a file and freeing one are most of the cost of a write. So a folder keeps one file that
//! lost its name, the spare. A small entry is written into the spare, under the folder's lock, and
//! then exchanges names with the entry that it replaces, which is the next spare. A reader that
//! opened a file before it was the spare finds a mixture, and knows it by the checksum. A large
//! entry, or one that is to survive a loss of power, is written into a file of its own, before the
//! folder is locked.
//!
//! What the disk knows of a spare's content may be old. So a file that becomes the spare loses its
//! first bytes: after a loss of power it is no entry, rather than one of long ago.

use std::fs::{File, FileTimes, Metadata, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;

use crate::config::SyncMode;
use crate::entry::Times;
use crate::file::{open, remove_if_there};
use crate::folder::{Folders, LockedFolder};
use crate::layout::TEMP;
use crate::usage::{BLOCK, Usage, occupied};

/// What the first bytes of a spare are, and of no entry.
const VOID: [u8; 4] = [0; 4];

/// Later than any file system can date a file without a complaint: the year 2242.
const LATEST: Duration = Duration::from_secs(1 << 33);

/// What the file of an entry is to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) parts: [&'a [u8]; 2],
    pub(crate) times: Times,
}

impl Draft<'_> {
    pub(crate) fn length(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }

    /// Writes the content over the `before` bytes that `file` holds, and dates it: last used when
    /// it was written, over when the entry is.
    fn write(&self, mut file: &File, before: u64) -> io::Result<()> {
        let [head, value] = self.parts;
        let written = file.write_vectored(&[IoSlice::new(head), IoSlice::new(value)])?;
        file.write_all(head.get(written..).unwrap_or_default())?;
        let of_value = written.saturating_sub(head.len());
        file.write_all(value.get(of_value..).unwrap_or_default())?;
        if before > self.length() {
            file.set_len(self.length())?;
        }
        let times = FileTimes::new()
            .set_modified(time_of(self.times.written))
            .set_accessed(time_of(self.times.expires));
        file.set_times(times)
    }
}

fn time_of(unix_ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(unix_ms).min(LATEST)
}

/// What a draft of an entry did to the spare.
#[derive(Debug)]
pub(crate) struct Drafted {
    /// The disk that the spare occupied before.
    before: u64,
    /// The disk that it occupies now.
    occupied: u64,
}

impl LockedFolder<'_> {
    /// Writes a small entry to `name`, and counts it.
    ///
    /// # Errors
    /// The disk's; the entry that was there stands, and there is no spare.
    pub(crate) fn write(&mut self, name: &Path, draft: &Draft<'_>) -> io::Result<()> {
        let drafted = self.draft(draft)?;
        self.publish_draft(name, &drafted)
    }

    /// Writes into the spare.
    pub(crate) fn draft(&mut self, draft: &Draft<'_>) -> io::Result<Drafted> {
        let path = self.spare();
        let (file, metadata) = open_spare(&path, self.folders.permissions())?;
        let before = occupied(&metadata);
        let written = draft.write(&file, metadata.len()).and_then(|()| {
            let blocks = |length: u64| length.div_ceil(BLOCK);
            if blocks(metadata.len()) == blocks(draft.length()) {
                return Ok(before);
            }
            Ok(occupied(&file.metadata()?))
        });
        match written {
            Ok(occupied) => Ok(Drafted { before, occupied }),
            Err(error) => {
                remove_if_there(&path)?;
                self.set_usage(self.usage().less(Usage::file(before)))?;
                Err(error)
            }
        }
    }

    /// Gives what was drafted the name of the entry.
    pub(crate) fn publish_draft(&mut self, name: &Path, drafted: &Drafted) -> io::Result<()> {
        let spare = self.spare();
        let old = Old::open(name)?;
        let kept = match &old {
            Some(old) if self.keeps(&old.metadata) => self.folders.exchange(&spare, name)?,
            _ => false,
        };
        let mut gone = Usage::file(drafted.before);
        let come = Usage::entry(drafted.occupied);
        match old {
            Some(old) if kept => {
                old.make_void();
                gone.entries += 1;
                if [drafted.before, occupied(&old.metadata)] == [drafted.occupied; 2] {
                    // One looks like the other, whoever counts them, and whenever.
                    return Ok(());
                }
            }
            old => {
                std::fs::rename(&spare, name)?;
                gone = gone.plus(old.map_or_else(Usage::default, |old| old.usage()));
            }
        }
        self.set_usage(self.usage().less(gone).plus(come))
    }

    /// Gives a file that was written apart the name of the entry.
    pub(crate) fn publish(&mut self, temp: Temp, name: &Path) -> io::Result<()> {
        let bytes = temp.occupied()?;
        let old = match std::fs::symlink_metadata(name) {
            Ok(metadata) if metadata.is_file() => Usage::entry(occupied(&metadata)),
            _ => Usage::default(),
        };
        temp.rename(name)?;
        self.set_usage(self.usage().less(old).plus(Usage::entry(bytes)))
    }

    /// Takes a file its name `name`, and keeps it as the spare if there is none and it is small.
    /// What became free: the disk, and whether it was an entry.
    pub(crate) fn retire(&mut self, name: &Path) -> io::Result<Usage> {
        let before = self.usage();
        let Some(old) = Old::open(name)? else {
            remove_if_there(name)?;
            return Ok(Usage::default());
        };
        let spare = self.spare();
        let kept = self.keeps(&old.metadata) && std::fs::symlink_metadata(&spare).is_err();
        if kept {
            std::fs::rename(name, &spare)?;
            old.make_void();
            self.set_usage(before.less(Usage::entry(0)))?;
        } else {
            std::fs::remove_file(name)?;
            self.set_usage(before.less(old.usage()))?;
        }
        Ok(before.less(self.usage()))
    }

    /// Removes the spare, if there is one. The disk that became free.
    pub(crate) fn drop_spare(&mut self) -> io::Result<Usage> {
        let spare = self.spare();
        let Ok(metadata) = std::fs::symlink_metadata(&spare) else {
            return Ok(Usage::default());
        };
        std::fs::remove_file(&spare)?;
        let before = self.usage();
        self.set_usage(before.less(Usage::file(occupied(&metadata))))?;
        Ok(before.less(self.usage()))
    }

    /// Whether a file may become the spare.
    fn keeps(&self, metadata: &Metadata) -> bool {
        metadata.nlink() == 1 && occupied(metadata) <= self.folders.spare_limit()
    }
}

impl Folders {
    /// Exchanges the names of two files; false where that cannot be done.
    fn exchange(&self, a: &Path, b: &Path) -> io::Result<bool> {
        if self.no_exchange().load(Ordering::Relaxed) {
            return Ok(false);
        }
        match exchange(a, b) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                self.no_exchange().store(true, Ordering::Relaxed);
                Ok(false)
            }
            // Somebody who knows nothing of the lock removed one of them.
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(a: &Path, b: &Path) -> rustix::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

/// The file that has an entry's name.
#[derive(Debug)]
struct Old {
    file: File,
    metadata: Metadata,
}

impl Old {
    /// `None`: there is none, or something that is not a file of ours.
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match open(OpenOptions::new().write(true), path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
            opened => opened?,
        };
        let Some(file) = file else { return Ok(None) };
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then_some(Self { file, metadata }))
    }

    fn usage(&self) -> Usage {
        Usage::entry(occupied(&self.metadata))
    }

    fn make_void(&self) {
        // A disk that fails here has told more than this by its other answers.
        let _ = self.file.write_all_at(&VOID, 0);
    }
}

/// Opens the spare, or makes it. One that has another name too, or that more may read than should,
/// is not used.
fn open_spare(path: &Path, permissions: u32) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    options.mode(permissions);
    if let Some(file) = open(&mut options, path)? {
        let metadata = file.metadata()?;
        let usable = metadata.is_file()
            && metadata.nlink() == 1
            && metadata.mode() & 0o7777 & !permissions == 0;
        if usable {
            return Ok((file, metadata));
        }
    }
    remove_if_there(path)?;
    let file = options.create_new(true).open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// A file beside the entries of a folder, which goes if it is dropped without a name.
#[derive(Debug)]
pub(crate) struct Temp {
    file: File,
    path: PathBuf,
    named: bool,
}

impl Temp {
    /// Makes an empty one in `folder`.
    pub(crate) fn create(folder: &Path, permissions: u32) -> io::Result<Self> {
        let path = folder.join(new_name());
        let file = OpenOptions::new()
            .write(true)
            // Never opens what is there already, a symbolic link included.
            .create_new(true)
            .mode(permissions)
            .open(&path)?;
        Ok(Self {
            file,
            path,
            named: false,
        })
    }

    /// Writes the whole content.
    pub(crate) fn write(&mut self, draft: &Draft<'_>, sync: SyncMode) -> io::Result<()> {
        draft.write(&self.file, 0)?;
        match sync {
            SyncMode::None => Ok(()),
            SyncMode::Data => self.file.sync_data(),
            SyncMode::Full => self.file.sync_all(),
        }
    }

    /// The disk that it occupies.
    fn occupied(&self) -> io::Result<u64> {
        Ok(occupied(&self.file.metadata()?))
    }

    /// Gives it the name `path`, whatever had that name.
    fn rename(mut self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)?;
        self.named = true;
        Ok(())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.named {
            // What cannot be removed now is swept later.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A name that no process uses, also where containers with equal process ids share a directory.
fn new_name() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("temp"));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{TEMP}{:016x}-{}",
        *PROCESS,
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

#[cfg(test)]
mod tests;
