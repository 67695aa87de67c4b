//! Empties the directory.
//!
//! Each folder is renamed away while it is locked, so that its entries and leads are gone at once; its
//! files are removed afterwards, while others write into a new one. What an interrupted clearing left is
//! removed by the next, and little by little by the sweep.

use std::fs::ReadDir;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::Budget;
use super::sweep::unless_held;
use crate::file::remove_if_there;
use crate::layout::{self, Folder};

/// How many files that were cleared a sweep removes.
const REMOVED: usize = 32;

impl Budget {
    /// Removes every entry of this layout, but for those of folders that are held.
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut) if there is such a folder.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let cleared = layout::cleared(self.directory.path());
        let unique = RandomState::new().hash_one("clear");
        let mut held = false;
        for number in Folder::all() {
            let away = cleared.join(format!("{:02x}-{unique:016x}", number.number()));
            held |= unless_held(self.move_away(number, &cleared, &away))?.is_none();
        }
        self.remove_cleared()?;
        if held {
            return Err(Errno::TIMEDOUT.into());
        }
        Ok(())
    }

    fn move_away(&self, number: Folder, cleared: &Path, away: &Path) -> io::Result<()> {
        let Some(folder) = self.lock_existing(number)? else {
            return Ok(());
        };
        while let Err(error) = std::fs::rename(folder.path(), away) {
            if error.kind() != io::ErrorKind::NotFound || !folder.path().exists() {
                return Err(error);
            }
            // Not there yet, or somebody else has just cleared.
            self.directory.make(cleared)?;
        }
        let head = folder.head();
        drop(folder);
        self.account
            .update(|account| account.give(head.usage, head.round))
    }

    fn remove_cleared(&self) -> io::Result<()> {
        let Some(folders) = self.cleared()? else {
            return Ok(());
        };
        for folder in folders {
            ignore_missing(std::fs::remove_dir_all(folder?.path()))?;
        }
        // Not if somebody clears again.
        let _ = std::fs::remove_dir(layout::cleared(self.directory.path()));
        Ok(())
    }

    /// Removes some of the files that an interrupted clearing left.
    pub(super) fn sweep_cleared(&self) -> io::Result<()> {
        let Some(mut folders) = self.cleared()? else {
            return Ok(());
        };
        let Some(folder) = folders.next().transpose()? else {
            // Not if somebody clears now.
            let _ = std::fs::remove_dir(layout::cleared(self.directory.path()));
            return Ok(());
        };
        let mut files = std::fs::read_dir(folder.path())?;
        for file in files.by_ref().take(REMOVED) {
            remove_if_there(&file?.path())?;
        }
        match files.next() {
            Some(_) => Ok(()),
            None => ignore_missing(std::fs::remove_dir(folder.path())),
        }
    }

    fn cleared(&self) -> io::Result<Option<ReadDir>> {
        match std::fs::read_dir(layout::cleared(self.directory.path())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            folders => folders.map(Some),
        }
    }
}

/// Another process removes it too.
fn ignore_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
