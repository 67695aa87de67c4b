//! What this process believes the directory to hold, folder by folder.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::layout::{FOLDERS, Folder};
use crate::usage::Usage;

/// Counts for each folder, kept by own writes and corrected by looking.
#[derive(Debug)]
pub(crate) struct Ledger {
    folders: [Mutex<Usage>; FOLDERS],
    /// What is being written and has no name yet.
    reserved: Mutex<Usage>,
    /// All folders, and what is reserved.
    total: Mutex<Usage>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            folders: std::array::from_fn(|_| Mutex::default()),
            reserved: Mutex::default(),
            total: Mutex::default(),
        }
    }

    pub(crate) fn total(&self) -> Usage {
        *lock(&self.total)
    }

    /// Holds a folder: until it is let go, nobody else in this process gives or takes a name in
    /// it.
    pub(crate) fn hold(&self, folder: Folder) -> Held<'_> {
        Held {
            folder: lock(&self.folders[folder.index()]),
            total: &self.total,
        }
    }

    /// Counts an entry that will occupy `bytes`, until it is counted in its folder.
    pub(crate) fn reserve(&self, bytes: u64) -> Reservation<'_> {
        self.reserved().add(bytes);
        Reservation {
            ledger: self,
            bytes,
        }
    }

    fn reserved(&self) -> Held<'_> {
        Held {
            folder: lock(&self.reserved),
            total: &self.total,
        }
    }
}

/// The place of an entry that is being written, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation<'a> {
    ledger: &'a Ledger,
    bytes: u64,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.ledger.reserved().subtract(self.bytes);
    }
}

/// A folder that is held.
pub(crate) struct Held<'a> {
    folder: MutexGuard<'a, Usage>,
    total: &'a Mutex<Usage>,
}

impl Held<'_> {
    /// An entry that occupies `bytes` came.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.change(self.folder.plus(Usage::entry(bytes)));
    }

    /// An entry that occupied `bytes` went.
    pub(crate) fn subtract(&mut self, bytes: u64) {
        self.change(self.folder.less(Usage::entry(bytes)));
    }

    /// The folder was seen to change.
    pub(crate) fn shift(&mut self, before: Usage, after: Usage) {
        self.change(self.folder.less(before).plus(after));
    }

    /// The folder was counted, and each of `entries` occupies so many bytes.
    pub(crate) fn correct(&mut self, entries: impl Iterator<Item = u64>) {
        let counted = entries
            .map(Usage::entry)
            .fold(Usage::default(), Usage::plus);
        self.change(counted);
    }

    fn change(&mut self, now: Usage) {
        let mut total = lock(self.total);
        *total = total.less(*self.folder).plus(now);
        *self.folder = now;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_follows_the_folders() {
        let ledger = Ledger::new();
        let (first, second) = (Folder::new(0), Folder::new(255));
        ledger.hold(first).add(10);
        ledger.hold(second).add(20);
        assert_eq!(
            ledger.total(),
            Usage {
                bytes: 30,
                entries: 2
            }
        );
        ledger.hold(first).correct([1, 2, 3].into_iter());
        assert_eq!(
            ledger.total(),
            Usage {
                bytes: 26,
                entries: 4
            }
        );
        ledger.hold(second).subtract(20);
        assert_eq!(
            ledger.total(),
            Usage {
                bytes: 6,
                entries: 3
            }
        );
    }

    #[test]
    fn what_is_reserved_counts_whatever_its_folder_is_found_to_hold() {
        let ledger = Ledger::new();
        let reservation = ledger.reserve(10);
        ledger.hold(Folder::new(0)).correct([5].into_iter());
        assert_eq!(
            ledger.total(),
            Usage {
                bytes: 15,
                entries: 2
            }
        );
        drop(reservation);
        assert_eq!(
            ledger.total(),
            Usage {
                bytes: 5,
                entries: 1
            }
        );
    }

    #[test]
    fn a_count_that_is_behind_stops_at_zero() {
        let ledger = Ledger::new();
        ledger.hold(Folder::new(0)).subtract(1_000);
        assert_eq!(ledger.total(), Usage::default());
        ledger.hold(Folder::new(0)).add(5);
        assert_eq!(
            ledger.total(),
            Usage {
                bytes: 5,
                entries: 1
            }
        );
    }
}
