//! A folder while nobody else changes it, no thread and no process.
//!
//! Its lock is the file `.folder`, which begins with what the folder holds:
//!
//! ```text
//!  0  magic      "CKFF"
//!  4  version    1
//!  5  reserved   0, 0, 0
//!  8  bytes      disk that the entries and the spare occupy
//! 16  entries    how many there are
//! 24  changes    counts every change, so that who looked without the lock knows if he saw one state
//! 32  reserved   zeros
//! 56  checksum   XXH3-64 of bytes 0 to 56
//! 64  the leads
//! ```
//!
//! The kernel frees the lock of a process that ends in whatever way.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::layout::{FOLDERS, Folder, LOCK, SPARE};
use crate::scan;
use crate::usage::{Usage, occupied};

const MAGIC: [u8; 4] = *b"CKFF";
const VERSION: u8 = 1;

/// The length of the head, behind which the leads begin.
pub(crate) const HEAD: usize = 64;

/// How long the pauses are between the attempts to get a lock that another process has: some
/// microseconds at first, for a change takes no longer; about a second in all, for whoever has it
/// longer was stopped.
const PAUSES: std::ops::Range<u32> = 4..20;

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
    usage: Usage,
    changes: u64,
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
        let file = match self.lock_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                directory.make(&path)?;
                self.lock_file(&path)?
            }
            locked => locked?,
        };
        LockedFolder {
            path,
            file,
            spare_limit: self.spare_limit,
            usage: Usage::default(),
            changes: 0,
            _thread: thread,
        }
        .with_head()
    }

    /// The locked file of the folder at `path`, which still has its name: it may have been removed
    /// or replaced, with its folder, before it was locked.
    fn lock_file(&self, path: &Path) -> io::Result<File> {
        let path = path.join(LOCK);
        loop {
            let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(self.permissions)
                .custom_flags(i32::try_from(flags.bits()).expect("flags fit into an int"))
                .open(&path)?;
            lock(&file)?;
            let (locked, named) = (file.metadata()?, std::fs::symlink_metadata(&path));
            match named {
                Ok(named) if (named.dev(), named.ino()) == (locked.dev(), locked.ino()) => {
                    return Ok(file);
                }
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Locks `file` against other processes.
fn lock(file: &File) -> io::Result<()> {
    for pause in PAUSES {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the lock of a file tells nobody that it is free, and waiting in the kernel has no end"
        )]
        std::thread::sleep(Duration::from_micros(1 << pause));
    }
    Err(Errno::TIMEDOUT.into())
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
        self.usage
    }

    /// What counts the changes.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Reads the head; where there is none, counts.
    fn with_head(mut self) -> io::Result<Self> {
        let mut head = [0; HEAD];
        let read = self.file.read_at(&mut head, 0)?;
        if let Some((usage, changes)) = parse(&head[..read]) {
            self.usage = usage;
            self.changes = changes;
        } else {
            let counted = scan::count(&self.path)?;
            self.set_usage(counted)?;
        }
        Ok(self)
    }

    /// Writes down what the folder holds now, as one change.
    pub(crate) fn set_usage(&mut self, usage: Usage) -> io::Result<()> {
        self.usage = usage;
        self.changes = self.changes.wrapping_add(1);
        self.file.write_all_at(&head(usage, self.changes), 0)
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
        let before = self.usage;
        if kept {
            std::fs::rename(name, &spare)?;
            self.set_usage(before.less(Usage::entry(0)))?;
        } else {
            std::fs::remove_file(name)?;
            self.set_usage(before.less(Usage::entry(bytes)))?;
        }
        Ok(before.less(self.usage))
    }
}

fn head(usage: Usage, changes: u64) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&MAGIC);
    head[4] = VERSION;
    head[8..16].copy_from_slice(&usage.bytes.to_le_bytes());
    head[16..24].copy_from_slice(&usage.entries.to_le_bytes());
    head[24..32].copy_from_slice(&changes.to_le_bytes());
    let checksum = xxhash_rust::xxh3::xxh3_64(&head[..56]);
    head[56..].copy_from_slice(&checksum.to_le_bytes());
    head
}

/// What a head says; `None` if it is not whole.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Usage, u64)> {
    let head: &[u8; HEAD] = bytes.first_chunk()?;
    let number = |at: usize| {
        let bytes = head[at..].first_chunk().expect("within the head");
        u64::from_le_bytes(*bytes)
    };
    let whole = head[..5] == [b'C', b'K', b'F', b'F', VERSION]
        && number(56) == xxhash_rust::xxh3::xxh3_64(&head[..56]);
    whole.then(|| {
        let usage = Usage {
            bytes: number(8),
            entries: number(16),
        };
        (usage, number(24))
    })
}
