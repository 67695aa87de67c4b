//! The connections to one server: one for each runtime that calls.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use cachekit_core::error::ErrorKind;
use tokio::runtime::{Handle, Id};
use tokio::sync::watch;

use super::Link;
use crate::connection::Traffic;
use crate::error::Failure;

/// How an attempt ended; `None` while it is under way.
type Outcome = Option<Result<Arc<Link>, Failure>>;

/// A connection is driven by the runtime that made it, and ends with it. So each runtime has its
/// own, up to a limit; runtimes beyond it share those of others. What is left below the limit is
/// for [`Lanes`](super::lanes::Lanes).
#[derive(Debug)]
pub(super) struct Slots {
    limit: usize,
    traffic: Arc<Traffic>,
    table: Mutex<Table>,
    /// The connections that were looked up in the table, so that no call has to wait for its lock
    /// after that. Written only while the table is locked.
    current: ArcSwap<Vec<Current>>,
}

#[derive(Clone, Debug)]
struct Current {
    runtime: Id,
    link: Arc<Link>,
}

#[derive(Debug, Default)]
struct Table {
    attempts: HashMap<Id, Attempt>,
    /// Those that were forgotten with something in flight.
    leaving: Vec<Arc<Link>>,
    /// Whether a further connection of a runtime that has one is being made.
    widening: bool,
}

/// A connection that is there, or about to be.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    outcome: watch::Receiver<Outcome>,
    /// Whether it is that of another runtime.
    foreign: bool,
}

impl Slots {
    pub(super) fn new(limit: usize, traffic: Arc<Traffic>) -> Self {
        Self {
            limit,
            traffic,
            table: Mutex::default(),
            current: ArcSwap::default(),
        }
    }

    /// Does something with the connection of `runtime`, if it is open and was looked up before.
    pub(super) fn with_current<T>(
        &self,
        runtime: Id,
        use_it: impl FnOnce(&Arc<Link>) -> T,
    ) -> Option<T> {
        let current = self.current.load();
        let link = &current.iter().find(|one| one.runtime == runtime)?.link;
        link.connection.is_open().then(|| use_it(link))
    }

    /// Whether the limit allows a further connection and none is being made. Then one is, until
    /// [`widened`](Self::widened).
    pub(super) fn widen(&self) -> bool {
        let mut table = self.lock();
        let room = !table.widening && !self.is_full(&table);
        table.widening |= room;
        room
    }

    /// The further connection was made, or could not be made.
    pub(super) fn widened(&self) {
        self.lock().widening = false;
    }

    fn is_full(&self, table: &Table) -> bool {
        let under_way = table
            .attempts
            .values()
            .filter(|attempt| attempt.is_under_way());
        let count = self.traffic.connections() + under_way.count() + usize::from(table.widening);
        count >= self.limit
    }

    /// The connection of `runtime`, if it is there and open.
    pub(super) fn link(&self, runtime: &Handle) -> Option<Arc<Link>> {
        let runtime = runtime.id();
        if let Some(link) = self.with_current(runtime, Arc::clone) {
            return Some(link);
        }
        let table = self.lock();
        let link = table.attempts.get(&runtime)?.link()?;
        if !link.connection.is_open() {
            return None;
        }
        let mut current = Vec::clone(&self.current.load());
        current.retain(|one| one.runtime != runtime && one.link.connection.is_open());
        current.push(Current {
            runtime,
            link: Arc::clone(&link),
        });
        self.current.store(Arc::new(current));
        Some(link)
    }

    /// The attempt of `runtime`; where there is none of use, `dial` is spawned on it.
    pub(super) fn attempt<F>(&self, runtime: &Handle, dial: impl FnOnce() -> F) -> Attempt
    where
        F: Future<Output = Result<Arc<Link>, Failure>> + Send + 'static,
    {
        let id = runtime.id();
        let mut table = self.lock();
        if let Some(attempt) = table.attempts.get(&id)
            && attempt.is_of_use()
        {
            return attempt.clone();
        }
        table.attempts.retain(|_, attempt| attempt.is_of_use());
        if self.is_full(&table)
            && let Some(other) = table.attempts.values().next()
        {
            return Attempt {
                foreign: true,
                ..other.clone()
            };
        }
        let (done, outcome) = watch::channel(None);
        let attempt = Attempt::of(outcome);
        table.attempts.insert(id, attempt.clone());
        let dial = dial();
        runtime.spawn(async move {
            let outcome = dial.await;
            let _ = done.send(Some(outcome));
        });
        attempt
    }

    /// Keeps `link` for `runtime`, unless it has one of use.
    pub(super) fn keep(&self, runtime: &Handle, link: Arc<Link>) {
        let attempts = &mut self.lock().attempts;
        if attempts
            .get(&runtime.id())
            .is_none_or(|attempt| !attempt.is_of_use())
        {
            let (_, outcome) = watch::channel(Some(Ok(link)));
            attempts.insert(runtime.id(), Attempt::of(outcome));
        }
    }

    /// Those that are there, and those that were forgotten with something in flight: each of these is
    /// told of once, and is given up then.
    pub(super) fn links(&self) -> Vec<Arc<Link>> {
        let mut table = self.lock();
        let leaving = std::mem::take(&mut table.leaving);
        let there = table.attempts.values().filter_map(Attempt::link);
        there.chain(leaving).collect()
    }

    /// Forgets `link`. It stays open until every reply on it has come.
    pub(super) fn retire(&self, link: &Arc<Link>) {
        let is_other = |attempt: &mut Attempt| {
            let kept = attempt.link();
            kept.is_none_or(|kept| !Arc::ptr_eq(&kept, link))
        };
        let mut table = self.lock();
        table.attempts.retain(|_, attempt| is_other(attempt));
        self.current.store(Arc::default());
    }

    /// Forgets all. A connection stays open until every reply on it has come.
    pub(super) fn clear(&self) {
        let mut table = self.lock();
        self.current.store(Arc::default());
        let forgotten: Vec<_> = table.attempts.drain().map(|(_, attempt)| attempt).collect();
        let links = forgotten.iter().filter_map(Attempt::link);
        table.leaving.extend(links.filter(|link| link.is_busy()));
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    const fn of(outcome: watch::Receiver<Outcome>) -> Self {
        let foreign = false;
        Self { outcome, foreign }
    }

    fn is_under_way(&self) -> bool {
        self.outcome.borrow().is_none() && self.outcome.has_changed().is_ok()
    }

    /// Whether it is under way on a runtime that lives, or led to a connection that is open.
    fn is_of_use(&self) -> bool {
        match &*self.outcome.borrow() {
            None => self.outcome.has_changed().is_ok(),
            Some(Ok(link)) => link.connection.is_open(),
            Some(Err(_)) => false,
        }
    }

    /// The connection, if it is there already.
    pub(super) fn link(&self) -> Option<Arc<Link>> {
        self.outcome
            .borrow()
            .as_ref()?
            .as_ref()
            .ok()
            .map(Arc::clone)
    }

    /// Waits for its end.
    ///
    /// Cancel safety: the attempt goes on without this waiter.
    pub(super) async fn outcome(mut self) -> Result<Arc<Link>, Failure> {
        let outcome = match self.outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().expect("it was waited for"),
            Err(_) => Err(Failure::new(ErrorKind::Unavailable, "its runtime ended")),
        };
        if let Ok(link) = &outcome
            && self.foreign
        {
            link.shared.store(true, Ordering::Relaxed);
        }
        outcome
    }
}
