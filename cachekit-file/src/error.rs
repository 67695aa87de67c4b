//! From the system's errors to the kinds of the cache.

use std::io;

use cachekit_core::error::{Error, ErrorKind};

/// What `operation` failed with. A missing file is not an error of its own: who can mean it looks
/// for it first; here it is the directory that is gone.
pub(crate) fn from_io(operation: &'static str, error: io::Error) -> Error {
    use io::ErrorKind as Io;
    let (kind, detail) = match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => (ErrorKind::Rejected, "the disk is full"),
        Io::ReadOnlyFilesystem => (ErrorKind::Rejected, "the file system is read-only"),
        Io::PermissionDenied => (ErrorKind::Rejected, "not permitted"),
        Io::FileTooLarge => (
            ErrorKind::Rejected,
            "over the file system's limit of a file",
        ),
        Io::TimedOut => (
            ErrorKind::Timeout,
            "another process holds the folder, or the file system does not answer",
        ),
        Io::NotFound | Io::NotADirectory | Io::StaleNetworkFileHandle => {
            (ErrorKind::Unavailable, "the directory is gone")
        }
        _ if is_out_of_descriptors(&error) => (ErrorKind::Overloaded, "too many open files"),
        _ => (ErrorKind::Unavailable, ""),
    };
    Error::with_source(kind, operation, detail, error)
}

/// Whether it failed for want of room on the disk.
pub(crate) fn is_full(error: &Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(source_kind(error), Some(StorageFull | QuotaExceeded))
}

/// Whether something was not there that it needed.
pub(crate) fn is_gone(error: &Error) -> bool {
    source_kind(error) == Some(io::ErrorKind::NotFound)
}

fn source_kind(error: &Error) -> Option<io::ErrorKind> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<io::Error>().map(io::Error::kind)
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn each_failure_of_the_system_has_its_kind() {
        let cases = [
            (Errno::NOSPC, ErrorKind::Rejected),
            (Errno::DQUOT, ErrorKind::Rejected),
            (Errno::ROFS, ErrorKind::Rejected),
            (Errno::ACCESS, ErrorKind::Rejected),
            (Errno::PERM, ErrorKind::Rejected),
            (Errno::MFILE, ErrorKind::Overloaded),
            (Errno::NFILE, ErrorKind::Overloaded),
            (Errno::STALE, ErrorKind::Unavailable),
            (Errno::NOENT, ErrorKind::Unavailable),
            (Errno::IO, ErrorKind::Unavailable),
            (Errno::TIMEDOUT, ErrorKind::Timeout),
        ];
        for (errno, kind) in cases {
            let error = from_io("file get", errno.into());
            assert_eq!(error.kind(), kind, "{errno}");
            let full = matches!(errno, Errno::NOSPC | Errno::DQUOT);
            assert_eq!(is_full(&error), full, "{errno}");
        }
    }
}
