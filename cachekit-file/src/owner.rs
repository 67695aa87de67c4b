//! Who is alive: a backend that leads, or holds a part of what is shared, has a file that it locks
//! for as long as it lives. The kernel frees the lock of a process that ends in whatever way.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::file::open;
use crate::layout;
use crate::lock::{LockedFile, is_named, open_locked, try_lock};

/// The owners of a directory: this one, and how to look for the others.
#[derive(Debug)]
pub(crate) struct Owners {
    folder: PathBuf,
    permissions: u32,
    /// Drawn at random, so that containers with equal process ids may share a directory.
    id: u64,
    /// Made when somebody has to know that this one is alive.
    file: Mutex<Option<LockedFile>>,
}

impl Owners {
    pub(crate) fn new(directory: &Path, permissions: u32) -> Self {
        Self {
            folder: layout::owners(directory),
            permissions,
            id: RandomState::new().hash_one("owner"),
            file: Mutex::default(),
        }
    }

    /// The id of this one, which the others find alive from now on until this is dropped.
    pub(crate) fn announced(&self, directory: &Directory) -> io::Result<u64> {
        let path = self.path(self.id);
        let mut own = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*own
            && is_named(file, &path)?
        {
            return Ok(self.id);
        }
        directory.make(&self.folder)?;
        self.remove_dead()?;
        *own = Some(open_locked(&path, self.permissions)?);
        Ok(self.id)
    }

    /// Whether the owner of this id lives.
    pub(crate) fn is_alive(&self, id: u64) -> io::Result<bool> {
        Ok(id == self.id || is_locked(&self.path(id))?)
    }

    /// Removes the files of those who ended without a word.
    fn remove_dead(&self) -> io::Result<()> {
        for file in std::fs::read_dir(&self.folder)? {
            let path = file?.path();
            if is_owner(&path) {
                // What stays is in nobody's way.
                let _ = remove_if_dead(&path);
            }
        }
        Ok(())
    }

    fn path(&self, id: u64) -> PathBuf {
        self.folder.join(format!("{id:016x}"))
    }
}

impl Drop for Owners {
    fn drop(&mut self) {
        let own = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        if own.is_some() {
            // A file that cannot be removed now is a dead owner's as soon as it is closed.
            let _ = std::fs::remove_file(self.path(self.id));
        }
    }
}

fn is_owner(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.len() == 16 && name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit)
}

/// Removes the file of an owner, under its lock: one who has made it, and is about to lock it, finds
/// it gone then, and makes another.
fn remove_if_dead(path: &Path) -> io::Result<()> {
    let Some(file) = open(OpenOptions::new().read(true), path)? else {
        return Ok(());
    };
    match try_lock(file)? {
        Some(locked) if is_named(&locked, path)? => std::fs::remove_file(path),
        _ => Ok(()),
    }
}

/// Whether someone has the lock of the file at `path`.
fn is_locked(path: &Path) -> io::Result<bool> {
    let Some(file) = open(OpenOptions::new().read(true), path)? else {
        return Ok(false);
    };
    loop {
        // Shared, so that those who look do not take each other for the owner.
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => return Ok(false),
            Err(Errno::WOULDBLOCK) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, Directory) {
        let scratch = tempfile::tempdir().unwrap();
        let directory = Directory::new(scratch.path().to_owned(), 0o700);
        (scratch, directory)
    }

    #[test]
    fn an_owner_is_alive_until_it_is_dropped() {
        let (scratch, directory) = directory();
        let here = Owners::new(scratch.path(), 0o600);
        let there = Owners::new(scratch.path(), 0o600);
        let id = there.announced(&directory).unwrap();
        assert_eq!(there.announced(&directory).unwrap(), id);
        here.announced(&directory).unwrap();
        assert!(here.is_alive(id).unwrap());
        drop(there);
        assert!(!here.is_alive(id).unwrap());
        assert!(!here.path(id).exists());
    }

    #[test]
    fn the_file_of_an_owner_that_ended_without_a_word_is_removed() {
        let (scratch, directory) = directory();
        let owners = Owners::new(scratch.path(), 0o600);
        let dead = owners.path(0xff);
        directory.make(&owners.folder).unwrap();
        std::fs::write(&dead, "").unwrap();
        assert!(!owners.is_alive(0xff).unwrap());
        let id = owners.announced(&directory).unwrap();
        assert!(!dead.exists());
        assert!(owners.path(id).exists());
    }

    #[test]
    fn owners_that_begin_together_do_not_remove_each_other() {
        let (scratch, directory) = directory();
        let begin = || {
            for _ in 0..2_000 {
                let owners = Owners::new(scratch.path(), 0o600);
                let id = owners.announced(&directory).unwrap();
                assert!(is_locked(&owners.path(id)).unwrap());
            }
        };
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(begin);
            }
        });
    }

    #[test]
    fn an_owner_whose_directory_was_removed_announces_itself_again() {
        let (scratch, directory) = directory();
        let owners = Owners::new(scratch.path(), 0o600);
        let id = owners.announced(&directory).unwrap();
        std::fs::remove_dir_all(layout::owners(scratch.path())).unwrap();
        owners.announced(&directory).unwrap();
        let other = Owners::new(scratch.path(), 0o600);
        assert!(other.is_alive(id).unwrap());
    }
}
