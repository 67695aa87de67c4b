//! A folder while nobody else changes it, no thread and no process.
//!
//! Its lock is the file `.folder`, which begins with what the folder holds (`head`); behind that are
//! the leads.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::directory::Directory;
use crate::head::{HEAD, Head};
use crate::layout::{FOLDERS, Folder, LOCK, SPARE};
use crate::lock::open_locked;
use crate::scan;
use crate::usage::{Usage, occupied};

/// The locks of a directory's folders.
#[derive(Debug)]
pub(crate) struct Folders {
    permissions: u32,
    /// The largest file that is kept as a spare, in bytes of disk.
    spare_limit: u64,
    /// Threads of this process queue here, and leave the lock of the file to the processes.
    threads: [Mutex<()>; FOLDERS],
}

/// A folder that is locked, until this is dropped.
#[derive(Debug)]
pub(crate) struct LockedFolder<'a> {
    path: PathBuf,
    file: File,
    spare_limit: u64,
    head: Head,
    _thread: MutexGuard<'a, ()>,
}

impl Folders {
    pub(crate) fn new(permissions: u32, spare_limit: u64) -> Self {
        Self {
            permissions,
            spare_limit,
            threads: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Locks `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut) if another process has it for more than a second.
    pub(crate) fn lock(
        &self,
        directory: &Directory,
        folder: Folder,
    ) -> io::Result<LockedFolder<'_>> {
        let thread = self.threads[folder.index()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let path = folder.path(directory.path());
        let file = match open_locked(&path.join(LOCK), self.permissions) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                directory.make(&path)?;
                open_locked(&path.join(LOCK), self.permissions)?
            }
            locked => locked?,
        };
        LockedFolder {
            path,
            file,
            spare_limit: self.spare_limit,
            head: Head::default(),
            _thread: thread,
        }
        .with_head()
    }
}

impl LockedFolder<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the lock, whose leads begin at [`HEAD`].
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    pub(crate) const fn usage(&self) -> Usage {
        self.head.usage
    }

    pub(crate) const fn head(&self) -> Head {
        self.head
    }

    /// Reads the head; where there is none, counts.
    fn with_head(mut self) -> io::Result<Self> {
        let mut head = [0; HEAD];
        let read = self.file.read_at(&mut head, 0)?;
        if let Some(head) = Head::parse(&head[..read]) {
            self.head = head;
        } else {
            let counted = scan::look(&self.path)?.usage;
            self.set_usage(counted)?;
        }
        Ok(self)
    }

    /// Writes down what the folder holds now, as one change.
    pub(crate) fn set_usage(&mut self, usage: Usage) -> io::Result<()> {
        self.head.usage = usage;
        self.head.changes = self.head.changes.wrapping_add(1);
        self.write_head()
    }

    /// Makes the counts a part of `round`, corrected to `usage`. The budget knows of it already.
    pub(crate) fn set_round(&mut self, round: u64, usage: Usage) -> io::Result<()> {
        self.head.round = round;
        self.head.usage = usage;
        self.write_head()
    }

    fn write_head(&self) -> io::Result<()> {
        self.file.write_all_at(&self.head.to_bytes(), 0)
    }

    /// Takes a file its name `name`, and keeps it as the spare if there is none and it is small.
    /// The counts are corrected. The disk that became free, and whether it was an entry.
    pub(crate) fn retire(&mut self, name: &Path) -> io::Result<Usage> {
        let metadata = match std::fs::symlink_metadata(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Usage::default()),
            metadata => metadata?,
        };
        let spare = self.path.join(SPARE);
        let bytes = occupied(&metadata);
        let kept = metadata.is_file() && bytes <= self.spare_limit && !spare.exists();
        let before = self.head.usage;
        if kept {
            std::fs::rename(name, &spare)?;
            self.set_usage(before.less(Usage::entry(0)))?;
        } else {
            std::fs::remove_file(name)?;
            self.set_usage(before.less(Usage::entry(bytes)))?;
        }
        Ok(before.less(self.head.usage))
    }
}
