//! A folder while nobody else changes it, no thread and no process.
//!
//! Its lock is the file `.folder`, which begins with what the folder holds (`head`); behind that are
//! the leads.
//!
//! The kernel frees the lock of a process that ends in whatever way.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::file::open;
use crate::head::{HEAD, Head};
use crate::layout::{Digest, FOLDERS, Folder, LOCK, SPARE};
use crate::leads::{Change, Leader, Leads, SLOT};
use crate::scan;
use crate::usage::Usage;

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
    head: Head,
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
            head: Head::default(),
            leads: Leads::default(),
            _thread: thread,
        }
        .read()
    }

    /// The file at `path`, locked while it has a name: it may have been removed or replaced, with
    /// its folder, before it was locked.
    fn lock_file(&self, path: &Path) -> io::Result<File> {
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = open_or_create(options.mode(self.permissions), path)?;
            lock(&file)?;
            if file.metadata()?.nlink() > 0 {
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
        self.head.usage
    }

    pub(crate) const fn head(&self) -> Head {
        self.head
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
        if let Some(head) = Head::parse(bytes) {
            self.head = head;
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
