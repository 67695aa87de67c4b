//! The directory: made at first use, and refused where others could write to it.

use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use cachekit_core::error::{Error, ErrorKind, Result};

use crate::error::from_io;

/// The permissions by which group and others can write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    permissions: u32,
    /// Whether it was once found to be as it must be.
    accepted: AtomicBool,
}

impl Directory {
    pub(crate) const fn new(path: PathBuf, permissions: u32) -> Self {
        Self {
            path,
            permissions,
            accepted: AtomicBool::new(false),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at the directory as it is now, and makes it where it is not there.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] with the reason where someone else could put entries into it.
    pub(crate) fn ready(&self, operation: &'static str) -> Result<()> {
        let metadata = match std::fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self
                .make(&self.path)
                .and_then(|()| std::fs::metadata(&self.path)),
            found => found,
        };
        self.accept(operation, metadata)
    }

    /// Looks at the directory as it is now.
    ///
    /// # Errors
    /// As [`ready`](Self::ready), and [`ErrorKind::Unavailable`] where it is not there.
    pub(crate) fn there(&self, operation: &'static str) -> Result<()> {
        self.accept(operation, std::fs::metadata(&self.path))
    }

    fn accept(&self, operation: &'static str, metadata: io::Result<Metadata>) -> Result<()> {
        let metadata = metadata.map_err(|error| from_io(operation, error))?;
        if let Some(reason) = refusal(&metadata) {
            return Err(Error::with_detail(ErrorKind::Rejected, operation, reason));
        }
        self.accepted.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The same, but a directory that was accepted once is not looked at again: for reads that
    /// find what they look for.
    pub(crate) fn ready_once(&self, operation: &'static str) -> Result<()> {
        if self.accepted.load(Ordering::Relaxed) {
            Ok(())
        } else {
            self.ready(operation)
        }
    }

    /// Makes `folder` and what is missing above it.
    pub(crate) fn make(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(self.permissions)
            .create(folder)
    }
}

/// Why entries in a directory like this cannot be trusted.
fn refusal(metadata: &Metadata) -> Option<String> {
    let user = rustix::process::geteuid().as_raw();
    let mode = metadata.mode() & 0o7777;
    if !metadata.is_dir() {
        Some("the cache directory is a file".to_owned())
    } else if metadata.uid() != user {
        let owner = metadata.uid();
        Some(format!(
            "the cache directory belongs to user {owner}, and this is user {user}"
        ))
    } else if mode & WRITABLE_BY_OTHERS != 0 {
        Some(format!(
            "others can write to the cache directory, its mode is {mode:04o}; chmod go-w"
        ))
    } else {
        None
    }
}
