//! What Linux promises.

use std::io::IoSliceMut;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, ReadWriteFlags, Result, preadv2, retry_on_intr};

use super::Promised;

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
    let open = |flags| retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()));
    match open(FLAGS.union(OFlags::NOATIME)) {
        // Only the owner may leave the time of access.
        Err(Errno::PERM) => open(FLAGS),
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

pub(super) fn promise(path: &Path) -> Promised {
    let file = match open_cached(path) {
        Ok(file) => file,
        // An old kernel, or a filter of system calls that does not know the call.
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => return Promised::Nothing,
        Err(_) => return Promised::Unknown,
    };
    match read_cached(&file, &mut [0], 0) {
        Ok(_) | Err(Errno::AGAIN) => Promised::Cached,
        Err(Errno::OPNOTSUPP) if is_memory(&file) => Promised::Memory,
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::INVAL) => Promised::Nothing,
        Err(_) => Promised::Unknown,
    }
}

fn is_memory(file: &OwnedFd) -> bool {
    rustix::fs::fstatfs(file)
        .is_ok_and(|system| u32::try_from(system.f_type).is_ok_and(|magic| MAGICS.contains(&magic)))
}
