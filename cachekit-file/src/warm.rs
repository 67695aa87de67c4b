//! Opening and reading a file: as long as it takes, or only where the kernel promises that nothing
//! is waited for.
//!
//! Linux makes that promise for a path whose every part is in its cache of names, and for content
//! that is in the page cache. Where it does not, or elsewhere than on Linux, a read that must not
//! wait fails with [`Errno::WOULDBLOCK`].

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

const UNKNOWN: u8 = 0;
const NOTHING: u8 = 1;
const CACHED: u8 = 2;
const MEMORY: u8 = 3;

impl Promise {
    /// How a file is read without waiting; `None` where that cannot be, or nobody looked yet.
    pub(crate) fn reading(&self) -> Option<Reading> {
        match self.0.load(Ordering::Relaxed) {
            CACHED => Some(Reading::Cached),
            MEMORY => Some(Reading::Memory),
            _ => None,
        }
    }

    /// Tries it on the file at `path`, which was just read, by one who may wait.
    pub(crate) fn learn(&self, path: &Path) {
        if self.0.load(Ordering::Relaxed) == UNKNOWN {
            self.0.store(system::promise(path), Ordering::Relaxed);
        }
    }

    /// It was not kept: another file system is there now.
    pub(crate) fn forget(&self) {
        self.0.store(UNKNOWN, Ordering::Relaxed);
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io::IoSliceMut;
    use std::path::Path;

    use rustix::fd::OwnedFd;
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
    use rustix::io::{Errno, ReadWriteFlags, Result, preadv2};

    use super::{CACHED, MEMORY, NOTHING, UNKNOWN};

    const FLAGS: OFlags = OFlags::RDONLY
        .union(OFlags::CLOEXEC)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::NONBLOCK);

    /// Of file systems that have no disk.
    const MAGICS: [u32; 2] = [
        0x0102_1994, // tmpfs
        0x8584_58f6, // ramfs
    ];

    pub(super) fn open(path: &Path) -> Result<OwnedFd> {
        match rustix::fs::open(path, FLAGS.union(OFlags::NOATIME), Mode::empty()) {
            // Only the owner may leave the time of access.
            Err(Errno::PERM) => rustix::fs::open(path, FLAGS, Mode::empty()),
            opened => opened,
        }
    }

    pub(super) fn open_cached(path: &Path) -> Result<OwnedFd> {
        let flags = FLAGS.union(OFlags::NOATIME);
        rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED)
    }

    pub(super) fn read_cached(file: &OwnedFd, bytes: &mut [u8], at: u64) -> Result<usize> {
        let mut bytes = [IoSliceMut::new(bytes)];
        preadv2(file, &mut bytes, at, ReadWriteFlags::NOWAIT)
    }

    pub(super) fn promise(path: &Path) -> u8 {
        let file = match open_cached(path) {
            Ok(file) => file,
            // An old kernel, or a filter of system calls that does not know the call.
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => return NOTHING,
            Err(_) => return UNKNOWN,
        };
        match read_cached(&file, &mut [0], 0) {
            Ok(_) | Err(Errno::AGAIN) => CACHED,
            Err(Errno::OPNOTSUPP) if is_memory(&file) => MEMORY,
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::INVAL) => NOTHING,
            Err(_) => UNKNOWN,
        }
    }

    fn is_memory(file: &OwnedFd) -> bool {
        rustix::fs::fstatfs(file).is_ok_and(|system| {
            u32::try_from(system.f_type).is_ok_and(|magic| MAGICS.contains(&magic))
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::path::Path;

    use rustix::fd::OwnedFd;
    use rustix::fs::{Mode, OFlags};
    use rustix::io::{Errno, Result};

    pub(super) fn open(path: &Path) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        rustix::fs::open(path, flags, Mode::empty())
    }

    pub(super) fn open_cached(_path: &Path) -> Result<OwnedFd> {
        Err(Errno::WOULDBLOCK)
    }

    pub(super) fn read_cached(_file: &OwnedFd, _bytes: &mut [u8], _at: u64) -> Result<usize> {
        Err(Errno::WOULDBLOCK)
    }

    pub(super) fn promise(_path: &Path) -> u8 {
        super::NOTHING
    }
}
