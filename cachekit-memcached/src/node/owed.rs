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
    by_key: HashMap<Key<'static>, Debt>,
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
pub(super) struct StandIn {
    node: Weak<Node>,
    until: Instant,
}

/// There is no room for another debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

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

    /// Over an item that is gone by itself after `life`; zero: nothing at the node has to go.
    pub(crate) fn of(life: Duration) -> Self {
        Self {
            until: Instant::now() + life,
            ..Self::new()
        }
    }

    /// `node` holds what is newer, for `life` at most; zero: it is gone from there as well.
    pub(crate) fn stood_in(mut self, node: &Arc<Node>, life: Duration) -> Self {
        self.stand_in = Some(StandIn {
            node: Arc::downgrade(node),
            until: Instant::now() + life,
        });
        self
    }

    /// Whether the item may still be there.
    pub(super) fn is_open(&self) -> bool {
        self.until > Instant::now()
    }

    /// Who holds a newer item meanwhile.
    pub(super) const fn stand_in(&self) -> Option<&StandIn> {
        self.stand_in.as_ref()
    }
}

impl StandIn {
    /// Its item of `key` is old by now. If it is owed too much already, the item ends by itself.
    pub(super) fn owe(&self, key: &Key<'_>) {
        if let Some(left) = self.until.checked_duration_since(Instant::now())
            && let Some(node) = self.node.upgrade()
        {
            let _ = node.owed.add(key, Debt::of(left), Reason::Invalidation);
        }
    }

    fn is(&self, other: Option<&Self>) -> bool {
        other.is_some_and(|other| Weak::ptr_eq(&self.node, &other.node))
    }
}

impl Owed {
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Adds a debt. Of two over one key the later end counts, and the later stand-in; the one before
    /// is returned, because its item is old by now.
    pub(super) fn add(
        &self,
        key: &Key<'_>,
        mut debt: Debt,
        reason: Reason,
    ) -> Result<Option<StandIn>, Full> {
        let key = key.to_owned();
        let mut debts = self.lock();
        let limit = match reason {
            Reason::Invalidation => MAX,
            Reason::Write => MAX_OF_WRITES,
        };
        let mut former = None;
        if let Some(before) = debts.by_key.get_mut(&key) {
            debt.until = debt.until.max(before.until);
            former = before.stand_in.take();
            if debt.stand_in.is_none() {
                debt.stand_in = former.take();
            }
        } else if !debts.has_room(limit) {
            return Err(Full);
        }
        let former = former.filter(|former| !former.is(debt.stand_in.as_ref()));
        debts.added += 1;
        debt.number = debts.added;
        debts.by_key.insert(key, debt);
        self.recount(&debts);
        Ok(former)
    }

    /// Up to `most` debts that are to be delivered, in the order in which they were added: a lease
    /// has to be gone before the entry beside it.
    pub(super) fn some(&self, most: usize) -> Vec<(Key<'static>, Debt)> {
        let mut debts = self.lock();
        debts.sweep();
        self.recount(&debts);
        let mut some: Vec<_> = debts.by_key.iter().collect();
        some.sort_unstable_by_key(|(_, debt)| debt.number);
        some.truncate(most);
        let some = some.into_iter();
        some.map(|(key, debt)| (key.clone(), debt.clone()))
            .collect()
    }

    /// The deletion arrived. A debt that came about since stays.
    pub(super) fn delivered(&self, key: &Key<'static>, debt: &Debt) {
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
        self.by_key.retain(|_, debt| {
            let stand_in = debt.stand_in.as_ref();
            debt.until > now || stand_in.is_some_and(|stand_in| stand_in.until > now)
        });
        self.swept = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(60);

    fn key(number: usize) -> Key<'static> {
        Key::new(format!("key:{number}").into_bytes()).unwrap()
    }

    fn filled(reason: Reason) -> (Owed, usize) {
        let owed = Owed::default();
        let taken =
            (0..2 * MAX).filter(|&number| owed.add(&key(number), Debt::of(LIFE), reason).is_ok());
        let taken = taken.count();
        (owed, taken)
    }

    #[test]
    fn it_is_bounded_and_writes_leave_half_of_it_to_invalidations() {
        let (owed, taken) = filled(Reason::Invalidation);
        assert_eq!((taken, owed.count()), (MAX, MAX));
        let (owed, taken) = filled(Reason::Write);
        assert_eq!(taken, MAX / 2);
        assert!(
            owed.add(&key(usize::MAX), Debt::of(LIFE), Reason::Invalidation)
                .is_ok()
        );
    }

    #[test]
    fn a_key_that_is_owed_already_finds_room() {
        let (owed, _) = filled(Reason::Invalidation);
        assert!(owed.add(&key(0), Debt::of(LIFE), Reason::Write).is_ok());
        assert_eq!(owed.count(), MAX);
    }

    #[test]
    fn a_debt_that_came_about_while_another_over_its_key_was_delivered_stays() {
        let owed = Owed::default();
        owed.add(&key(0), Debt::of(LIFE), Reason::Write).unwrap();
        let (first, debt) = owed.some(10).remove(0);
        owed.add(&key(0), Debt::of(LIFE), Reason::Invalidation)
            .unwrap();
        owed.delivered(&first, &debt);
        assert_eq!(owed.count(), 1);
        let (second, debt) = owed.some(10).remove(0);
        owed.delivered(&second, &debt);
        assert!(owed.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_debt_ends_with_the_longest_life_of_what_it_is_about() {
        let owed = Owed::default();
        owed.add(&key(0), Debt::of(2 * LIFE), Reason::Write)
            .unwrap();
        owed.add(&key(0), Debt::of(LIFE), Reason::Write).unwrap();
        tokio::time::advance(LIFE).await;
        assert_eq!(owed.some(10).len(), 1);
        tokio::time::advance(LIFE).await;
        assert!(owed.some(10).is_empty() && owed.is_empty());
    }
}
