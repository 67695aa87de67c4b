//! What each operation does, as blocking calls.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cachekit_core::backend::{Health, NodeState, Stored, Ttl};
use cachekit_core::clock::Clock;
use cachekit_core::error::{Error, ErrorKind, Result};
use cachekit_core::key::StoreKey;
use rustix::fs::Access;

use crate::config::{Config, SyncMode};
use crate::directory::Directory;
use crate::entry::{self, Claim, Header, MARK_AT, Times};
use crate::error::from_io;
use crate::file::{header, occupied, open, remove_if_there, sync_folder};
use crate::folder::Folders;
use crate::layout::Place;
use crate::ledger::Usage;
use crate::pool::{Caller, abandoned};
use crate::read::Reader;
use crate::sweep::Sweeper;
use crate::write::Temp;

/// What a file occupies is a multiple of this on most file systems. It is measured once it is
/// written; until then this is the guess.
const BLOCK: u64 = 4_096;

const SET: &str = "file set";
const EXPIRE: &str = "file expire";
const REMOVE: &str = "file remove";

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) config: Config,
    clock: Clock,
    directory: Arc<Directory>,
    sweeper: Sweeper,
    pub(crate) reader: Reader,
}

impl Store {
    pub(crate) fn new(config: Config, clock: Clock) -> Self {
        let caps = Usage {
            bytes: config.max_size,
            entries: config.max_entries,
        };
        let directory = Directory::new(config.directory.clone(), config.dir_permissions);
        let directory = Arc::new(directory);
        let folders = Arc::new(Folders::new(config.permissions, config.max_size / 4_096));
        Self {
            reader: Reader::new(
                Arc::clone(&directory),
                folders,
                clock.clone(),
                config.max_value,
            ),
            directory,
            sweeper: Sweeper::new(config.directory.clone(), caps),
            clock,
            config,
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
        let _room = self.sweeper.reserve(SET, bytes, written)?;
        let temp = self
            .temp(&place, [&head, value], written)
            .map_err(|error| from_io(SET, error))?;
        self.publish(temp, &place, caller)
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
    fn publish(&self, temp: Temp, place: &Place, caller: &Caller) -> Result<Stored> {
        let bytes = temp.occupied().map_err(|error| from_io(SET, error))?;
        let mut held = self.sweeper.hold(place.folder);
        if caller.is_gone() {
            return Err(abandoned(SET));
        }
        let replaced = std::fs::symlink_metadata(&place.path).ok();
        temp.rename(&place.path)
            .map_err(|error| from_io(SET, error))?;
        if let Some(replaced) = replaced {
            held.subtract(occupied(&replaced));
        }
        held.add(bytes);
        drop(held);
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
        let held = self.sweeper.hold(place.folder);
        let opened = open(OpenOptions::new().read(true).write(true), &place.path);
        let Some(file) = opened.map_err(failed)? else {
            return Ok(());
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Ok(());
        }
        match header(&file).map_err(failed)? {
            Header::Entry(claim) => self.mark(&file, &claim).map_err(failed),
            Header::Foreign | Header::Damaged => {
                drop(held);
                self.remove_at(EXPIRE, &place)
            }
        }
    }

    fn mark(&self, file: &File, claim: &Claim) -> io::Result<()> {
        file.write_all_at(&claim.stale_mark(), MARK_AT)?;
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
        let mut held = self.sweeper.hold(place.folder);
        let metadata = std::fs::symlink_metadata(&place.path).ok();
        let removed = remove_if_there(&place.path).map_err(|error| from_io(operation, error))?;
        if let Some(metadata) = metadata.filter(|_| removed) {
            held.subtract(occupied(&metadata));
            drop(held);
            self.sync_folder(operation, place)?;
        }
        Ok(())
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
