//! Deletions that a node has still to get.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::Node;
use crate::protocol::Key;

/// The most deletions that one node is owed: some 4 MB at the longest keys.
const MAX: usize = 16_384;
/// Those that a write leaves behind take no more room than this, so that invalidations, whose
/// callers are told, have the rest. A write that finds no room makes the whole node doubtful
/// instead.
const MAX_OF_WRITES: usize = MAX / 2;

/// No item lives longer.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// Debts that have ended by themselves are looked for no more often than this, where there is no
/// room.
const SWEEP: Duration = Duration::from_secs(1);

/// What a node is owed, at most one deletion a key; the last one counts.
#[derive(Debug, Default)]
pub(super) struct Owed {
    debts: Mutex<Debts>,
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Debts {
    by_key: HashMap<Key, Debt>,
    /// How many were ever added.
    added: u64,
    swept: Option<Instant>,
}

/// One deletion.
#[derive(Clone, Debug)]
pub(crate) struct Debt {
    /// Tells it from an earlier and a later one over the same key.
    number: u64,
    /// The item that it is about is gone by itself then.
    until: Instant,
    /// Who holds a newer item meanwhile. It has to go when the node is called again, or it would
    /// be found, and old by then, the next time that this one is away.
    stand_in: Option<StandIn>,
}

/// Another node with an item of a key, and when that ends by itself.
#[derive(Clone, Debug)]
struct StandIn {
    node: Weak<Node>,
    until: Instant,
}

/// Why a deletion is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// An invalidation did not arrive.
    Invalidation,
    /// A write did not arrive, or went elsewhere.
    Write,
}

impl Debt {
    /// Over whatever item lies there: it may be as old as an item can be.
    pub(crate) fn new() -> Self {
        Self {
            number: 0,
            until: Instant::now() + LONGEST,
            stand_in: None,
        }
    }

    /// Over an item that is gone by itself after `life`.
    pub(super) fn of(life: Duration) -> Self {
        Self {
            until: Instant::now() + life,
            ..Self::new()
        }
    }

    /// `node` holds a newer item for `life` at most.
    pub(crate) fn stood_in(mut self, node: &Arc<Node>, life: Duration) -> Self {
        self.stand_in = Some(StandIn {
            node: Arc::downgrade(node),
            until: Instant::now() + life,
        });
        self
    }

    /// The stand-in, if it may still hold its item, and how long.
    pub(super) fn stand_in(&self) -> Option<(Arc<Node>, Duration)> {
        let stand_in = self.stand_in.as_ref()?;
        let left = stand_in.until.checked_duration_since(Instant::now())?;
        Some((stand_in.node.upgrade()?, left))
    }
}

impl Owed {
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Adds a debt; `false` if there is no room for it. Of two over one key the later end counts.
    pub(super) fn add(&self, key: &Key, mut debt: Debt, reason: Reason) -> bool {
        let mut debts = self.lock();
        let limit = match reason {
            Reason::Invalidation => MAX,
            Reason::Write => MAX_OF_WRITES,
        };
        if let Some(before) = debts.by_key.get(key) {
            debt.until = debt.until.max(before.until);
            debt.stand_in = debt.stand_in.or_else(|| before.stand_in.clone());
        } else if !debts.has_room(limit) {
            return false;
        }
        debts.added += 1;
        debt.number = debts.added;
        debts.by_key.insert(key.clone(), debt);
        self.recount(&debts);
        true
    }

    /// Up to `most` debts that are to be delivered.
    pub(super) fn some(&self, most: usize) -> Vec<(Key, Debt)> {
        let mut debts = self.lock();
        debts.sweep();
        self.recount(&debts);
        let some = debts.by_key.iter().take(most);
        some.map(|(key, debt)| (key.clone(), debt.clone()))
            .collect()
    }

    /// The deletion arrived. A debt that came about since stays.
    pub(super) fn delivered(&self, key: &Key, debt: &Debt) {
        let mut debts = self.lock();
        let newest = debts.by_key.get(key).map(|newest| newest.number);
        if newest == Some(debt.number) {
            debts.by_key.remove(key);
            self.recount(&debts);
        }
    }

    fn recount(&self, debts: &Debts) {
        self.count.store(debts.by_key.len(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Debts> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debts {
    fn has_room(&mut self, limit: usize) -> bool {
        if self.by_key.len() >= limit && self.swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
            self.sweep();
        }
        self.by_key.len() < limit
    }

    fn sweep(&mut self) {
        let now = Instant::now();
        self.by_key.retain(|_, debt| debt.until > now);
        self.swept = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(60);

    fn key(number: usize) -> Key {
        Key::new(format!("key:{number}").as_bytes()).unwrap()
    }

    fn filled(reason: Reason) -> (Owed, usize) {
        let owed = Owed::default();
        let taken = (0..2 * MAX).filter(|&number| owed.add(&key(number), Debt::of(LIFE), reason));
        let taken = taken.count();
        (owed, taken)
    }

    #[test]
    fn it_is_bounded_and_writes_leave_half_of_it_to_invalidations() {
        let (owed, taken) = filled(Reason::Invalidation);
        assert_eq!((taken, owed.count()), (MAX, MAX));
        let (owed, taken) = filled(Reason::Write);
        assert_eq!(taken, MAX / 2);
        assert!(owed.add(&key(usize::MAX), Debt::of(LIFE), Reason::Invalidation));
    }

    #[test]
    fn a_key_that_is_owed_already_finds_room() {
        let (owed, _) = filled(Reason::Invalidation);
        assert!(owed.add(&key(0), Debt::of(LIFE), Reason::Write));
        assert_eq!(owed.count(), MAX);
    }

    #[test]
    fn a_debt_that_came_about_while_another_over_its_key_was_delivered_stays() {
        let owed = Owed::default();
        owed.add(&key(0), Debt::of(LIFE), Reason::Write);
        let (first, debt) = owed.some(10).remove(0);
        owed.add(&key(0), Debt::of(LIFE), Reason::Invalidation);
        owed.delivered(&first, &debt);
        assert_eq!(owed.count(), 1);
        let (second, debt) = owed.some(10).remove(0);
        owed.delivered(&second, &debt);
        assert!(owed.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_debt_ends_with_the_longest_life_of_what_it_is_about() {
        let owed = Owed::default();
        owed.add(&key(0), Debt::of(2 * LIFE), Reason::Write);
        owed.add(&key(0), Debt::of(LIFE), Reason::Write);
        tokio::time::advance(LIFE).await;
        assert_eq!(owed.some(10).len(), 1);
        tokio::time::advance(LIFE).await;
        assert!(owed.some(10).is_empty() && owed.is_empty());
    }
}
