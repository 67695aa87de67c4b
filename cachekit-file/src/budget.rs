//! Keeps the directory under its caps, for all who write to it.
//!
//! Whoever writes first reserves what the write may need. Each process takes shares of the caps from the
//! common account, some thousandth at a time, and spends them in memory: mostly a
//! reservation costs one mutex. What is used and what is taken is never more than the caps. Where nothing
//! is left to take, the `collector` evicts. Shares that a killed process took with it come back with the
//! account's next round, and the account of one that was stopped with it is replaced.

mod account;
mod clear;
mod collector;
mod sweep;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cachekit_core::clock::Clock;
use cachekit_core::error::{Error, ErrorKind, Result};

use self::account::AccountFile;
use self::collector::Collector;
use crate::config::Config;
use crate::directory::Directory;
use crate::error::from_io;
use crate::folder::{Folders, LockedFolder};
use crate::layout::{self, Folder};
use crate::usage::Usage;

/// What a share is of the caps: small, for it may be held by a process that does not use it.
const SHARE: u64 = 1_024;

/// How many entries a write looks at to pay for its share.
const LOOKED_AT: u64 = 512;

#[derive(Debug)]
pub(crate) struct Budget {
    directory: Arc<Directory>,
    folders: Arc<Folders>,
    account: AccountFile,
    collector: Collector,
    clock: Clock,
    caps: Usage,
    /// What is taken at once.
    portion: Usage,
    share: Mutex<Share>,
}

/// What this process has taken and not spent.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    usage: Usage,
    /// Of the account. Shares of a round that is long over are void.
    round: u64,
}

/// The round of what is in none.
const VOID: u64 = 0;

/// What was a part of a round, and is not any more.
type Freed = (Usage, u64);

/// A place under the caps for what is being written. What is not used of it goes back when this is
/// dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Reservation<'a> {
    budget: &'a Budget,
    usage: Usage,
    round: u64,
}

impl Budget {
    pub(crate) fn new(
        config: &Config,
        clock: Clock,
        directory: Arc<Directory>,
        folders: Arc<Folders>,
    ) -> Self {
        let caps = Usage {
            bytes: config.max_size,
            entries: config.max_entries,
        };
        let path = directory.path();
        Self {
            account: AccountFile::new(
                layout::budget(path),
                layout::next_budget(path),
                config.permissions,
            ),
            collector: Collector::new(layout::collector(path), config.permissions),
            directory,
            folders,
            clock,
            caps,
            portion: Usage {
                bytes: caps.bytes / SHARE,
                entries: (caps.entries / SHARE).max(1),
            },
            share: Mutex::default(),
        }
    }

