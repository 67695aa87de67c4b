//! Tags in this process: which were removed, and when.
//!
//! Time is a count of removals, the **epoch**. An entry notes the epoch at which its computation
//! began, and is valid as long as none of its tags was removed after it. So a tag may be named
//! before the computation or at its end, and an entry that was found valid moves its note ahead:
//! it asks the table again only after the next removal.
//!
//! The table keeps a bounded number of removals. Those that it forgets move the **floor**: any
//! entry from before the floor that has not been looked at since is taken for invalid.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many removed tags are remembered at most (about 2 MB); half of them are kept when that is
/// reached.
const MOST_REMOVED: usize = 1 << 16;

/// The tags of an entry that is on its way, as of a moment before it was computed.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocalTags {
    epoch: u64,
    names: Vec<u64>,
}

impl LocalTags {
    /// Adds tags that became known later, by the hashes of their names.
    pub(crate) fn add(&mut self, names: &[u64]) {
        self.names.extend_from_slice(names);
    }
}

/// The tags of an entry that is there.
#[derive(Debug)]
pub(super) struct Tagged {
    names: Box<[u64]>,
    /// No tag had been removed at this epoch.
    valid_at: AtomicU64,
}

impl Tagged {
    /// None for an entry without tags.
    pub(super) fn new(tags: LocalTags) -> Option<Self> {
        if tags.names.is_empty() {
            return None;
        }
        Some(Self {
            names: tags.names.into(),
            valid_at: AtomicU64::new(tags.epoch),
        })
    }
}

/// The tags that were removed in this process.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    /// Written under the lock of `removed`.
    epoch: AtomicU64,
    removed: Mutex<Removed>,
}

#[derive(Debug, Default)]
struct Removed {
    /// The epoch of the last removal of a tag, by the hash of its name.
    epochs: HashMap<u64, u64>,
    /// Removals up to this epoch may have been forgotten.
    floor: u64,
}

impl Tags {
    /// Tags by the hashes of their names, to be captured *before* the computation reads what it
    /// depends on: an entry that carries them is invalid once one of them is removed after this.
    pub(crate) fn capture(&self, names: &[u64]) -> LocalTags {
        LocalTags {
            // Whoever sees a removal here also sees what was changed before it.
            epoch: self.epoch.load(Ordering::Acquire),
            names: names.to_vec(),
        }
    }

    /// Every entry of the tag that was captured before now is invalid.
    pub(crate) fn remove(&self, name: u64) {
        let mut removed = self.removed();
        let epoch = self.epoch.load(Ordering::Relaxed) + 1;
        removed.epochs.insert(name, epoch);
        if removed.epochs.len() >= MOST_REMOVED {
            removed.forget(epoch - MOST_REMOVED as u64 / 2);
        }
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Whether none of these tags was removed since they were captured.
    pub(crate) fn stand(&self, tags: &LocalTags) -> bool {
        let removed = self.removed();
        tags.names
            .iter()
            .all(|name| removed.last(*name) <= tags.epoch)
    }

    /// Whether none of these tags was removed. One relaxed load if no tag at all was removed since
    /// this was last asked.
    pub(super) fn are_valid(&self, tagged: &Tagged) -> bool {
        let valid_at = tagged.valid_at.load(Ordering::Relaxed);
        if self.epoch.load(Ordering::Relaxed) == valid_at {
            return true;
        }
        let removed = self.removed();
        let mut names = tagged.names.iter();
        let valid = names.all(|name| removed.last(*name) <= valid_at);
        if valid {
            let epoch = self.epoch.load(Ordering::Relaxed);
            tagged.valid_at.store(epoch, Ordering::Relaxed);
        }
        valid
    }

    fn removed(&self) -> MutexGuard<'_, Removed> {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Removed {
    fn last(&self, name: u64) -> u64 {
        self.epochs.get(&name).map_or(self.floor, |epoch| *epoch)
    }

    fn forget(&mut self, floor: u64) {
        self.epochs.retain(|_, epoch| *epoch > floor);
        self.floor = floor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(tags: &Tags, names: &[u64]) -> Tagged {
        Tagged::new(tags.capture(names)).unwrap()
    }

    #[test]
    fn what_is_captured_before_a_removal_is_invalid_and_what_is_captured_after_it_is_valid() {
        let tags = Tags::default();
        let before = tagged(&tags, &[1, 2]);
        tags.remove(2);
        let after = tagged(&tags, &[1, 2]);
        assert!(!tags.are_valid(&before));
        assert!(tags.are_valid(&after));
    }

    #[test]
    fn the_removal_of_another_tag_changes_nothing() {
        let tags = Tags::default();
        let entry = tagged(&tags, &[1]);
        tags.remove(2);
        assert!(tags.are_valid(&entry));
        tags.remove(1);
        assert!(!tags.are_valid(&entry));
    }

    #[test]
    fn a_tag_that_is_named_late_counts_from_the_capture() {
        let tags = Tags::default();
        let mut late = tags.capture(&[]);
        tags.remove(1);
        assert!(tags.stand(&late));
        late.add(&[1]);
        assert!(!tags.stand(&late));
        assert!(!tags.are_valid(&Tagged::new(late).unwrap()));
    }

    #[test]
    fn no_tags_need_no_check() {
        assert!(Tagged::new(Tags::default().capture(&[])).is_none());
    }

    #[test]
    fn the_table_is_bounded_and_what_it_forgets_is_invalid() {
        let tags = Tags::default();
        let (removed, untouched) = (tagged(&tags, &[0]), tagged(&tags, &[u64::MAX]));
        let seen = tagged(&tags, &[u64::MAX]);
        for name in 0..10 * MOST_REMOVED as u64 {
            tags.remove(name);
            assert!(tags.are_valid(&seen));
        }
        let late = tagged(&tags, &[u64::MAX]);
        assert!(tags.removed().epochs.len() < MOST_REMOVED);
        assert!(!tags.are_valid(&removed));
        assert!(!tags.are_valid(&untouched), "it may have been removed");
        assert!(tags.are_valid(&late));
    }

    #[test]
    fn removing_one_tag_again_and_again_forgets_no_other() {
        let tags = Tags::default();
        let entry = tagged(&tags, &[1]);
        for _ in 0..2 * MOST_REMOVED {
            tags.remove(2);
        }
        assert!(tags.are_valid(&entry));
        assert_eq!(tags.removed().epochs.len(), 1);
    }
}
