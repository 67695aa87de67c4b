//! Which items of a node are believed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// memcached counts one CAS number for the whole server, and gives the next one to every write. So
/// the number of a write made when a node comes back parts what was written before from what is
/// written from then on. What lies below was perhaps replaced or removed elsewhere while the node
/// was away: this process does not believe it.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Items with a smaller CAS number are not believed. Zero: all are.
    from: AtomicU64,
    /// How often there was a reason to doubt what the node holds.
    doubts: AtomicU64,
    /// How many of the doubts are settled. Held while `from` changes.
    settled: Mutex<u64>,
    /// Whether there is an unsettled doubt, to be read by every call.
    doubtful: AtomicBool,
    /// Whether changes were forgotten that the node should have got.
    forgetful: AtomicBool,
    /// Whether the node was started again since the last doubt arose: it was empty then, and
    /// nothing that it should have got was forgotten.
    renewed: AtomicBool,
    /// The run of the node that was connected to last; 0 where it does not tell.
    run: AtomicU64,
}

impl Trust {
    /// From now on `from` has to be found anew before the node is called again.
    pub(super) fn doubt(&self) {
        self.renewed.store(false, Ordering::Release);
        self.doubts.fetch_add(1, Ordering::AcqRel);
        self.doubtful.store(true, Ordering::Release);
    }

    /// The same, because there was no room to remember a change that the node should have got.
    pub(super) fn forget(&self) {
        self.forgetful.store(true, Ordering::Release);
        self.doubt();
    }

    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::Acquire)
    }

    /// How many doubts there are, one of them unsettled; `None` if all are settled.
    pub(super) fn doubts(&self) -> Option<u64> {
        self.is_doubtful()
            .then(|| self.doubts.load(Ordering::Acquire))
    }

    /// A write that began when there were `doubts` was given the CAS number `from`; `None` from a
    /// server that counts none. Nothing parts old items from new ones there: none is believed if a
    /// change was forgotten, else all are, because what the node was owed accounts for the rest. So
    /// it does where the server was started again.
    pub(super) fn settle(&self, doubts: u64, from: Option<u64>) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if *settled >= doubts {
            return;
        }
        *settled = doubts;
        let from = if self.renewed.load(Ordering::Acquire) {
            0
        } else if self.forgetful.load(Ordering::Acquire) {
            from.unwrap_or(u64::MAX)
        } else {
            from.unwrap_or(0)
        };
        self.from.store(from, Ordering::Release);
        self.doubtful.store(false, Ordering::Release);
        if self.doubts.load(Ordering::Acquire) != doubts {
            self.doubtful.store(true, Ordering::Release);
        }
    }

    /// A connection to this run of the node was made. Another run is another server: nothing that
    /// it holds was forgotten, and CAS numbers begin again. One that does not tell may be another
    /// each time.
    pub(super) fn connected(&self, run: u64) {
        let before = self.run.swap(run, Ordering::AcqRel);
        if run != 0 && run == before {
            return;
        }
        let forgot = run != 0 && self.forgetful.swap(false, Ordering::AcqRel);
        if self.is_limited() {
            self.doubt();
        }
        let is_another = run != 0 && before != 0;
        if is_another && !forgot {
            self.renewed.store(true, Ordering::Release);
        }
    }

    /// Whether there are items that are not believed.
    pub(super) fn is_limited(&self) -> bool {
        self.from.load(Ordering::Acquire) != 0
    }

    /// Whether the item with this CAS number is believed.
    pub(super) fn covers(&self, cas: u64) -> bool {
        cas >= self.from.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(trust: &Trust, from: Option<u64>) {
        trust.settle(trust.doubts().unwrap(), from);
    }

    fn limited(from: u64, run: u64) -> Trust {
        let trust = Trust::default();
        trust.connected(run);
        trust.doubt();
        settled(&trust, Some(from));
        trust
    }

    #[test]
    fn everything_is_believed_until_there_is_doubt() {
        let trust = Trust::default();
        assert!(trust.covers(0) && !trust.is_limited());
        assert_eq!(trust.doubts(), None);
    }

    #[test]
    fn after_doubt_only_what_is_written_from_then_on_is_believed() {
        let trust = limited(100, 7);
        assert_eq!(trust.doubts(), None);
        assert!(!trust.covers(99));
        assert!(trust.covers(100));
    }

    #[test]
    fn doubt_that_arises_while_another_is_settled_stays() {
        let trust = Trust::default();
        trust.doubt();
        let doubts = trust.doubts().unwrap();
        trust.doubt();
        trust.settle(doubts, Some(100));
        let newer = trust.doubts().unwrap();
        trust.settle(newer, Some(200));
        assert_eq!(trust.doubts(), None);
        // Whoever comes late changes nothing.
        trust.settle(doubts, Some(100));
        assert!(!trust.covers(199));
    }

    #[test]
    fn the_numbers_of_another_run_are_found_anew() {
        let trust = limited(100, 7);
        trust.connected(7);
        assert_eq!(trust.doubts(), None);
        trust.connected(8);
        settled(&trust, Some(1));
        assert!(trust.covers(1));
    }

    #[test]
    fn everything_of_a_run_is_believed_that_began_after_the_doubt() {
        let trust = Trust::default();
        trust.connected(7);
        trust.doubt();
        trust.connected(8);
        settled(&trust, Some(100));
        assert!(!trust.is_limited());
        trust.doubt();
        trust.connected(8);
        settled(&trust, Some(200));
        assert!(!trust.covers(199));
    }

    #[test]
    fn what_was_forgotten_may_be_of_the_next_run() {
        let trust = Trust::default();
        trust.connected(7);
        trust.forget();
        trust.connected(8);
        settled(&trust, Some(100));
        assert!(!trust.covers(99));
    }

    #[test]
    fn a_run_that_was_never_seen_before_is_believed_from_the_mark_on() {
        let trust = Trust::default();
        trust.doubt();
        trust.connected(7);
        settled(&trust, Some(100));
        assert!(!trust.covers(99));
    }

    #[test]
    fn a_node_that_does_not_tell_its_run_may_be_another_at_each_connection() {
        let trust = limited(100, 0);
        trust.connected(0);
        assert!(trust.doubts().is_some());
    }

    #[test]
    fn where_everything_is_believed_another_run_is_no_reason_to_doubt() {
        let trust = Trust::default();
        trust.connected(7);
        trust.connected(8);
        assert_eq!(trust.doubts(), None);
    }

    #[test]
    fn without_numbers_nothing_is_believed_only_if_a_change_was_forgotten() {
        let trust = Trust::default();
        trust.connected(7);
        trust.doubt();
        settled(&trust, None);
        assert!(trust.covers(0));
        trust.forget();
        settled(&trust, None);
        assert!(!trust.covers(0));
        // Until another server is there.
        trust.connected(8);
        settled(&trust, None);
        assert!(trust.covers(0));
    }
}
