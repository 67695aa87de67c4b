//! What was found in a directory, counted by reason.

use std::fmt;

use crate::layout::FOLDERS;

/// What [`FileBackend::verify`](crate::FileBackend::verify) found, or has found so far.
///
/// Each file is counted once, for one reason. A file that went while it was looked for is not
/// counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Folders looked through, of the 256 that a directory has.
    pub folders: u64,
    /// Entries that are whole, fresh and served.
    pub fresh: u64,
    /// Entries that are whole, served, and were expired.
    pub stale: u64,
    /// Entries that are whole and outlived their ttl, or seem to come from the future.
    pub over: u64,
    /// Entries that another release wrote, or may have: left alone, not looked into.
    pub foreign: u64,
    /// Files that do not begin as entries do, or are not as long as they say.
    pub torn: u64,
    /// Entries whose checksum is not that of their content.
    pub altered: u64,
    /// Entries that are whole, in the file of another key.
    pub misplaced: u64,
    /// Entries whose value is larger than this backend's `max_value`: not served, not looked into.
    pub too_large: u64,
    /// Entries that the system does not let this process read, cannot read from the disk, or has no
    /// memory for.
    pub unreadable: u64,
    /// Values that are being written, or were when their writer ended.
    pub temps: u64,
    /// Files kept for the next write.
    pub spares: u64,
    /// What is none of the cache's. Folders are not looked into.
    pub strangers: u64,
    /// Disk that the entries of all kinds and the spares occupy, in bytes.
    pub bytes: u64,
    /// The same as the folders have it written down.
    pub believed_bytes: u64,
    /// How many entries there are of all kinds as the folders have it written down.
    pub believed_entries: u64,
    /// Folders that have something else written down than they hold, or nothing that can be read:
    /// after a crash, or where the file system changes later how much it allots to a file. Writers
    /// find that out and correct it as they go.
    pub miscounted: u64,
}

impl Report {
    /// How many entries there are of all kinds.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        let served = self.fresh + self.stale;
        served + self.over + self.foreign + self.damaged() + self.too_large + self.unreadable
    }

    /// How many of them are not what was written. They are misses, replaced by the next write of
    /// their key, and evicted with age.
    #[must_use]
    pub const fn damaged(&self) -> u64 {
        self.torn + self.altered + self.misplaced
    }
}

/// On one line, what is zero left out.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entries, bytes) = (self.entries(), self.bytes);
        write!(f, "{entries} entries in {bytes} bytes of disk")?;
        let counts = [
            (self.fresh, "fresh"),
            (self.stale, "stale"),
            (self.over, "over"),
            (self.foreign, "of another release"),
            (self.torn, "torn"),
            (self.altered, "altered"),
            (self.misplaced, "misplaced"),
            (self.too_large, "too large"),
            (self.unreadable, "unreadable"),
            (self.temps, "temporary"),
            (self.spares, "spare"),
            (self.strangers, "strange"),
            (self.miscounted, "folders miscounted"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        for (index, (count, name)) in counts.enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(f, "{separator}{count} {name}")?;
        }
        if self.folders < FOLDERS as u64 {
            write!(f, "; {} of {FOLDERS} folders", self.folders)?;
        }
        Ok(())
    }
}
