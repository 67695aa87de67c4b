//! A file that gets its name when it is whole.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::config::SyncMode;
use crate::layout::TEMP;
use crate::usage::occupied;

/// A file beside the entries of a folder, which goes if it is dropped without a name.
#[derive(Debug)]
pub(crate) struct Temp {
    file: File,
    path: PathBuf,
    named: bool,
}

impl Temp {
    /// Makes an empty one in `folder`.
    pub(crate) fn create(folder: &Path, permissions: u32) -> io::Result<Self> {
        let path = folder.join(new_name());
        let file = OpenOptions::new()
            .write(true)
            // Never opens what is there already, a symbolic link included.
            .create_new(true)
            .mode(permissions)
            .open(&path)?;
        Ok(Self {
            file,
            path,
            named: false,
        })
    }

    /// Writes the whole content, dated `modified`.
    pub(crate) fn write(
        &mut self,
        parts: [&[u8]; 2],
        modified: SystemTime,
        sync: SyncMode,
    ) -> io::Result<()> {
        for part in parts {
            self.file.write_all(part)?;
        }
        self.file.set_modified(modified)?;
        match sync {
            SyncMode::None => Ok(()),
            SyncMode::Data => self.file.sync_data(),
            SyncMode::Full => self.file.sync_all(),
        }
    }

    /// The disk that it occupies.
    pub(crate) fn occupied(&self) -> io::Result<u64> {
        Ok(occupied(&self.file.metadata()?))
    }

    /// Gives it the name `path`, whatever had that name.
    pub(crate) fn rename(mut self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)?;
        self.named = true;
        Ok(())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.named {
            // What cannot be removed now is swept later.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A name that no process uses, also where containers with equal process ids share a directory.
fn new_name() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("temp"));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{TEMP}{:016x}-{}",
        *PROCESS,
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
