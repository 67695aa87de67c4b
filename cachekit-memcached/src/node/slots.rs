//! The connections to one server: one for each runtime that calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cachekit_core::error::ErrorKind;
use tokio::runtime::{Handle, Id};
use tokio::sync::watch;

use super::Link;
use crate::error::Failure;

/// How an attempt ended; `None` while it is under way.
type Outcome = Option<Result<Arc<Link>, Failure>>;

/// A connection is driven by the runtime that made it, and ends with it. So each runtime has its
/// own, up to a limit; runtimes beyond it share those of others.
#[derive(Debug)]
pub(super) struct Slots {
    limit: usize,
    attempts: Mutex<HashMap<Id, Attempt>>,
}

/// A connection that is there, or about to be.
#[derive(Clone, Debug)]
pub(super) struct Attempt(watch::Receiver<Outcome>);

impl Slots {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            attempts: Mutex::default(),
        }
    }

    /// The attempt of `runtime`; where there is none of use, `dial` is spawned on it.
    pub(super) fn attempt<F>(&self, runtime: &Handle, dial: impl FnOnce() -> F) -> Attempt
    where
        F: Future<Output = Result<Arc<Link>, Failure>> + Send + 'static,
    {
        let id = runtime.id();
        let mut attempts = self.lock();
        if let Some(attempt) = attempts.get(&id)
            && attempt.is_of_use()
        {
            return attempt.clone();
        }
        attempts.retain(|_, attempt| attempt.is_of_use());
        if attempts.len() >= self.limit
            && let Some(other) = attempts.values().next()
        {
            return other.clone();
        }
        let (done, outcome) = watch::channel(None);
        let attempt = Attempt(outcome);
        attempts.insert(id, attempt.clone());
        let dial = dial();
        runtime.spawn(async move {
            let outcome = dial.await;
            let _ = done.send(Some(outcome));
        });
        attempt
    }

    /// Keeps `link` for `runtime`, unless it has one of use.
    pub(super) fn keep(&self, runtime: &Handle, link: Arc<Link>) {
        let mut attempts = self.lock();
        if attempts
            .get(&runtime.id())
            .is_none_or(|attempt| !attempt.is_of_use())
        {
            let (_, outcome) = watch::channel(Some(Ok(link)));
            attempts.insert(runtime.id(), Attempt(outcome));
        }
    }

    /// All connections that are open.
    pub(super) fn links(&self) -> Vec<Arc<Link>> {
        let attempts = self.lock();
        let links = attempts.values().filter_map(Attempt::link);
        links.filter(|link| link.connection.is_open()).collect()
    }

    /// Forgets all. Who waits for a reply keeps the connection open until it has come.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Attempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// Whether it is under way on a runtime that lives, or led to a connection that is open.
    fn is_of_use(&self) -> bool {
        match &*self.0.borrow() {
            None => self.0.has_changed().is_ok(),
            Some(Ok(link)) => link.connection.is_open(),
            Some(Err(_)) => false,
        }
    }

    /// The connection, if it is there already.
    pub(super) fn link(&self) -> Option<Arc<Link>> {
        self.0.borrow().as_ref()?.as_ref().ok().map(Arc::clone)
    }

    /// Waits for its end.
    ///
    /// Cancel safety: the attempt goes on without this waiter.
    pub(super) async fn outcome(mut self) -> Result<Arc<Link>, Failure> {
        match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().expect("it was waited for"),
            Err(_) => Err(Failure::new(ErrorKind::Unavailable, "its runtime ended")),
        }
    }
}
