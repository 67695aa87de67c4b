//! Opening and reading a file: as long as it takes, or only where the kernel promises that nothing
//! is waited for.
//!
//! Linux makes that promise for a path whose every part is in its cache of names, and for content
//! that is in the page cache. Where it does not, or elsewhere than on Linux, a read that must not
//! wait fails with [`Errno::WOULDBLOCK`].

#[cfg(target_os = "linux")]
#[path = "warm/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "warm/other.rs"]
mod system;

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::buffer::spare_capacity;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, Result, retry_on_intr};

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// However long the disk takes.
    Waiting,
    /// Only what is in the page cache.
    Cached,
    /// The file system has no disk.
    Memory,
}

impl Reading {
    /// Opens a file. A symbolic link is not followed, a pipe does not hold up the caller, and the
    /// time of access stays.
    pub(crate) fn open(self, path: &Path) -> Result<OwnedFd> {
        match self {
            Self::Waiting => system::open(path),
            Self::Cached | Self::Memory => system::open_cached(path),
        }
    }

    /// Reads into `bytes` from `at` on; less only at the end of the file, or of what is cached.
    pub(crate) fn read(self, file: &OwnedFd, bytes: &mut [u8], at: u64) -> Result<usize> {
        match self {
            Self::Waiting | Self::Memory => {
                retry_on_intr(|| rustix::io::pread(file, &mut *bytes, at))
            }
            Self::Cached => system::read_cached(file, bytes, at),
        }
    }

    /// Reads from `at` on until `bytes` is full to its capacity, or the file ends.
    pub(crate) fn fill(self, file: &OwnedFd, bytes: &mut Vec<u8>, mut at: u64) -> Result<()> {
        if self == Self::Cached {
            let mut filled = bytes.len();
            // Unlike the plain call, this one fills only what is initialised.
            bytes.resize(bytes.capacity(), 0);
            while filled < bytes.len() {
                match self.read(file, &mut bytes[filled..], at)? {
                    0 => return Err(Errno::WOULDBLOCK),
                    read => {
                        filled += read;
                        at += read as u64;
                    }
                }
            }
            return Ok(());
        }
        while bytes.len() < bytes.capacity() {
            match retry_on_intr(|| rustix::io::pread(file, spare_capacity(bytes), at))? {
                0 => break,
                read => at += read as u64,
            }
        }
        Ok(())
    }
}

/// What the kernel was found to promise about the files of a directory.
#[derive(Debug, Default)]
pub(crate) struct Promise(AtomicU8);

/// The values of a [`Promise`].
#[derive(Clone, Copy, Debug)]
enum Promised {
    Unknown,
    Nothing,
    Cached,
    Memory,
}

impl Promise {
    /// How a file is read without waiting; `None` where that cannot be, or nobody looked yet.
    pub(crate) fn reading(&self) -> Option<Reading> {
        match self.0.load(Ordering::Relaxed) {
            promised if promised == Promised::Cached as u8 => Some(Reading::Cached),
            promised if promised == Promised::Memory as u8 => Some(Reading::Memory),
            _ => None,
        }
    }

    /// Tries it on the file at `path`, which was just read, by one who may wait.
    pub(crate) fn learn(&self, path: &Path) {
        if self.0.load(Ordering::Relaxed) == Promised::Unknown as u8 {
            self.0.store(system::promise(path) as u8, Ordering::Relaxed);
        }
    }

    /// It was not kept: another file system is there now.
    pub(crate) fn forget(&self) {
        self.0.store(Promised::Unknown as u8, Ordering::Relaxed);
    }
}
