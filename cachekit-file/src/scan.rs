//! Looks at every file of a folder.

use std::ffi::OsString;
use std::fs::{DirEntry, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::layout::{SPARE, TEMP, is_entry};
use crate::usage::{Usage, occupied};

/// What is in a folder, as it was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What the entries occupy, and the spare.
    pub(crate) usage: Usage,
    pub(crate) entries: Vec<Seen>,
    /// Files that have no name yet, and when they were last written (unix seconds).
    pub(crate) temps: Vec<(PathBuf, i64)>,
}

/// The file of an entry, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) name: OsString,
    inode: u64,
    /// Seconds and nanoseconds, as the next.
    pub(crate) used: (i64, i64),
    expires: (i64, i64),
}

impl Seen {
    fn new(name: OsString, metadata: &Metadata) -> Self {
        Self {
            name,
            inode: metadata.ino(),
            used: (metadata.mtime(), metadata.mtime_nsec()),
            expires: (metadata.atime(), metadata.atime_nsec()),
        }
    }

    /// Whether its time may be over at `now` (unix ms). Only its header knows.
    pub(crate) fn may_be_over(&self, now: u64) -> bool {
        let now = i128::from(now);
        i128::from(self.expires.0) * 1_000 + i128::from(self.expires.1) / 1_000_000 <= now
    }

    /// Whether the file at `path` is the one that was seen, and was not used since.
    pub(crate) fn is_unchanged(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|now| {
            now.ino() == self.inode && (now.mtime(), now.mtime_nsec()) == self.used
        })
    }
}

/// What the folder at `path` holds, which may change meanwhile; nothing if it is not there.
pub(crate) fn look(path: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    let files = match std::fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        files => files?,
    };
    for file in files {
        found.add(&file?)?;
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, file: &DirEntry) -> io::Result<()> {
        let name = file.file_name();
        let Some(text) = name.to_str() else {
            return Ok(());
        };
        let (entry, spare, temp) = (is_entry(text), text == SPARE, text.starts_with(TEMP));
        if !entry && !spare && !temp {
            return Ok(());
        }
        let metadata = match file.metadata() {
            // Somebody was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            metadata => metadata?,
        };
        if !metadata.is_file() {
            return Ok(());
        }
        if temp {
            self.temps.push((file.path(), metadata.mtime()));
        } else if spare {
            self.usage = self.usage.plus(Usage::file(occupied(&metadata)));
        } else {
            self.usage = self.usage.plus(Usage::entry(occupied(&metadata)));
            self.entries.push(Seen::new(name, &metadata));
        }
        Ok(())
    }
}
