//! The system calls, and how they are made to fail.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, apply_filter,
};

/// A system call, and what must hold of its arguments.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: &'static str,
    number: libc::c_long,
    only: &'static [Only],
}

/// The number of an argument, the bits of it that are looked at, and what they are.
type Only = (u8, u64, u64);

const ALL: u64 = u64::MAX;
const FLAGS: u8 = 2;
const COUNT: u8 = 2;
const OFFSET: u8 = 3;
const CREATE: u64 = libc::O_CREAT as u64;
const ACCESS: u64 = (libc::O_CREAT | libc::O_ACCMODE) as u64;
const WRITE: u64 = libc::O_WRONLY as u64;
const READ_WRITE: u64 = libc::O_RDWR as u64;
const EMPTY_PATH: u64 = libc::AT_EMPTY_PATH as u64;

/// What older kernels, some file systems and some filters do not have.
pub(super) const NEWER: [(Call, i32); 4] = [
    (call("statx", libc::SYS_statx, &[]), libc::ENOSYS),
    (call("openat2", libc::SYS_openat2, &[]), libc::ENOSYS),
    (call("preadv2", libc::SYS_preadv2, &[]), libc::EOPNOTSUPP),
    (call("renameat2", libc::SYS_renameat2, &[]), libc::EINVAL),
];

const fn call(name: &'static str, number: libc::c_long, only: &'static [Only]) -> Call {
    Call { name, number, only }
}

pub(super) const CALLS: &[Call] = &[
    call("openat", libc::SYS_openat, &[]),
    call(
        "openat, to make a file",
        libc::SYS_openat,
        &[(FLAGS, CREATE, CREATE)],
    ),
    call("openat, to read", libc::SYS_openat, &[(FLAGS, ACCESS, 0)]),
    call(
        "openat, to write",
        libc::SYS_openat,
        &[(FLAGS, ACCESS, WRITE)],
    ),
    call(
        "openat, to mark",
        libc::SYS_openat,
        &[(FLAGS, ACCESS, READ_WRITE)],
    ),
    call("openat2", libc::SYS_openat2, &[]),
    call("flock", libc::SYS_flock, &[]),
    call(
        "statx, of a path",
        libc::SYS_statx,
        &[(FLAGS, EMPTY_PATH, 0)],
    ),
    call(
        "statx, of a file",
        libc::SYS_statx,
        &[(FLAGS, EMPTY_PATH, EMPTY_PATH)],
    ),
    call("newfstatat", libc::SYS_newfstatat, &[]),
    call("getdents64", libc::SYS_getdents64, &[]),
    call("read", libc::SYS_read, &[]),
    call("pread64", libc::SYS_pread64, &[]),
    call("preadv2", libc::SYS_preadv2, &[]),
    call("pwrite64", libc::SYS_pwrite64, &[]),
    call(
        "pwrite64, of the budget",
        libc::SYS_pwrite64,
        &[(COUNT, ALL, 104)],
    ),
    call(
        "pwrite64, of a head",
        libc::SYS_pwrite64,
        &[(COUNT, ALL, 64), (OFFSET, ALL, 0)],
    ),
    call(
        "pwrite64, of a lead",
        libc::SYS_pwrite64,
        &[(COUNT, ALL, 64), (OFFSET, ALL, 64)],
    ),
    call(
        "pwrite64, of a mark",
        libc::SYS_pwrite64,
        &[(OFFSET, ALL, 16)],
    ),
    call(
        "pwrite64, of a spare",
        libc::SYS_pwrite64,
        &[(COUNT, ALL, 4), (OFFSET, ALL, 0)],
    ),
    call("writev", libc::SYS_writev, &[]),
    call("ftruncate", libc::SYS_ftruncate, &[]),
    call("utimensat", libc::SYS_utimensat, &[]),
    call("fsync", libc::SYS_fsync, &[]),
    call("fdatasync", libc::SYS_fdatasync, &[]),
    call("rename", libc::SYS_rename, &[]),
    call("renameat2", libc::SYS_renameat2, &[]),
    call("unlink", libc::SYS_unlink, &[]),
    call("unlinkat", libc::SYS_unlinkat, &[]),
    call("mkdir", libc::SYS_mkdir, &[]),
    call("rmdir", libc::SYS_rmdir, &[]),
];

impl Call {
    /// Whether it is made only where what is written has to survive a loss of power.
    pub(super) const fn syncs(&self) -> bool {
        matches!(self.number, libc::SYS_fsync | libc::SYS_fdatasync)
    }

    fn rules(&self) -> Result<Vec<SeccompRule>, Error> {
        let condition = |(argument, mask, value): &Only| {
            let operator = SeccompCmpOp::MaskedEq(*mask);
            SeccompCondition::new(*argument, SeccompCmpArgLen::Qword, operator, *value)
        };
        let conditions: Result<Vec<_>, _> = self.only.iter().map(condition).collect();
        Ok(match conditions? {
            none if none.is_empty() => Vec::new(),
            conditions => vec![SeccompRule::new(conditions)?],
        })
    }
}

/// From now on, `call` fails with `errno` in this thread.
pub(super) fn fail(call: &Call, errno: i32) -> Result<(), Error> {
    let filter = SeccompFilter::new(
        BTreeMap::from([(call.number, call.rules()?)]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno.unsigned_abs()),
        std::env::consts::ARCH.try_into()?,
    )?;
    apply_filter(&BpfProgram::try_from(filter)?)
}
