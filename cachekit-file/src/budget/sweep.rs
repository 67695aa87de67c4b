//! Looks through folder after folder, as those who take shares pay for it: corrects the counts, removes
//! what is over and what nobody finishes, and lets the folder join the round of the account.
//!
//! So a count that drifted heals, expired entries leave, and an idle directory costs nothing.

use std::io;

use super::Budget;
use super::collector::{Reason, evict};
use crate::file::remove_if_there;
use crate::folder::LockedFolder;
use crate::layout::{Folder, SPARE};
use crate::scan;
use crate::usage::Usage;

/// A file without a name that is older belongs to nobody.
const ORPHANED_AFTER_S: i64 = 3_600;

/// How many expired entries of a folder go at once.
const EXPIRED: usize = 32;

impl Budget {
    pub(super) fn sweep(&self, number: Folder) -> io::Result<()> {
        self.sweep_cleared()?;
        let Some(folder) = self.lock_existing(number)? else {
            return self.stamp_missing(number);
        };
        let before = folder.head().changes;
        // Writers go on while this looks.
        drop(folder);
        let now = self.clock.unix_ms();
        let found = scan::look(&number.path(self.directory.path()))?;
        for (temp, written) in found.temps {
            let now = i64::try_from(now / 1_000).unwrap_or(i64::MAX);
            if now.saturating_sub(written) > ORPHANED_AFTER_S {
                remove_if_there(&temp)?;
            }
        }
        let mut folder = self.folders.lock(&self.directory, number)?;
        let head = folder.head();
        let usage = if head.changes == before {
            found.usage
        } else {
            head.usage
        };
        self.stamp(number, &mut folder, usage)?;
        let expired = found.entries.iter().filter(|seen| seen.may_be_over(now));
        let mut freed = Usage::default();
        for seen in expired.take(EXPIRED) {
            freed = freed.plus(evict(&mut folder, seen, Reason::Over(now))?);
        }
        self.account
            .update(|account| account.give(freed, folder.head().round))
    }

    /// Counts everything anew, where nothing is there that accounts for what seems to be used. While
    /// a folder is held by one who was stopped, the round goes on.
    pub(super) fn recount(&self) -> io::Result<()> {
        for number in Folder::all() {
            unless_held(self.sweep(number))?;
        }
        // Shares of those who were killed may be of this round, but not of the next.
        for _ in 0..2 {
            unless_held(self.complete_round())?;
        }
        Ok(())
    }

    /// Ends the round of the account as soon as can be, without looking at the files.
    pub(super) fn complete_round(&self) -> io::Result<()> {
        let (round, unstamped) = self.account.update(|account| {
            let unstamped = Folder::all().filter(|folder| !account.is_stamped(*folder));
            (account.round(), unstamped.collect::<Vec<_>>())
        })?;
        let mut missing = Vec::new();
        for number in unstamped {
            if let Some(mut folder) = self.lock_existing(number)? {
                let usage = folder.usage();
                self.stamp(number, &mut folder, usage)?;
            } else {
                missing.push(number);
            }
        }
        self.account.update(|account| {
            for folder in &missing {
                account.stamp_missing(*folder, round);
            }
            account.end_round();
        })
    }

    /// Lets a folder join the round of the account, with what it was found to hold.
    fn stamp(&self, number: Folder, folder: &mut LockedFolder<'_>, usage: Usage) -> io::Result<()> {
        let head = folder.head();
        let round = self.account.update(|account| {
            account.stamp(number, head, usage);
            account.round()
        })?;
        folder.set_round(round, usage)
    }

    /// The same of a folder that is not there.
    fn stamp_missing(&self, number: Folder) -> io::Result<()> {
        let round = self.account.update(|account| account.round())?;
        if number.path(self.directory.path()).try_exists()? {
            return Ok(()); // Somebody has made it; the next round may be its first.
        }
        self.account
            .update(|account| account.stamp_missing(number, round))
    }

    /// Removes the spares of all folders that nobody holds; false if there are none.
    pub(crate) fn drop_spares(&self) -> io::Result<bool> {
        let mut any = false;
        for number in Folder::all() {
            let spare = number.path(self.directory.path()).join(SPARE);
            if std::fs::symlink_metadata(spare).is_ok() {
                let locked = self.folders.lock(&self.directory, number);
                let Some(mut folder) = unless_held(locked)? else {
                    continue;
                };
                let freed = folder.drop_spare()?;
                self.freed(freed, folder.head().round)?;
                any |= freed != Usage::default();
            }
        }
        Ok(any)
    }

    /// Locks a folder; `None` if it is not there.
    pub(super) fn lock_existing(&self, number: Folder) -> io::Result<Option<LockedFolder<'_>>> {
        if !number.path(self.directory.path()).try_exists()? {
            return Ok(None);
        }
        self.folders.lock(&self.directory, number).map(Some)
    }
}

/// `None` where another process holds a folder for too long: it was stopped, and there are others.
pub(super) fn unless_held<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(None),
        done => done.map(Some),
    }
}
