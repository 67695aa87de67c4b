//! Disk and entries, in use or allowed.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// What a file occupies is a multiple of this on most file systems.
pub(crate) const BLOCK: u64 = 4_096;

/// Bytes of disk that files occupy, and how many of the files are entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
}

impl Usage {
    /// One entry that occupies `bytes`.
    pub(crate) const fn entry(bytes: u64) -> Self {
        Self { bytes, entries: 1 }
    }

    /// A file that is not an entry and occupies `bytes`.
    pub(crate) const fn file(bytes: u64) -> Self {
        Self { bytes, entries: 0 }
    }

    pub(crate) const fn is_within(self, caps: Self) -> bool {
        self.bytes <= caps.bytes && self.entries <= caps.entries
    }

    /// As much of this as `most` has of each.
    pub(crate) fn at_most(self, most: Self) -> Self {
        Self {
            bytes: self.bytes.min(most.bytes),
            entries: self.entries.min(most.entries),
        }
    }

    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            entries: self.entries.saturating_add(other.entries),
        }
    }

    /// A count that is behind stops at zero: others change the directory too.
    pub(crate) const fn less(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            entries: self.entries.saturating_sub(other.entries),
        }
    }
}

/// The disk that a file occupies: its blocks, or its length where a file system allots blocks
/// later or none.
pub(crate) fn occupied(metadata: &Metadata) -> u64 {
    (metadata.blocks() * 512).max(metadata.len())
}
