//! What each operation does, as blocking calls.

mod leading;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use cachekit_core::backend::{Health, NodeState, Reason, Stored, Token, Ttl};
use cachekit_core::clock::Clock;
use cachekit_core::error::{Error, ErrorKind, Result};
use cachekit_core::key::StoreKey;
use rustix::fs::Access;

use crate::budget::{Budget, Reservation};
use crate::config::{Config, SyncMode};
use crate::directory::Directory;
use crate::entry::{self, Claim, Header, MARK_AT, Times};
use crate::error::{from_io, is_full, is_gone};
use crate::file::{header, open, sync_folder};
use crate::folder::{Folders, LockedFolder};
use crate::layout::Place;
use crate::owner::Owners;
use crate::pool::{Caller, abandoned};
use crate::read::Reader;
use crate::usage::{BLOCK, Usage};
use crate::write::{Draft, Temp};

pub(crate) use leading::Wanted;

/// The largest entry that is written into a spare, in bytes of disk; a smaller directory has
/// smaller ones, so that all spares together take at most a sixteenth of its cap.
const SPARE_LIMIT: u64 = 128 * 1024;
const SPARE_SHARE: u64 = 4_096;

/// How often a write begins again whose folder was cleared under it.
const AGAIN: u32 = 3;

const SET: &str = "file set";
const EXPIRE: &str = "file expire";
const REMOVE: &str = "file remove";
const CLEAR: &str = "file clear";

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) directory: Arc<Directory>,
    folders: Arc<Folders>,
    pub(crate) reader: Reader,
    owners: Owners,
    budget: Budget,
    /// How many leads this backend gave; each has its own number.
    leads: AtomicU64,
}

impl Store {
    pub(crate) fn new(config: Config, clock: Clock) -> Self {
        // What is to survive a loss of power is written apart.
        let spare_limit = match config.sync {
            SyncMode::None => SPARE_LIMIT.min(config.max_size / SPARE_SHARE),
            SyncMode::Data | SyncMode::Full => 0,
        };
        let directory = Directory::new(config.directory.clone(), config.dir_permissions);
        let directory = Arc::new(directory);
        let folders = Arc::new(Folders::new(config.permissions, spare_limit));
        Self {
            reader: Reader::new(
                Arc::clone(&directory),
                Arc::clone(&folders),
                clock.clone(),
                config.max_value,
            ),
            budget: Budget::new(
                &config,
                clock.clone(),
                Arc::clone(&directory),
                Arc::clone(&folders),
            ),
            directory,
            folders,
            owners: Owners::new(&config.directory, config.permissions),
            leads: AtomicU64::new(0),
            clock,
            config,
        }
    }

    /// # Errors
    /// [`ErrorKind::TooLarge`], and the entry that was to be replaced is removed.
    pub(crate) fn set(
        &self,
        key: &StoreKey,
        value: &[u8],
        ttl: Ttl,
        lead: Option<&Token>,
        caller: &Caller,
    ) -> Result<Stored> {
        let mut again = AGAIN;
        loop {
            match self.set_once(key, value, ttl, lead, caller) {
                Err(error) if again == 0 => return Err(error),
                Err(error) if is_full(&error) && self.budget.drop_spares().unwrap_or(false) => {}
                Err(error) if is_gone(&error) => {}
                stored => return stored,
            }
            again -= 1;
        }
    }

    fn set_once(
        &self,
        key: &StoreKey,
        value: &[u8],
        ttl: Ttl,
        lead: Option<&Token>,
        caller: &Caller,
    ) -> Result<Stored> {
        self.directory.ready(SET)?;
        let place = Place::of(self.directory.path(), key);
        if value.len() as u64 > self.config.max_value {
            return self.refuse(key, &place, lead, caller);
        }
        let times = self.times(ttl);
        let head = entry::head(key.as_str(), value, times);
        let draft = Draft {
            parts: [&head, value],
            times,
        };
        // Room first: the files of many writers at once could be more than the cap allows.
        let bytes = draft.length().next_multiple_of(BLOCK);
        let mut reservation = self.budget.reserve(SET, Usage::entry(bytes))?;
        let apart = bytes > self.folders.spare_limit();
        let temp = apart.then(|| self.temp(&place, &draft)).transpose()?;

        let folder = reservation.lock(SET, place.folder)?;
        if let Some(reason) = self.unwanted(&folder, key, &place, lead, caller)? {
            return Ok(Stored::Superseded(reason));
        }
        let leader = lead.and_then(|_| folder.leader(&place.digest));
        self.change(SET, folder, &place, Some(reservation), |folder| {
            let written = match temp {
                Some(temp) => folder.publish(temp, &place.path),
                None => folder.write(&place.path, &draft),
            };
            if let (Err(_), Some(leader)) = (&written, leader) {
                // It is not used up: who leads may try again, or hand it back.
                folder.lead(&place.digest, leader, self.clock.unix_ms())?;
            }
            written
        })?;
        Ok(Stored::Stored)
    }

