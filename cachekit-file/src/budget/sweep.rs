//! Looks through folder after folder, as those who take shares pay for it: corrects the counts, removes
//! what is over and what nobody finishes, and lets the folder join the round of the account.
//!
//! So a count that drifted heals, expired entries leave, and an idle directory costs nothing.

use std::io;

use super::Budget;
use super::collector::{Reason, evict};
use crate::file::remove_if_there;
use crate::folder::LockedFolder;
use crate::layout::Folder;
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
            return self.account.update(|account| account.stamp_missing(number));
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

    /// Counts everything anew, where nothing is there that accounts for what seems to be used.
    pub(super) fn recount(&self) -> io::Result<()> {
        for number in Folder::all() {
            self.sweep(number)?;
        }
        // Shares of those who were killed may be of this round, but not of the next.
        self.complete_round()?;
        self.complete_round()
    }

    /// Ends the round of the account as soon as can be, without looking at the files.
    pub(super) fn complete_round(&self) -> io::Result<()> {
        let stamped = self.account.update(|account| {
            Folder::all()
                .map(|folder| account.is_stamped(folder))
                .collect::<Vec<_>>()
        })?;
        let mut missing = Vec::new();
        for (number, _) in Folder::all().zip(stamped).filter(|(_, stamped)| !stamped) {
            if let Some(mut folder) = self.lock_existing(number)? {
                let usage = folder.usage();
                self.stamp(number, &mut folder, usage)?;
            } else {
                missing.push(number);
            }
        }
        self.account.update(|account| {
            for folder in missing {
                account.stamp_missing(folder);
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

    /// Locks a folder; `None` if it is not there.
    pub(super) fn lock_existing(&self, number: Folder) -> io::Result<Option<LockedFolder<'_>>> {
        if !number.path(self.directory.path()).try_exists()? {
            return Ok(None);
        }
        self.folders.lock(&self.directory, number).map(Some)
    }
}
