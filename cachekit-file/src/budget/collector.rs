//! Makes room: evicts what is over, then what was not used for longest, one process at a time.
//!
//! The oldest are found among the entries of the next folders, not among all: keys are spread evenly by
//! their hash, so one folder is like another, and a write in a large directory costs no more than in a
//! small one. Where the next folders are all there are, the order is exact. What was found is used up
//! before the next look; whatever was used or replaced since then stays.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use cachekit_core::error::{Error, ErrorKind, Result};

use super::sweep::unless_held;
use super::{Budget, Freed, Reservation, no_room};
use crate::entry::Header;
use crate::error::from_io;
use crate::file::{header, open};
use crate::folder::LockedFolder;
use crate::layout::{FOLDERS, Folder};
use crate::lock::{LockedFile, try_open_locked, wait};
use crate::scan::{self, Seen};
use crate::usage::{BLOCK, Usage};

/// Among how many entries the oldest are looked for.
const SAMPLE: usize = 1_024;

/// The part of a sample that is old.
const OLD: usize = 8;

/// How many entries go at once, at most.
const BATCH: usize = 32;

/// How many entries one write evicts at most, beside one for each block that it needs itself: a
/// directory whose caps were lowered takes some writes to come down to them.
const MOST: u64 = 1_024;

/// How many candidates that stay cost as much as one that goes.
const STAYING: u64 = 8;

/// How often a writer that needs room looks whether another has made it: for about an eighth
/// of a second. Then it makes room itself.
const ATTEMPTS: u32 = 64;

/// How long it waits between: no longer than it mostly takes to make room.
const PAUSES: std::ops::RangeInclusive<Duration> =
    Duration::from_micros(64)..=Duration::from_millis(2);

#[derive(Debug)]
pub(super) struct Collector {
    /// The file that is locked.
    path: PathBuf,
    permissions: u32,
    candidates: Mutex<Candidates>,
}

/// What may go, the first first.
#[derive(Debug, Default)]
struct Candidates(VecDeque<Candidate>);

#[derive(Debug)]
struct Candidate {
    folder: Folder,
    seen: Seen,
    reason: Reason,
}

/// Why an entry may go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    /// Its time is over at this moment (unix ms).
    Over(u64),
    /// It was not used for long.
    Unused,
}

/// What came of making room.
enum Collected<'a> {
    Room(Reservation<'a>),
    /// Nothing is left that may be evicted.
    NoRoom,
    /// More has to go than one write evicts.
    Much,
}

/// The one who makes room.
struct Turn<'a> {
    candidates: MutexGuard<'a, Candidates>,
    /// `None`: beside whoever has it.
    _lock: Option<LockedFile>,
}

impl Collector {
    pub(super) fn new(path: PathBuf, permissions: u32) -> Self {
        Self {
            path,
            permissions,
            candidates: Mutex::default(),
        }
    }

    /// `None` if somebody else makes room.
    fn turn(&self) -> io::Result<Option<Turn<'_>>> {
        let candidates = match self.candidates.try_lock() {
            Ok(candidates) => candidates,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let lock = try_open_locked(&self.path, self.permissions)?;
        Ok(lock.map(|lock| Turn {
            candidates,
            _lock: Some(lock),
        }))
    }

    /// Whoever makes room may have been stopped. Two at once are slower than one after the other, and
    /// do no harm: each entry is looked at again before it goes.
    fn turn_beside_others(&self) -> Turn<'_> {
        Turn {
            candidates: self
                .candidates
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
            _lock: None,
        }
    }
}

