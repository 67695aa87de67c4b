//! Leads of others that have lasted too long.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::chance::Chance;
use crate::client::Site;
use crate::protocol::Key;

/// The most leads that are watched.
const MAX: usize = 4_096;
/// Leads that nobody asks about any more are looked for no more often than this, where there is no
/// room.
const SWEEP: Duration = Duration::from_secs(1);

/// Leads of other readers over entries that are still there, and since when this process knows of
/// them. The server ends a lead over nothing, because its stub expires; over an entry it leaves
/// the lead with a reader that may have crashed for as long as the entry lives.
#[derive(Debug, Default)]
pub(super) struct Overdue {
    watched: Mutex<Watched>,
    hasher: RandomState,
    chance: Chance,
}

#[derive(Debug, Default)]
struct Watched {
    by_key: HashMap<u64, Lead>,
    swept: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Lead {
    /// CAS numbers begin again with each run of a node.
    site: Site,
    cas: u64,
    /// When this process saw it first.
    since: Instant,
    /// When it did last, and for how long that is of interest.
    seen: Instant,
    patience: Duration,
}

impl Overdue {
    /// Somebody leads over the item of `key` with this CAS number, there. Whether that has lasted for
    /// longer than `patience` and up to a tenth more, another part of it in each process: not all
    /// are to ask for the lead at once. Then it is forgotten. Where too many are watched already, a
    /// new one is not: it is when others are over.
    pub(super) fn seen(&self, key: &Key<'_>, site: Site, cas: u64, patience: Duration) -> bool {
        let now = Instant::now();
        let patience = patience + self.jitter(key, cas, patience);
        let key = self.hasher.hash_one(key);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.has_room(key, now) {
            return false;
        }
        let new = Lead {
            site,
            cas,
            since: now,
            seen: now,
            patience,
        };
        let lead = watched.by_key.entry(key).or_insert(new);
        let is_same = lead.site == site && lead.cas == cas;
        let since = if is_same { lead.since } else { now };
        *lead = Lead { since, ..new };
        let overdue = now - since > patience;
        if overdue {
            watched.by_key.remove(&key);
        }
        overdue
    }

    /// From nothing to a tenth of `patience`: the same for one lead, and another in each process.
    fn jitter(&self, key: &Key<'_>, cas: u64, patience: Duration) -> Duration {
        patience.mul_f64(self.chance.of((key, cas)) / 10.0)
    }
}

impl Watched {
    fn has_room(&mut self, key: u64, now: Instant) -> bool {
        let full = self.by_key.len() >= MAX;
        if full && self.swept.is_none_or(|swept| now - swept >= SWEEP) {
            self.by_key
                .retain(|_, lead| now - lead.seen <= lead.patience);
            self.swept = Some(now);
        }
        self.by_key.len() < MAX || self.by_key.contains_key(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);
    const SITE: Site = Site { node: 0, run: 7 };

    fn key(number: usize) -> Key<'static> {
        Key::new(format!("key:{number}").into_bytes()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lead_is_overdue_after_the_patience_and_at_most_a_tenth_more() {
        for number in 0..100 {
            let overdue = Overdue::default();
            assert!(!overdue.seen(&key(number), SITE, 1, PATIENCE));
            tokio::time::advance(PATIENCE).await;
            assert!(!overdue.seen(&key(number), SITE, 1, PATIENCE));
            tokio::time::advance(PATIENCE / 10 + Duration::from_millis(1)).await;
            assert!(overdue.seen(&key(number), SITE, 1, PATIENCE));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn processes_that_saw_a_lead_at_once_lose_patience_one_after_another() {
        let processes: Vec<Overdue> = (0..50).map(|_| Overdue::default()).collect();
        let overdue = || {
            let overdue = |one: &&Overdue| one.seen(&key(0), SITE, 1, PATIENCE);
            processes.iter().filter(overdue).count()
        };
        assert_eq!(overdue(), 0);
        tokio::time::advance(PATIENCE + PATIENCE / 20).await;
        let early = overdue();
        assert!((5..45).contains(&early), "{early} of 50 at half the jitter");
    }

    #[tokio::test(start_paused = true)]
    async fn another_lead_over_the_same_key_begins_anew() {
        let overdue = Overdue::default();
        overdue.seen(&key(0), SITE, 1, PATIENCE);
        tokio::time::advance(2 * PATIENCE).await;
        assert!(!overdue.seen(&key(0), SITE, 2, PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn so_does_one_of_the_same_number_in_another_run_or_at_another_node() {
        let overdue = Overdue::default();
        for site in [SITE, Site { run: 8, ..SITE }, Site { node: 1, ..SITE }] {
            assert!(!overdue.seen(&key(0), site, 1, PATIENCE));
            tokio::time::advance(2 * PATIENCE).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_patience_of_the_last_reader_counts() {
        let overdue = Overdue::default();
        overdue.seen(&key(0), SITE, 1, PATIENCE);
        tokio::time::advance(2 * PATIENCE).await;
        assert!(!overdue.seen(&key(0), SITE, 1, 3 * PATIENCE));
        assert!(overdue.seen(&key(0), SITE, 1, PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_watched_leads_is_bounded_and_those_that_are_stay() {
        let overdue = Overdue::default();
        for number in 0..3 * MAX {
            overdue.seen(&key(number), SITE, 1, PATIENCE);
        }
        assert_eq!(overdue.watched.lock().unwrap().by_key.len(), MAX);
        tokio::time::advance(PATIENCE).await;
        assert!(!overdue.seen(&key(0), SITE, 1, PATIENCE));
        tokio::time::advance(PATIENCE / 5).await;
        // Which makes room: the others were not asked about again.
        assert!(!overdue.seen(&key(2 * MAX), SITE, 1, PATIENCE));
        assert!(overdue.seen(&key(0), SITE, 1, PATIENCE));
        tokio::time::advance(2 * PATIENCE).await;
        assert!(overdue.seen(&key(2 * MAX), SITE, 1, PATIENCE));
    }
}
