//! What each operation does, as blocking calls.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cachekit_core::backend::{Found, Health, NodeState, Stored, Ttl};
use cachekit_core::clock::Clock;
use cachekit_core::error::{Error, ErrorKind, Result};
use cachekit_core::key::StoreKey;
use rustix::fs::Access;

use crate::budget::{Budget, Reservation};
use crate::config::{Config, SyncMode};
use crate::directory::Directory;
use crate::entry::{self, HEADER, Header, MARK_AT, STALE, Times};
use crate::error::from_io;
use crate::file::{header, open, sync_folder};
use crate::folder::{Folders, LockedFolder};
use crate::layout::Place;
use crate::usage::{Usage, occupied};
use crate::write::Temp;

/// How exact recency is: a read renews the time in a file at most this often, because each renewal
/// is a write of metadata.
const RENEWED_AFTER_MS: u64 = 60_000;

/// What a file occupies is a multiple of this on most file systems. It is measured once it is
/// written; until then this is the guess.
const BLOCK: u64 = 4_096;

const GET: &str = "file get";
const SET: &str = "file set";
const EXPIRE: &str = "file expire";
const REMOVE: &str = "file remove";
const CLEAR: &str = "file clear";

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) config: Config,
    clock: Clock,
    directory: Arc<Directory>,
    folders: Arc<Folders>,
    budget: Budget,
}

/// The file of an entry, opened and not yet read.
#[derive(Debug)]
pub(crate) struct Opened {
    file: File,
    length: u64,
    modified: u64,
}

impl Opened {
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }
}

/// Whoever waits for a write. One who went away may have been told nothing, and goes on to write
/// or remove the same key: the write that was left must not come after that.
#[derive(Debug)]
pub(crate) struct Caller(pub(crate) Weak<()>);

impl Caller {
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// What a caller is told who is not there to hear it.
pub(crate) fn abandoned(operation: &'static str) -> Error {
    Error::with_detail(ErrorKind::Ambiguous, operation, "the caller is gone")
}

impl Store {
    pub(crate) fn new(config: Config, clock: Clock) -> Self {
        let directory = Directory::new(config.directory.clone(), config.dir_permissions);
        let directory = Arc::new(directory);
        let spare_limit = (config.max_size / 4_096).min(128 * 1_024);
        let folders = Arc::new(Folders::new(config.permissions, spare_limit));
        Self {
            budget: Budget::new(
                &config,
                clock.clone(),
                Arc::clone(&directory),
                Arc::clone(&folders),
            ),
            directory,
            folders,
            clock,
            config,
        }
    }

    /// Opens the file of an entry; `None` is a miss.
    pub(crate) fn open(&self, key: &StoreKey) -> Result<Option<Opened>> {
        self.directory.ready_once(GET)?;
        let place = Place::of(self.directory.path(), key);
        let opened = open(OpenOptions::new().read(true), &place.path);
        let Some(file) = opened.map_err(|error| from_io(GET, error))? else {
            // No file, or no directory: only one of them is a miss.
            self.directory.ready(GET)?;
            return Ok(None);
        };
        let metadata = file.metadata().map_err(|error| from_io(GET, error))?;
        let most = self.config.max_value + HEADER as u64 + key.as_str().len() as u64;
        if !metadata.is_file() || metadata.len() > most {
            return Ok(None);
        }
        Ok(Some(Opened {
            file,
            length: metadata.len(),
            modified: modified_ms(&metadata),
        }))
    }

    /// Reads the entry of `key`; `None` is a miss.
    pub(crate) fn read(&self, key: &StoreKey, opened: &Opened) -> Result<Option<Found>> {
        let mut bytes = Vec::with_capacity(usize::try_from(opened.length).unwrap_or(0));
        let mut content = (&opened.file).take(opened.length);
        content
            .read_to_end(&mut bytes)
            .map_err(|error| from_io(GET, error))?;
        let now = self.clock.unix_ms();
        let entry = entry::parse(Bytes::from(bytes), key.as_str());
        let Some(entry) = entry.filter(|entry| !entry.times.is_over(now)) else {
            return Ok(None);
        };
        if now.abs_diff(opened.modified) >= RENEWED_AFTER_MS {
            // Recency is a help to the sweep; a file system that is read-only serves without it.
            let _ = opened.file.set_modified(time_of(now));
        }
        Ok(Some(Found {
            left: Some(entry.times.left(now)),
            stale: entry.stale,
            value: entry.value,
        }))
    }

    /// Both steps at once.
    pub(crate) fn get(&self, key: &StoreKey) -> Result<Option<Found>> {
        match self.open(key)? {
            Some(opened) => self.read(key, &opened),
            None => Ok(None),
        }
    }

    pub(crate) fn set(
        &self,
        key: &StoreKey,
        value: &[u8],
        ttl: Ttl,
        caller: &Caller,
    ) -> Result<Stored> {
        let limit = self.config.max_value;
        if value.len() as u64 > limit {
            self.remove(key)?;
            let detail = format!("the limit is {limit} bytes");
            return Err(Error::with_detail(ErrorKind::TooLarge, SET, detail));
        }
        self.directory.ready(SET)?;
        let written = self.clock.unix_ms();
        let times = Times {
            written,
            expires: written.saturating_add(ttl.as_millis_rounded_up()),
        };
        let head = entry::head(key.as_str(), value, times);
        let place = Place::of(self.directory.path(), key);
        // Room first: the temp files of many writers at once could be more than the cap allows.
        let bytes = (head.len() as u64 + value.len() as u64).next_multiple_of(BLOCK);
        let reservation = self.budget.reserve(SET, Usage::entry(bytes))?;
        let temp = self
            .temp(&place, [&head, value], written)
            .map_err(|error| from_io(SET, error))?;
        self.publish(temp, &place, reservation, caller)
    }

