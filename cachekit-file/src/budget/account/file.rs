//! The file of the account, under a lock between processes.
//!
//! Every write may need it, so nobody waits long for one who has it and was stopped. After half a second,
//! others replace the file by a copy, and go on with that. One who wakes up sees that its file lost the
//! name, and makes its change once more: what it wrote may be in the copy or not. The copy has the name
//! before it is read from the old file, so a change whose file still had the name afterwards is in it.
//!
//! Until it is written, a copy is no account. So whatever becomes of one who is killed or stopped while
//! it replaces, and of those who then do it in its place, at worst everything is counted anew.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Account, LENGTH};
use crate::file::remove_if_there;
use crate::lock::{LockedFile, is_named, open_locked_or_stuck};

/// Less than for a folder: who waits here may have one locked, and others wait for that.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(in crate::budget) struct AccountFile {
    path: PathBuf,
    /// Where the copy is made.
    next: PathBuf,
    permissions: u32,
    patience: Duration,
}

impl AccountFile {
    pub(in crate::budget) const fn new(path: PathBuf, next: PathBuf, permissions: u32) -> Self {
        Self {
            path,
            next,
            permissions,
            patience: PATIENCE,
        }
    }

    pub(in crate::budget) fn path(&self) -> &Path {
        &self.path
    }

    /// Changes the account while no other process does. One that is missing or damaged begins anew,
    /// and counts first.
    ///
    /// # Errors
    /// The disk's; the change may have been made.
    pub(in crate::budget) fn update<T>(&self, change: impl Fn(&mut Account) -> T) -> io::Result<T> {
        let mut again = false;
        loop {
            let file = self.locked()?;
            let before = read(&file)?;
            let mut account = before.clone().unwrap_or_else(Account::unknown);
            account.again = again;
            let result = change(&mut account);
            account.again = false;
            if before.as_ref() == Some(&account) {
                return Ok(result);
            }
            file.write_all_at(&account.to_bytes(), 0)?;
            if is_named(&file, &self.path)? {
                return Ok(result);
            }
            again = true;
        }
    }

    fn locked(&self) -> io::Result<LockedFile> {
        loop {
            match open_locked_or_stuck(&self.path, self.permissions, self.patience)? {
                Ok(file) => return Ok(file),
                Err(stuck) => self.replace(&stuck)?,
            }
        }
    }

    /// Gives the name to a copy of `stuck`, unless another process has done so.
    fn replace(&self, stuck: &File) -> io::Result<()> {
        let Ok(copy) = open_locked_or_stuck(&self.next, self.permissions, self.patience)? else {
            // One who did the same was stopped as well.
            remove_if_there(&self.next)?;
            return Ok(());
        };
        if !is_named(stuck, &self.path)? {
            remove_if_there(&self.next)?;
            return Ok(());
        }
        // Takes its place on the disk while the old one still has the name.
        copy.write_all_at(&[0; LENGTH], 0)?;
        match std::fs::rename(&self.next, &self.path) {
            // One who was stopped goes on, and has given the name to this or removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed?,
        }
        let mut bytes = [0; LENGTH];
        let length = stuck.read_at(&mut bytes, 0)?;
        copy.write_all_at(&bytes[..length], 0)
    }
}

fn read(file: &File) -> io::Result<Option<Account>> {
    let mut bytes = [0; LENGTH];
    let length = file.read_at(&mut bytes, 0)?;
    Ok(Account::parse(&bytes[..length]))
}

#[cfg(test)]
mod tests;