    /// Reserves `usage`, for which it evicts where that must be.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if there is no room even with everything evicted that may be;
    /// [`ErrorKind::Overloaded`] if the directory is so far over its caps that it takes more than
    /// this write to get there.
    pub(crate) fn reserve(&self, operation: &'static str, usage: Usage) -> Result<Reservation<'_>> {
        let failed = |error| from_io(operation, error);
        if !usage.is_within(self.caps) {
            return Err(no_room(operation));
        }
        let taken = match self.take(usage, &[]) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = self
                    .account
                    .path()
                    .parent()
                    .unwrap_or_else(|| self.directory.path());
                self.directory.make(folder).map_err(failed)?;
                self.take(usage, &[])
            }
            taken => taken,
        };
        match taken.map_err(failed)? {
            Some(reservation) => Ok(reservation),
            None => self.make_room(operation, usage),
        }
    }

    /// Takes `usage` out of the share, which is filled first where it is too small: `freed`, and the
    /// rest of it, go back before. `None` if there is not enough to take.
    fn take(&self, usage: Usage, freed: &[Freed]) -> io::Result<Option<Reservation<'_>>> {
        let mut share = self.share();
        if freed.is_empty() && usage.is_within(share.usage) {
            share.usage = share.usage.less(usage);
            let round = share.round;
            return Ok(Some(self.reservation(usage, round)));
        }
        // Not held any more, even if giving it back fails: it may have been done all the same.
        let old = std::mem::take(&mut *share);
        let (taken, round, due) = self.account.update(|account| {
            account.give(old.usage, old.round);
            for (usage, round) in freed {
                account.give(*usage, *round);
            }
            let taken = account.take(usage, usage.plus(self.portion), self.caps);
            (taken, account.round(), account.due(LOOKED_AT))
        })?;
        *share = Share {
            usage: taken.unwrap_or_default().less(usage),
            round,
        };
        drop(share);
        let reservation = taken.map(|_| self.reservation(usage, round));
        for folder in due {
            if let Err(error) = self.sweep(folder) {
                tracing::debug!(%error, "a folder could not be looked through");
            }
        }
        Ok(reservation)
    }

    const fn reservation(&self, usage: Usage, round: u64) -> Reservation<'_> {
        Reservation {
            budget: self,
            usage,
            round,
        }
    }

    /// What `usage` was, in a folder of `round`, is free. To be called where the folder's head knows it.
    pub(crate) fn freed(&self, usage: Usage, round: u64) -> io::Result<()> {
        if usage == Usage::default() || round == VOID {
            return Ok(());
        }
        let mut share = self.share();
        let give = |usage| self.account.update(|account| account.give(usage, round));
        if share.usage == Usage::default() {
            share.round = round;
        }
        if share.round != round {
            return give(usage);
        }
        share.usage = share.usage.plus(usage);
        let most = self.portion.plus(self.portion);
        if !share.usage.is_within(most) {
            let back = share.usage.less(self.portion);
            share.usage = share.usage.less(back);
            give(back)?;
        }
        Ok(())
    }

    fn share(&self) -> MutexGuard<'_, Share> {
        self.share.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        let share = *self.share();
        if share.usage != Usage::default() && self.account.path().exists() {
            // What cannot be given back now comes back with the next round.
            let _ = self.account.update(|account| {
                account.give_unspent(share.usage, share.round, self.caps);
            });
        }
    }
}

impl<'a> Reservation<'a> {
    /// Locks the folder that is written to, once both are of one round.
    ///
    /// # Errors
    /// As [`Budget::reserve`], where the reservation became void before this and there is no room now.
    pub(crate) fn lock(
        &mut self,
        operation: &'static str,
        number: Folder,
    ) -> Result<LockedFolder<'a>> {
        let failed = |error| from_io(operation, error);
        loop {
            let folders = &self.budget.folders;
            let locked = folders.lock(&self.budget.directory, number);
            let mut folder = locked.map_err(failed)?;
            if self.joins(number, &mut folder).map_err(failed)? {
                return Ok(folder);
            }
            drop(folder);
            *self = self.budget.reserve(operation, self.usage)?;
        }
    }

    /// Brings a locked folder and this into one round. False if this was void, and there is no room
    /// for another.
    fn joins(&mut self, number: Folder, folder: &mut LockedFolder<'_>) -> io::Result<bool> {
        let head = folder.head();
        if head.round == self.round {
            return Ok(true);
        }
        let (usage, caps) = (self.usage, self.budget.caps);
        // What is given back, or may have been, is not given back once more.
        let before = std::mem::replace(&mut self.round, VOID);
        let (round, joined) = self.budget.account.update(|account| {
            let round = account.round();
            if head.round != round {
                account.stamp(number, head, head.usage);
            }
            let joined = before == round || {
                account.give(usage, before);
                account.take(usage, usage, caps).is_some()
            };
            (round, joined)
        })?;
        if joined {
            self.round = round;
        }
        if head.round != round {
            folder.set_round(round, head.usage)?;
        }
        Ok(joined)
    }

    /// The write is done, and the folder that held `before` holds `after`. What was reserved beyond
    /// that goes back.
    pub(crate) fn settle(mut self, before: Usage, after: Usage) {
        let (came, went) = (after.less(before), before.less(after));
        let reserved = self.usage.plus(went);
        self.usage = reserved.less(came);
        let more = came.less(reserved);
        if more != Usage::default() {
            // The file is there. What is not counted now is found by the next sweep.
            let _ = self.budget.account.update(|account| account.charge(more));
        }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        // What cannot be given back now comes back with the next round.
        let _ = self.budget.freed(self.usage, self.round);
    }
}

fn no_room(operation: &'static str) -> Error {
    let reason = "no room under the caps of the directory";
    Error::with_detail(ErrorKind::Rejected, operation, reason)
}

#[cfg(test)]
mod tests;
