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
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::file::{is_named, open};
use crate::layout::{Digest, FOLDERS, Folder, LOCK, SPARE};
use crate::leads::{Change, Leader, Leads, SLOT};
use crate::scan;
use crate::usage::Usage;

const MAGIC: [u8; 4] = *b"CKFF";
const VERSION: u8 = 1;

/// The length of the head, behind which the leads begin.
pub(crate) const HEAD: usize = 64;

/// How much of a lock file is read at once: the head, and as many leads as there mostly are.
const READ: usize = HEAD + 15 * SLOT;

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
    /// Whether the file system was found not to exchange names.
    no_exchange: AtomicBool,
    /// Threads of this process queue here, and leave the lock of the file to the processes.
    threads: [Mutex<()>; FOLDERS],
}

/// A folder that is locked, until this is dropped.
#[derive(Debug)]
pub(crate) struct LockedFolder<'a> {
    pub(crate) folders: &'a Folders,
    path: PathBuf,
    file: File,
    usage: Usage,
    changes: u64,
    leads: Leads,
    // Dropped after the file: a thread that has the mutex finds the lock of the file free.
    _thread: MutexGuard<'a, ()>,
}

impl Folders {
    pub(crate) fn new(permissions: u32, spare_limit: u64) -> Self {
        Self {
            permissions,
            spare_limit,
            no_exchange: AtomicBool::new(false),
            threads: std::array::from_fn(|_| Mutex::default()),
        }
    }

    pub(crate) const fn permissions(&self) -> u32 {
        self.permissions
    }

    pub(crate) const fn spare_limit(&self) -> u64 {
        self.spare_limit
    }

    pub(crate) const fn no_exchange(&self) -> &AtomicBool {
        &self.no_exchange
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
        let file = match self.lock_file(&path.join(LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                directory.make(&path)?;
                self.lock_file(&path.join(LOCK))?
            }
            locked => locked?,
        };
        LockedFolder {
            folders: self,
            path,
            file,
            usage: Usage::default(),
            changes: 0,
            leads: Leads::default(),
            _thread: thread,
        }
        .read()
    }

    /// The file at `path`, locked and still of that name: it may have been removed or replaced,
    /// with its folder, before it was locked.
    fn lock_file(&self, path: &Path) -> io::Result<File> {
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = open_or_create(options.mode(self.permissions), path)?;
            lock(&file)?;
            if is_named(&file, path)? {
                return Ok(file);
            }
        }
    }
}

/// Opens a file that is made where it is not there. Something else of its name is an error.
fn open_or_create(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    match open(options, path)? {
        Some(file) => Ok(file),
        // No folder to make it in, or it has a name that is not a file's.
        None if std::fs::symlink_metadata(path).is_ok() => Err(Errno::ISDIR.into()),
        None => Err(Errno::NOENT.into()),
    }
}

/// Locks `file` against other processes.
pub(crate) fn lock(file: &File) -> io::Result<()> {
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

    /// The name of its spare.
    pub(crate) fn spare(&self) -> PathBuf {
        self.path.join(SPARE)
    }

    pub(crate) const fn usage(&self) -> Usage {
        self.usage
    }

    /// What counts the changes.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Reads the head and the leads; where there is no head, counts.
    fn read(mut self) -> io::Result<Self> {
        let mut first = [0; READ];
        let length = self.file.read_at(&mut first, 0)?;
        let mut bytes = first.get(..length).unwrap_or_default();
        let whole;
        if length == READ {
            whole = self.read_whole()?;
            bytes = &whole;
        }
        self.leads = Leads::new(bytes.get(HEAD..).unwrap_or_default());
        if let Some((usage, changes)) = parse(bytes) {
            self.usage = usage;
            self.changes = changes;
        } else {
            let counted = scan::count(&self.path)?;
            self.set_usage(counted)?;
        }
        Ok(self)
    }

    fn read_whole(&self) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.file.metadata()?.len()).unwrap_or(READ);
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Writes down what the folder holds now, as one change.
    pub(crate) fn set_usage(&mut self, usage: Usage) -> io::Result<()> {
        self.usage = usage;
        self.changes = self.changes.wrapping_add(1);
        self.file.write_all_at(&head(usage, self.changes), 0)
    }

    /// Who leads `key`, or did until its time had passed.
    pub(crate) fn leader(&self, key: &Digest) -> Option<Leader> {
        self.leads.leader(key)
    }

    /// Notes that `leader` leads `key` from `now` (unix ms) on, in place of whoever did.
    pub(crate) fn lead(&mut self, key: &Digest, leader: Leader, now: u64) -> io::Result<()> {
        let change = self.leads.put(key, leader, now);
        self.write_lead(&change)
    }

    /// Notes that nobody leads `key`.
    pub(crate) fn end_lead(&mut self, key: &Digest, now: u64) -> io::Result<()> {
        let Some(change) = self.leads.take(key) else {
            return Ok(());
        };
        self.write_lead(&change)?;
        match self.leads.shrink(now) {
            Some(length) => self.file.set_len((HEAD + length) as u64),
            None => Ok(()),
        }
    }

    fn write_lead(&self, change: &Change) -> io::Result<()> {
        self.file
            .write_all_at(&change.slot, (HEAD + change.at) as u64)
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
    let whole = head[..4] == MAGIC
        && head[4] == VERSION
        && number(56) == xxhash_rust::xxh3::xxh3_64(&head[..56]);
    whole.then(|| {
        let usage = Usage {
            bytes: number(8),
            entries: number(16),
        };
        (usage, number(24))
    })
}
