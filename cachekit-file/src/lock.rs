//! Files that are locked between processes. The kernel frees the lock of a process that ends in
//! whatever way.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::file::open;

/// How long the pauses are between the attempts to get a lock that another process has: as long as
/// a change takes at first. They stay short, so that among many who want it everybody gets a turn.
const FIRST_PAUSE: Duration = Duration::from_micros(16);
const LONGEST_PAUSE: Duration = Duration::from_micros(512);

/// How long the pauses are together: whoever has a lock for longer was stopped.
const PATIENCE: Duration = Duration::from_secs(1);

/// A file that is locked, until this is dropped.
///
/// To close it would not do: a process that was forked meanwhile has it open as well, and would keep
/// the lock.
#[derive(Debug)]
pub(crate) struct LockedFile(File);

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing it is next.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// The file at `path`, made where it is not there, and locked. It still has its name: before it was
/// locked, it may have been removed or replaced, with its folder.
///
/// # Errors
/// [`TimedOut`](io::ErrorKind::TimedOut) if another process has the lock for more than a second.
pub(crate) fn open_locked(path: &Path, permissions: u32) -> io::Result<LockedFile> {
    open_locked_or_stuck(path, permissions, PATIENCE)?.map_err(|_| Errno::TIMEDOUT.into())
}

/// The same; `Err` is the file if another process has its lock for more than `patience`.
pub(crate) fn open_locked_or_stuck(
    path: &Path,
    permissions: u32,
    patience: Duration,
) -> io::Result<Result<LockedFile, File>> {
    loop {
        let file = create(path, permissions)?;
        if !flock_in_time(&file, patience)? {
            return Ok(Err(file));
        }
        let file = LockedFile(file);
        if is_named(&file, path)? {
            return Ok(Ok(file));
        }
    }
}

/// The same without waiting; `None` if somebody has the lock.
pub(crate) fn try_open_locked(path: &Path, permissions: u32) -> io::Result<Option<LockedFile>> {
    try_lock(create(path, permissions)?)
}

fn create(path: &Path, permissions: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(permissions);
    loop {
        if let Some(file) = open(&mut options, path)? {
            return Ok(file);
        }
        // Another process made it meanwhile, or something has its name that is not a file.
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(Errno::ISDIR.into()),
            // There is no folder to make it in.
            Err(error) => return Err(error),
        }
    }
}

/// Locks `file` against other processes.
///
/// # Errors
/// As [`open_locked`].
pub(crate) fn lock(file: File) -> io::Result<LockedFile> {
    if flock_in_time(&file, PATIENCE)? {
        Ok(LockedFile(file))
    } else {
        Err(Errno::TIMEDOUT.into())
    }
}

/// The same without waiting; `None` if somebody has the lock.
pub(crate) fn try_lock(file: File) -> io::Result<Option<LockedFile>> {
    Ok(flock_at_once(&file)?.then_some(LockedFile(file)))
}

/// False if another process has the lock for too long.
fn flock_in_time(file: &File, patience: Duration) -> io::Result<bool> {
    let (mut pause, mut waited) = (FIRST_PAUSE, Duration::ZERO);
    while waited < patience {
        if flock_at_once(file)? {
            return Ok(true);
        }
        wait(pause);
        waited += pause;
        pause = LONGEST_PAUSE.min(2 * pause);
    }
    Ok(false)
}

fn flock_at_once(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Waits for another process.
#[expect(
    clippy::disallowed_methods,
    reason = "the lock of a file tells nobody that it is free, and waiting in the kernel has no end"
)]
pub(crate) fn wait(pause: Duration) {
    std::thread::sleep(pause);
}

/// Whether `path` is a name of `file`.
pub(crate) fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match std::fs::symlink_metadata(path) {
        Ok(named) => Ok(identity(named) == identity(file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
