//! A folder while nobody else changes it, no thread and no process.
//!
//! Its lock is the file `.folder`, which begins with what the folder holds (`head`); behind that are
//! the leads.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::sync::atomic::AtomicBool;

use crate::directory::Directory;
use crate::head::{HEAD, Head};
use crate::layout::{Digest, FOLDERS, Folder, LOCK, SPARE};
use crate::leads::{self, Change, Leader, Leads, SLOT};
use crate::lock::{LockedFile, open_locked};
use crate::queue::Queue;
use crate::scan;
use crate::usage::Usage;

/// How much of a lock file is read at once: the head, and as many leads as there mostly are.
const READ: usize = HEAD + 15 * SLOT;

/// The locks of a directory's folders.
#[derive(Debug)]
pub(crate) struct Folders {
    permissions: u32,
    /// The largest file that is kept as a spare, in bytes of disk.
    spare_limit: u64,
    /// Whether the file system was found not to exchange names.
    no_exchange: AtomicBool,
    queues: [Queue; FOLDERS],
}

/// A folder that is locked, until this is dropped.
#[derive(Debug)]
pub(crate) struct LockedFolder<'a> {
    pub(crate) folders: &'a Folders,
    path: PathBuf,
    file: LockedFile,
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
            queues: std::array::from_fn(|_| Queue::default()),
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
    /// [`TimedOut`](io::ErrorKind::TimedOut) if another process has it for more than a second, and at
    /// once as long as it goes on to have it.
    pub(crate) fn lock(
        &self,
        directory: &Directory,
        folder: Folder,
    ) -> io::Result<LockedFolder<'_>> {
        let queue = &self.queues[folder.index()];
        let thread = queue.enter();
        let path = folder.path(directory.path());
        let lock = path.join(LOCK);
        let file = queue.unless_stuck(&lock, self.permissions, || {
            match open_locked(&lock, self.permissions) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    directory.make(&path)?;
                    open_locked(&lock, self.permissions)
                }
                locked => locked,
            }
        })?;
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
            let counted = scan::look(&self.path)?.usage;
            self.set_usage(counted)?;
        }
        Ok(self)
    }

    /// Reads a long one. What is longer than leads can be is rubbish, and begun anew.
    fn read_whole(&self) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.file.metadata()?.len()).unwrap_or(usize::MAX);
        if length > HEAD + leads::LONGEST {
            self.file.set_len(0)?;
            return Ok(Vec::new());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_although_another_process_inherited_its_lock() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = Directory::new(scratch.path().to_owned(), 0o700);
        let folders = Folders::new(0o600, 0);
        let locked = folders.lock(&directory, Folder::new(0)).unwrap();
        let inherited = locked.file.try_clone().unwrap();
        drop(locked);
        folders.lock(&directory, Folder::new(0)).unwrap();
        drop(inherited);
    }
}