impl Budget {
    /// Reserves `usage`, which there was no room for.
    pub(super) fn make_room(
        &self,
        operation: &'static str,
        usage: Usage,
    ) -> Result<Reservation<'_>> {
        let failed = |error| from_io(operation, error);
        let mut pause = *PAUSES.start();
        for _ in 0..ATTEMPTS {
            if let Some(mut turn) = self.collector.turn().map_err(failed)? {
                return self.room_of(operation, &mut turn, usage);
            }
            wait(pause);
            pause = (2 * pause).min(*PAUSES.end());
            if let Some(reservation) = self.take(usage, &[]).map_err(failed)? {
                return Ok(reservation);
            }
        }
        self.room_of(operation, &mut self.collector.turn_beside_others(), usage)
    }

    fn room_of(
        &self,
        operation: &'static str,
        turn: &mut Turn<'_>,
        usage: Usage,
    ) -> Result<Reservation<'_>> {
        let collected = self.collect(turn, usage);
        match collected.map_err(|error| from_io(operation, error))? {
            Collected::Room(reservation) => Ok(reservation),
            Collected::NoRoom => Err(no_room(operation)),
            Collected::Much => {
                let detail = "the directory is far over its caps";
                Err(Error::with_detail(ErrorKind::Overloaded, operation, detail))
            }
        }
    }

    /// Evicts until `usage` can be taken.
    fn collect(&self, turn: &mut Turn<'_>, usage: Usage) -> io::Result<Collected<'_>> {
        if !self.account.update(|account| account.is_counted())? {
            self.complete_round()?;
        }
        let most = STAYING.saturating_mul(MOST + usage.bytes / BLOCK);
        let (mut cost, mut looked_at, mut recounted) = (0, 0, false);
        let mut freed = Vec::new();
        loop {
            if let Some(reservation) = self.take(usage, &freed)? {
                return Ok(Collected::Room(reservation));
            }
            freed.clear();
            if cost >= most {
                return Ok(Collected::Much);
            } else if !turn.candidates.0.is_empty() {
                freed = self.evict_batch(&mut turn.candidates)?;
                let stays = |(usage, _): &Freed| *usage == Usage::default();
                let costs = |freed: &Freed| if stays(freed) { 1 } else { STAYING };
                cost += freed.iter().map(costs).sum::<u64>();
            } else if looked_at < FOLDERS {
                looked_at += self.find(&mut turn.candidates)?;
            } else if !recounted {
                self.drop_spares()?;
                self.recount()?;
                recounted = true;
                looked_at = 0;
            } else {
                return Ok(Collected::NoRoom);
            }
        }
    }

    /// Finds candidates in the next folders. How many it looked at.
    fn find(&self, candidates: &mut Candidates) -> io::Result<usize> {
        let now = self.clock.unix_ms();
        let mut sample = Vec::new();
        let mut folders = 0;
        let mut next = self.account.update(|account| account.collect)?;
        while sample.len() < SAMPLE && folders < FOLDERS {
            let folder = next.advance();
            let found = scan::look(&folder.path(self.directory.path()))?;
            sample.extend(found.entries.into_iter().map(|seen| (folder, seen)));
            folders += 1;
        }
        self.account.update(|account| account.collect = next)?;
        let over = sample.iter().filter(|(_, seen)| seen.may_be_over(now));
        candidates.0.extend(over.map(|(folder, seen)| Candidate {
            folder: *folder,
            seen: seen.clone(),
            reason: Reason::Over(now),
        }));
        sample.sort_unstable_by_key(|(_, seen)| seen.used);
        if folders < FOLDERS {
            sample.truncate(sample.len().div_ceil(OLD));
        }
        candidates
            .0
            .extend(sample.into_iter().map(|(folder, seen)| Candidate {
                folder,
                seen,
                reason: Reason::Unused,
            }));
        Ok(folders)
    }

    /// Evicts the next candidates, as many as a share has room for.
    fn evict_batch(&self, candidates: &mut Candidates) -> io::Result<Vec<Freed>> {
        let portion = usize::try_from(self.portion.entries).unwrap_or(BATCH);
        let length = portion.min(BATCH).min(candidates.0.len());
        let mut batch: Vec<_> = candidates.0.drain(..length).collect();
        batch.sort_by_key(|candidate| candidate.folder.number());
        let mut freed = Vec::new();
        for group in batch.chunk_by(|one, next| one.folder == next.folder) {
            let number = group[0].folder;
            let Some(locked) = unless_held(self.lock_existing(number))? else {
                candidates.0.retain(|candidate| candidate.folder != number);
                continue;
            };
            let Some(mut folder) = locked else {
                continue;
            };
            let round = folder.head().round;
            for candidate in group {
                let usage = evict(&mut folder, &candidate.seen, candidate.reason)?;
                freed.push((usage, round));
            }
        }
        Ok(freed)
    }
}

/// Removes an entry that is still as it was seen, unless another release wrote it. What became free.
pub(super) fn evict(
    folder: &mut LockedFolder<'_>,
    seen: &Seen,
    reason: Reason,
) -> io::Result<Usage> {
    let path = folder.path().join(&seen.name);
    let header = open(OpenOptions::new().read(true), &path)
        .ok()
        .flatten()
        .and_then(|file| header(&file).ok());
    let goes = match (header, reason) {
        (Some(Header::Foreign), _) => false,
        (Some(Header::Entry(claim)), Reason::Over(now)) => claim.times.is_over(now),
        (None, Reason::Over(_)) => false,
        (Some(Header::Damaged), _) | (_, Reason::Unused) => true,
    };
    if goes && seen.is_unchanged(&path) {
        folder.retire(&path)
    } else {
        Ok(Usage::default())
    }
}
