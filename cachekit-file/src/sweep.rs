//! Keeps the directory under its caps.
//!
//! Nothing runs in the background: each write first pays for its place. The first write of a
//! process counts what is there. After that a process knows its own writes exactly, and learns of
//! others' by looking again at folder after folder, [`PASSES`] times round the directory for each
//! time that its own writes would fill a cap; what has expired and temp files that nobody finishes
//! are removed on that way. So a count that drifted heals, and an idle directory costs nothing.
//!
//! Over a cap, the entries that were not used for longest go, by the time in their file: a read
//! renews it at most once a minute. The oldest are found among [`SAMPLE`] entries of the next
//! folders, not among all: keys are spread evenly by their hash, so one share is like another, and
//! a write in a large directory costs no more than in a small one.

use std::fs::{DirEntry, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use cachekit_core::error::{Error, ErrorKind, Result};

use crate::entry::Header;
use crate::error::from_io;
use crate::file::{header, open, remove_if_there};
use crate::layout::{FOLDERS, Folder, TEMP, is_entry};
use crate::ledger::{Held, Ledger, Reservation};
use crate::usage::{Usage, occupied};

/// How often a process looks through the directory while it writes as much as a cap allows.
const PASSES: u64 = 4;

/// Among how many entries the oldest are looked for.
const SAMPLE: usize = 512;

/// The share of a sample that goes at once, so that not every write has to look.
const SHARE: usize = 10;

/// A temp file that is older belongs to nobody.
const ORPHANED_AFTER_S: i64 = 3_600;

#[derive(Debug)]
pub(crate) struct Sweeper {
    directory: PathBuf,
    caps: Usage,
    ledger: Ledger,
    turn: Mutex<Turn>,
}

/// Where the sweep is. One thread of a process sweeps at a time.
#[derive(Debug)]
struct Turn {
    counted: bool,
    next: Folder,
    /// Folders to look through, in parts of `1 / DEBT_UNIT`.
    debt: u64,
}

const DEBT_UNIT: u64 = 1 << 20;

impl Turn {
    /// The folder whose turn it is.
    fn advance(&mut self) -> Folder {
        let folder = self.next;
        self.next = folder.next();
        folder
    }
}

/// A file in a folder of entries.
struct Seen {
    path: PathBuf,
    folder: Folder,
    occupied: u64,
    inode: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl Sweeper {
    pub(crate) fn new(directory: PathBuf, caps: Usage) -> Self {
        let turn = Turn {
            counted: false,
            next: Folder::new(0),
            debt: 0,
        };
        Self {
            directory,
            caps,
            ledger: Ledger::new(),
            turn: Mutex::new(turn),
        }
    }

    /// Holds a folder: until it is let go, nobody else in this process gives or takes a name in
    /// it.
    pub(crate) fn hold(&self, folder: Folder) -> Held<'_> {
        self.ledger.hold(folder)
    }

    /// Makes room for an entry that will occupy `bytes`.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if there is no room even with everything evicted that may be.
    pub(crate) fn reserve(
        &self,
        operation: &'static str,
        bytes: u64,
        now: u64,
    ) -> Result<Reservation<'_>> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let reservation = self.ledger.reserve(bytes);
        let swept = self
            .sweep(&mut turn, bytes, now)
            .and_then(|()| self.evict(&mut turn, now));
        if swept.map_err(|error| from_io(operation, error))? {
            Ok(reservation)
        } else {
            let reason = "no room under the caps of the directory";
            Err(Error::with_detail(ErrorKind::Rejected, operation, reason))
        }
    }

    /// Counts everything once, then pays what a write of `bytes` owes.
    fn sweep(&self, turn: &mut Turn, bytes: u64, now: u64) -> io::Result<()> {
        if !turn.counted {
            for _ in 0..FOLDERS {
                self.scan(turn.advance(), now)?;
            }
            turn.counted = true;
        }
        turn.debt += self.debt(bytes);
        while turn.debt >= DEBT_UNIT {
            turn.debt -= DEBT_UNIT;
            for seen in self.scan(turn.advance(), now)? {
                if seen.is_over(now) {
                    self.remove(&seen)?;
                }
            }
        }
        Ok(())
    }

    /// What a write of `bytes` adds to the debt: at most once round the directory.
    fn debt(&self, bytes: u64) -> u64 {
        let round = DEBT_UNIT * FOLDERS as u64;
        let by_entries = PASSES * round / self.caps.entries.max(1);
        let filled = u128::from(bytes) * u128::from(PASSES * round);
        let by_bytes = filled / u128::from(self.caps.bytes.max(1));
        u64::try_from(by_bytes)
            .unwrap_or(round)
            .max(by_entries)
            .min(round)
    }

    /// Removes the oldest until the total is within the caps; false if that cannot be.
    fn evict(&self, turn: &mut Turn, now: u64) -> io::Result<bool> {
        let mut folders = 0..FOLDERS;
        while !self.is_within_caps() {
            let mut sample = Vec::new();
            while sample.len() < SAMPLE && folders.next().is_some() {
                sample.extend(self.scan(turn.advance(), now)?);
            }
            if sample.is_empty() && folders.is_empty() {
                return Ok(self.is_within_caps());
            }
            sample.sort_unstable_by_key(|seen| seen.modified);
            let share = sample.len().div_ceil(SHARE);
            for (index, seen) in sample.iter().enumerate() {
                if index >= share && self.is_within_caps() {
                    break;
                }
                self.remove(seen)?;
            }
        }
        Ok(true)
    }

    fn is_within_caps(&self) -> bool {
        self.ledger.total().is_within(self.caps)
    }

    /// The entries of a folder, counted. Temp files that were orphaned by `now` (unix ms) go.
    fn scan(&self, folder: Folder, now: u64) -> io::Result<Vec<Seen>> {
        let mut held = self.ledger.hold(folder);
        let mut entries = Vec::new();
        let files = match std::fs::read_dir(folder.path(&self.directory)) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                held.correct(std::iter::empty());
                return Ok(entries);
            }
            Err(error) => return Err(error),
        };
        for file in files {
            if let Some(seen) = look(folder, &file?, now)? {
                entries.push(seen);
            }
        }
        held.correct(entries.iter().map(|seen| seen.occupied));
        Ok(entries)
    }

    /// Removes a file that is still as it was seen, unless another release wrote it.
    fn remove(&self, seen: &Seen) -> io::Result<()> {
        let mut held = self.ledger.hold(seen.folder);
        if seen.header() == Some(Header::Foreign) || !seen.is_unchanged() {
            return Ok(());
        }
        if remove_if_there(&seen.path)? {
            held.subtract(seen.occupied);
        }
        Ok(())
    }
}