    /// Removes the entry that a value over the limit was to replace.
    fn refuse(
        &self,
        key: &StoreKey,
        place: &Place,
        lead: Option<&Token>,
        caller: &Caller,
    ) -> Result<Stored> {
        let folder = self.locked(SET, place)?;
        if let Some(reason) = self.unwanted(&folder, key, place, lead, caller)? {
            return Ok(Stored::Superseded(reason));
        }
        self.change(SET, folder, place, None, |folder| {
            folder.retire(&place.path)
        })?;
        let detail = format!("the limit is {} bytes", self.config.max_value);
        Err(Error::with_detail(ErrorKind::TooLarge, SET, detail))
    }

    /// Those of an entry that is written now.
    fn times(&self, ttl: Ttl) -> Times {
        let written = self.clock.unix_ms();
        let expires = written.saturating_add(ttl.as_millis_rounded_up());
        Times { written, expires }
    }

    /// Why a write is not to happen; `None` if it is.
    ///
    /// # Errors
    /// Its caller is gone.
    fn unwanted(
        &self,
        folder: &LockedFolder<'_>,
        key: &StoreKey,
        place: &Place,
        lead: Option<&Token>,
        caller: &Caller,
    ) -> Result<Option<Reason>> {
        if caller.is_gone() {
            return Err(abandoned(SET));
        }
        lead.map_or(Ok(None), |token| self.superseded(folder, key, place, token))
    }

    /// Writes a file apart, while others change the folder.
    fn temp(&self, place: &Place, draft: &Draft<'_>) -> Result<Temp> {
        let folder = place.folder.path(self.directory.path());
        let permissions = self.config.permissions;
        let create = || match Temp::create(&folder, permissions) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.directory.make(&folder)?;
                Temp::create(&folder, permissions)
            }
            created => created,
        };
        let write = |mut temp: Temp| temp.write(draft, self.config.sync).map(|()| temp);
        let temp = create().and_then(write);
        temp.map_err(|error| from_io(SET, error))
    }

    /// Locks the folder of an entry, in a directory that is ready.
    fn locked(&self, operation: &'static str, place: &Place) -> Result<LockedFolder<'_>> {
        let locked = self.folders.lock(&self.directory, place.folder);
        locked.map_err(|error| from_io(operation, error))
    }

    /// Changes what is at `place`, after the lead over it has ended. What that takes beyond what it
    /// gives back was reserved.
    fn change<T>(
        &self,
        operation: &'static str,
        mut folder: LockedFolder<'_>,
        place: &Place,
        reserved: Option<Reservation<'_>>,
        change: impl FnOnce(&mut LockedFolder<'_>) -> io::Result<T>,
    ) -> Result<()> {
        let before = folder.usage();
        let ended = folder.end_lead(&place.digest, self.clock.unix_ms());
        let changed = ended.and_then(|()| change(&mut folder));
        let after = folder.usage();
        match reserved {
            Some(reservation) => reservation.settle(before, after),
            None => {
                // What cannot be given back now comes back with the next round.
                let _ = self.budget.freed(before.less(after), folder.head().round);
            }
        }
        drop(folder);
        changed.map_err(|error| from_io(operation, error))?;
        self.sync_folder(operation, place)
    }

    /// Marks the entry as stale, in place. What this release cannot read, it removes: nobody may
    /// find it fresh.
    pub(crate) fn expire(&self, key: &StoreKey) -> Result<()> {
        self.directory.ready(EXPIRE)?;
        let place = Place::of(self.directory.path(), key);
        let folder = self.locked(EXPIRE, &place)?;
        self.change(EXPIRE, folder, &place, None, |folder| {
            let mut options = OpenOptions::new();
            let Some(file) = open(options.read(true).write(true), &place.path)? else {
                return Ok(());
            };
            if !file.metadata()?.is_file() {
                return Ok(());
            }
            match header(&file)? {
                Header::Entry(claim) => self.mark(&file, &claim),
                Header::Foreign | Header::Damaged => folder.retire(&place.path).map(|_| ()),
            }
        })
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
        let place = Place::of(self.directory.path(), key);
        let folder = self.locked(REMOVE, &place)?;
        self.change(REMOVE, folder, &place, None, |folder| {
            folder.retire(&place.path)
        })
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
