//! One file: opened, measured, removed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::entry::{HEADER, Header};

/// Opens a file of the directory, if it is one: a symbolic link is not followed, and a pipe does
/// not hold up the caller.
pub(crate) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<Option<File>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).expect("the flags of open fit into its argument");
    match options.custom_flags(flags).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // A folder, opened for writing.
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(None),
        // A symbolic link; a pipe that nobody reads, opened for writing.
        Err(error)
            if matches!(
                Errno::from_io_error(&error),
                Some(Errno::LOOP | Errno::NXIO)
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The header of `file`, which was not read yet.
pub(crate) fn header(file: &File) -> io::Result<Header> {
    let mut bytes = Vec::with_capacity(HEADER);
    file.take(HEADER as u64).read_to_end(&mut bytes)?;
    Ok(Header::read(&bytes))
}

/// Removes a file; false if it was not there.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts the names in `folder` on the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