    fn temp(&self, place: &Place, parts: [&[u8]; 2], now: u64) -> io::Result<Temp> {
        let folder = place.folder.path(self.directory.path());
        let permissions = self.config.permissions;
        let mut temp = match Temp::create(&folder, permissions) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.directory.make(&folder)?;
                Temp::create(&folder, permissions)?
            }
            created => created?,
        };
        temp.write(parts, time_of(now), self.config.sync)?;
        Ok(temp)
    }

    /// Gives `temp` the name of the entry, and counts it there.
    fn publish(
        &self,
        temp: Temp,
        place: &Place,
        mut reservation: Reservation<'_>,
        caller: &Caller,
    ) -> Result<Stored> {
        let failed = |error| from_io(SET, error);
        let bytes = temp.occupied().map_err(failed)?;
        let mut folder = reservation.lock(SET, place.folder)?;
        if caller.is_gone() {
            return Err(abandoned(SET));
        }
        let before = folder.usage();
        let replaced = std::fs::symlink_metadata(&place.path).ok();
        let replaced = replaced.map_or(Usage::default(), |it| Usage::entry(occupied(&it)));
        let after = before.plus(Usage::entry(bytes)).less(replaced);
        folder.set_usage(after).map_err(failed)?;
        temp.rename(&place.path).map_err(failed)?;
        reservation.settle(before, after);
        drop(folder);
        self.sync_folder(SET, place)?;
        Ok(Stored::Stored)
    }

    /// Marks the entry as stale, in place. What this release cannot read, it removes: nobody may
    /// find it fresh.
    pub(crate) fn expire(&self, key: &StoreKey) -> Result<()> {
        self.directory.ready(EXPIRE)?;
        let place = Place::of(self.directory.path(), key);
        let failed = |error| from_io(EXPIRE, error);
        // A set that was given up, and saw it too late, has named its file before this opens it.
        let mut folder = self.lock(&place).map_err(failed)?;
        let opened = open(OpenOptions::new().read(true).write(true), &place.path);
        let Some(file) = opened.map_err(failed)? else {
            return Ok(());
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Ok(());
        }
        match header(&file).map_err(failed)? {
            Header::Entry(_) => self.mark(&file).map_err(failed),
            Header::Foreign | Header::Damaged => self.retire(&mut folder, &place).map_err(failed),
        }
    }

    fn mark(&self, file: &File) -> io::Result<()> {
        file.write_all_at(&STALE, MARK_AT)?;
        if self.config.sync == SyncMode::None {
            Ok(())
        } else {
            file.sync_data()
        }
    }

    pub(crate) fn remove(&self, key: &StoreKey) -> Result<()> {
        self.directory.ready(REMOVE)?;
        self.remove_at(REMOVE, &Place::of(self.directory.path(), key))
    }

    fn remove_at(&self, operation: &'static str, place: &Place) -> Result<()> {
        let failed = |error| from_io(operation, error);
        let mut folder = self.lock(place).map_err(failed)?;
        self.retire(&mut folder, place).map_err(failed)?;
        drop(folder);
        self.sync_folder(operation, place)
    }

    fn lock(&self, place: &Place) -> io::Result<LockedFolder<'_>> {
        self.folders.lock(&self.directory, place.folder)
    }

    fn retire(&self, folder: &mut LockedFolder<'_>, place: &Place) -> io::Result<()> {
        let freed = folder.retire(&place.path)?;
        self.budget.freed(freed, folder.head().round)
    }

    fn sync_folder(&self, operation: &'static str, place: &Place) -> Result<()> {
        if self.config.sync != SyncMode::Full {
            return Ok(());
        }
        let folder = place.folder.path(self.directory.path());
        sync_folder(&folder).map_err(|error| {
            let detail = "done, but perhaps not for a loss of power";
            Error::with_source(ErrorKind::Ambiguous, operation, detail, error)
        })
    }

    pub(crate) fn clear(&self) -> Result<()> {
        self.directory.ready(CLEAR)?;
        self.budget.clear().map_err(|error| from_io(CLEAR, error))
    }

    pub(crate) fn health(&self) -> Health {
        let name = self.config.directory.display().to_string();
        if let Err(error) = self.directory.ready("file health") {
            return Health::single(name, NodeState::Down, error.to_string());
        }
        match rustix::fs::access(&self.config.directory, Access::WRITE_OK) {
            Ok(()) => Health::single(name, NodeState::Up, ""),
            Err(errno) => {
                let reason = from_io("file health", errno.into()).to_string();
                Health::single(name, NodeState::Degraded, reason)
            }
        }
    }
}

fn time_of(unix_ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(unix_ms)
}

fn modified_ms(metadata: &std::fs::Metadata) -> u64 {
    let ms = metadata
        .mtime()
        .saturating_mul(1_000)
        .saturating_add(metadata.mtime_nsec() / 1_000_000);
    u64::try_from(ms).unwrap_or(0)
}