impl Seen {
    /// `None` for a file that cannot be read now.
    fn header(&self) -> Option<Header> {
        let file = open(OpenOptions::new().read(true), &self.path).ok()??;
        header(&file).ok()
    }

    fn is_over(&self, now: u64) -> bool {
        matches!(self.header(), Some(Header::Entry(claim)) if claim.times.is_over(now))
    }

    fn is_unchanged(&self) -> bool {
        std::fs::symlink_metadata(&self.path).is_ok_and(|now| {
            now.ino() == self.inode && (now.mtime(), now.mtime_nsec()) == self.modified
        })
    }
}

/// What a directory lists: an entry, or something that does not count.
fn look(folder: Folder, file: &DirEntry, now: u64) -> io::Result<Option<Seen>> {
    let name = file.file_name();
    let Some(name) = name.to_str() else {
        return Ok(None);
    };
    let temp = name.starts_with(TEMP);
    if !temp && !is_entry(name) {
        return Ok(None);
    }
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if temp {
        let age = i64::try_from(now / 1_000)
            .unwrap_or(i64::MAX)
            .saturating_sub(metadata.mtime());
        if age > ORPHANED_AFTER_S {
            remove_if_there(&file.path())?;
        }
        return Ok(None);
    }
    Ok(metadata.is_file().then(|| Seen {
        path: file.path(),
        folder,
        occupied: occupied(&metadata),
        inode: metadata.ino(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    }))
}
