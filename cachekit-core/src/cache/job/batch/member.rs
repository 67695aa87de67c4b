//! One id of a batch, and where it stands.

use std::sync::Arc;

use super::lack::One;
use super::{OneJob, Outcome};
use crate::cache::form::Form;
use crate::cache::job::turn::Turn;
use crate::cache::job::{Around, Entered};
use crate::policy::flight::{Flights, Waiter};
use crate::policy::lock::Lock;
use crate::policy::reentry::Chain;

/// One id.
pub(super) struct Member<V, E, F>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    pub(super) job: OneJob<V, E, F>,
    pub(super) around: Around,
    state: Lock<State<V, E>>,
}

/// Where an id stands.
pub(super) enum State<V, E> {
    /// Nobody has looked for it.
    New,
    /// It was waited for, in vain.
    Again,
    /// It is to be computed past the flight.
    Alone,
    Done(Outcome<V, E>),
    /// The caller has what came of it.
    Taken,
}

impl<V, E> State<V, E> {
    const fn is_open(&self) -> bool {
        match self {
            Self::New | Self::Again | Self::Alone => true,
            Self::Done(_) | Self::Taken => false,
        }
    }
}

impl<V, E, F> Member<V, E, F>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
    F: Form<V>,
{
    pub(super) fn new(job: OneJob<V, E, F>) -> Self {
        let outer = Chain::current();
        let (around, state) = match job.enter() {
            Entered::Into(around) => (Some(around), State::New),
            Entered::Told(outcome) => (None, State::Done(outcome)),
            Entered::Through => (None, State::Alone),
        };
        let around = around.unwrap_or_else(|| job.around(outer.clone(), outer));
        Self {
            job,
            around,
            state: Lock::new(state),
        }
    }

    /// What is to be done for it; `None`: nothing more.
    pub(super) fn turn(&self, flights: &Arc<Flights>) -> Option<Result<Turn<One<V, E>>, Waiter>> {
        let again = self.state.with(|state| match state {
            State::New => Some(Ok(false)),
            State::Again => Some(Ok(true)),
            State::Alone => Some(Err(())),
            State::Done(_) | State::Taken => None,
        })?;
        let Ok(again) = again else {
            return Some(Ok(Turn::Alone));
        };
        if let Some(turn) = (!again).then(|| self.job.look(flights)).flatten() {
            return Some(Ok(turn));
        }
        Some(self.job.join(flights, again, &self.around).map(Turn::lead))
    }

    pub(super) fn is_open(&self) -> bool {
        self.state.with(|state| state.is_open())
    }

    /// False if something has come of it before.
    pub(super) fn becomes(&self, next: State<V, E>) -> bool {
        let (open, dropped) = self.state.with(|state| match state.is_open() {
            true => (true, std::mem::replace(state, next)),
            false => (false, next),
        });
        drop(dropped); // not under the lock: it may be a user's
        open
    }

    pub(super) fn take(&self) -> Option<Outcome<V, E>> {
        match self
            .state
            .with(|state| std::mem::replace(state, State::Taken))
        {
            State::Done(outcome) => Some(outcome),
            State::New | State::Again | State::Alone | State::Taken => None,
        }
    }
}
