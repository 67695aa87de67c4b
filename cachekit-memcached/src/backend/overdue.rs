//! Leads of others that have lasted too long.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::Key;

/// The most leads that are watched.
const MAX: usize = 4_096;
/// A lead is overdue after this many holds. Over an entry that stands a leader cannot show that it
/// is still at work, so it is given twice the time.
const HOLDS: u32 = 2;

/// Leads of other readers over entries that are still there, and since when this process knows of
/// them. The server ends a lead over nothing, because its stub expires; over an entry it leaves
/// the lead with a reader that may have crashed for as long as the entry lives.
#[derive(Debug, Default)]
pub(super) struct Overdue {
    watched: Mutex<HashMap<u64, Watched>>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Watched {
    cas: u64,
    since: Instant,
}

impl Overdue {
    /// Somebody leads over the item of `key` with this CAS number. Whether that has lasted too
    /// long: then it is forgotten.
    pub(super) fn seen(&self, key: &Key<'_>, cas: u64, hold: Duration) -> bool {
        let now = Instant::now();
        let patience = hold.saturating_mul(HOLDS);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= MAX {
            watched.retain(|_, lead| now - lead.since <= patience);
        }
        if watched.len() >= MAX {
            watched.clear();
        }
        let key = self.hasher.hash_one(key);
        let lead = watched.entry(key).or_insert(Watched { cas, since: now });
        if lead.cas != cas {
            *lead = Watched { cas, since: now };
        }
        let overdue = now - lead.since > patience;
        if overdue {
            watched.remove(&key);
        }
        overdue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(10);

    fn key(number: usize) -> Key<'static> {
        Key::new(format!("key:{number}").into_bytes()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lead_is_overdue_when_it_lasts_for_more_than_two_holds() {
        let overdue = Overdue::default();
        assert!(!overdue.seen(&key(0), 1, HOLD));
        tokio::time::advance(2 * HOLD).await;
        assert!(!overdue.seen(&key(0), 1, HOLD));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(overdue.seen(&key(0), 1, HOLD));
    }

    #[tokio::test(start_paused = true)]
    async fn another_lead_over_the_same_key_begins_anew() {
        let overdue = Overdue::default();
        overdue.seen(&key(0), 1, HOLD);
        tokio::time::advance(3 * HOLD).await;
        assert!(!overdue.seen(&key(0), 2, HOLD));
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_watched_leads_is_bounded() {
        let overdue = Overdue::default();
        for number in 0..3 * MAX {
            overdue.seen(&key(number), 1, HOLD);
        }
        assert!(overdue.watched.lock().unwrap().len() <= MAX);
    }
}
