//! Systems that promise nothing.

use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result, retry_on_intr};

use super::Promised;

pub(super) fn open(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))
}

pub(super) fn open_cached(_path: &Path) -> Result<OwnedFd> {
    Err(Errno::WOULDBLOCK)
}

pub(super) fn read_cached(_file: &OwnedFd, _bytes: &mut [u8], _at: u64) -> Result<usize> {
    Err(Errno::WOULDBLOCK)
}

pub(super) fn promise(_path: &Path) -> Promised {
    Promised::Nothing
}
