//! The file of the account, under a lock between processes.
//!
//! Every write may need it, so nobody waits long for one who has it and was stopped. After a second,
//! others replace the file by a copy, and go on with that. One who wakes up sees that its file lost the
//! name, and makes its change once more: what it wrote may be in the copy or not. The copy has the name
//! before it is read from the old file, so a change whose file still had the name afterwards is in it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Account, LENGTH};
use crate::file::remove_if_there;
use crate::lock::{LockedFile, is_named, open_locked, open_locked_or_stuck};

#[derive(Debug)]
pub(in crate::budget) struct AccountFile {
    path: PathBuf,
    /// Where the copy is made.
    next: PathBuf,
    permissions: u32,
}

impl AccountFile {
    pub(in crate::budget) const fn new(path: PathBuf, next: PathBuf, permissions: u32) -> Self {
        Self {
            path,
            next,
            permissions,
        }
    }

    pub(in crate::budget) fn path(&self) -> &Path {
        &self.path
    }

    /// Changes the account while no other process does. One that is missing or damaged begins anew,
    /// and counts first.
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
            match open_locked_or_stuck(&self.path, self.permissions)? {
                Ok(file) => return Ok(file),
                Err(stuck) => self.replace(&stuck)?,
            }
        }
    }

    /// Gives the name to a copy of `stuck`, unless another process has done so.
    fn replace(&self, stuck: &File) -> io::Result<()> {
        let copy = open_locked(&self.next, self.permissions)?;
        if !is_named(stuck, &self.path)? {
            remove_if_there(&self.next)?;
            return Ok(());
        }
        // Of one who was killed while it did the same.
        copy.set_len(0)?;
        std::fs::rename(&self.next, &self.path)?;
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
