//! One call for many ids, each with an entry of its own.
//!
//! Every id is a [`Job`] of its own, with its own flight: a call for one id waits for a batch that
//! computes it, and the reverse. What the jobs of a batch have in common is what they wait for: one
//! call of the backend to look, one place to compute, one call of the origin with the ids that
//! nobody has, one call of the backend to store. An id that another process computes, or whose
//! flight ended without a result for others, is computed in another round.

mod blocking;
mod compute;
mod detached;
mod lack;
mod member;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::sync::Notify;

pub(crate) use lack::Lack;
use lack::{One, of_one};

use super::Job;
use super::time::within;
use super::turn::Turn;
use crate::backend::Ttl;
use crate::background::{self, AbortOnDrop};
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::form::Form;
use crate::cache::kind::Voice;
use crate::policy::flight::{Arrival, Flights, Leader, WAIT_BUDGET, Waiter};
use crate::policy::race;
use crate::policy::reentry::Chain;
use detached::Wanted;
use member::{Member, State};

/// What comes of one id.
pub(crate) type Outcome<V, E> = Result<V, Lack<E>>;

/// What is asked for with a batch.
pub(crate) struct Terms<E> {
    /// The ttl of this call, where it has one of its own; `Some(None)`: nothing is stored.
    pub(crate) ttl: Option<Option<Ttl>>,
    pub(crate) voice: Voice<E>,
}

/// A call for many ids that this process does not simply have.
pub(crate) struct Batch<V, E, F>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    inner: Arc<Inner>,
    voice: Voice<E>,
    outer: Chain,
    members: Vec<Member<V, E, F>>,
    /// Where the ids are computed, and waited for.
    mode: Mode,
    /// How many ids have nothing yet.
    open: AtomicUsize,
    done: Notify,
}

/// Where a batch runs.
enum Mode {
    /// In the future of its caller.
    Inline,
    /// In a task.
    Detached(Wanted),
    /// On the thread of its caller.
    Blocking,
}

/// The call for one id.
type OneJob<V, E, F> = Job<One<V, E>, F>;

/// What a batch does in one round.
struct Round {
    led: Vec<Led>,
    /// To be computed past the flight.
    alone: Vec<usize>,
    waiting: Vec<(usize, Waiter)>,
}

/// An id whose flight this batch leads.
struct Led {
    index: usize,
    leader: Leader,
    refreshing: bool,
}

impl<V, E, F> Batch<V, E, F>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
    F: Form<V>,
{
    /// The batch of these keys, no two of them the same.
    pub(crate) fn new(inner: &Arc<Inner>, keys: Vec<Key<V, F>>, terms: Terms<E>) -> Self {
        let voice = of_one(terms.voice);
        let member = |key| {
            let job = Job::new(One::new(), inner, key, voice);
            Member::new(Job {
                ttl: terms.ttl,
                ..job
            })
        };
        let members: Vec<_> = keys.into_iter().map(member).collect();
        let open = members.iter().filter(|member| member.is_open()).count();
        Self {
            inner: Arc::clone(inner),
            voice: terms.voice,
            outer: Chain::current(),
            open: AtomicUsize::new(open),
            members,
            mode: Mode::Inline,
            done: Notify::new(),
        }
    }

    /// Computes in this future, by calls of `origin` with places in the list of keys. Dropped, it
    /// hands over to those who wait, as the computation of a single id does.
    pub(crate) async fn inline<O, Fut>(self, origin: O) -> Vec<Outcome<V, E>>
    where
        O: FnMut(Vec<usize>) -> Fut,
        Fut: Future<Output = Vec<Outcome<V, E>>>,
    {
        // On the heap: it is large, and may be inside of another one.
        self.in_time(Box::pin(self.run(origin))).await;
        self.regain().await;
        self.outcomes()
    }

    async fn run<O, Fut>(&self, mut origin: O)
    where
        O: FnMut(Vec<usize>) -> Fut,
        Fut: Future<Output = Vec<Outcome<V, E>>>,
    {
        while !self.is_done() && self.is_wanted() {
            let Round {
                led,
                alone,
                waiting,
            } = self.round();
            self.compute(led, alone, &mut origin).await;
            // What is its own has landed: no two batches wait for each other.
            self.wait(waiting).await;
        }
    }

    fn round(&self) -> Round {
        let (mut led, mut alone, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for (index, member) in self.members.iter().enumerate() {
            match member.turn(self.flights()) {
                None => {}
                Some(Ok(Turn::Return(outcome))) => self.finish(index, outcome),
                Some(Ok(Turn::Alone)) => alone.push(index),
                Some(Ok(Turn::Lead { leader, refreshing })) => {
                    led.push(self.led(index, leader, refreshing));
                }
                Some(Err(waiter)) => waiting.push((index, waiter)),
            }
        }
        Round {
            led,
            alone,
            waiting,
        }
    }

    fn led(&self, index: usize, leader: Leader, refreshing: bool) -> Led {
        if let Mode::Detached(wanted) = &self.mode {
            wanted.starts(&leader);
        }
        let offering = leader.offering();
        self.members[index]
            .around
            .offering
            .with(|seen| *seen = Some(offering));
        Led {
            index,
            leader,
            refreshing,
        }
    }

    /// Waits for the flights of others.
    async fn wait(&self, waiting: Vec<(usize, Waiter)>) {
        let nested = self.outer.is_nested();
        let permit = self.outer.permit(self.inner.address());
        let waits = waiting
            .iter()
            .map(|(_, waiter)| waiter.wait(nested, permit.clone()));
        let arrivals = race::all(waits).await;
        self.regain().await;
        for ((index, _), arrival) in waiting.iter().zip(arrivals) {
            match self.arrived(*index, arrival) {
                State::Done(outcome) => self.finish(*index, outcome),
                open => drop(self.members[*index].becomes(open)),
            }
        }
    }

    /// Gets back the place of the computation around this call, if a wait has lent it.
    async fn regain(&self) {
        let regained = self.outer.regain(self.inner.address());
        match self.mode {
            // Those who have all places may be of the very runtime that this thread keeps from going on.
            Mode::Blocking if Handle::try_current().is_ok() => {
                within(regained, self.inner.timers.after(WAIT_BUDGET)).await;
            }
            Mode::Inline | Mode::Detached(_) | Mode::Blocking => regained.await,
        }
    }

    fn arrived(&self, index: usize, arrival: Arrival) -> State<V, E> {
        match self.members[index].job.arrived(arrival) {
            None => State::Again,
            Some(Turn::Return(Err(Lack::Shared(kept)))) => match self.voice.share().give(&kept) {
                Some(error) => State::Done(Err(Lack::Failed {
                    error: Some(error),
                    kept: Some(kept),
                })),
                None => State::Alone,
            },
            Some(Turn::Return(outcome)) => State::Done(outcome),
            Some(Turn::Alone | Turn::Lead { .. }) => State::Alone,
        }
    }

    /// Runs `run` until every id has something, if only what there is when the time of the caller
    /// is over.
    async fn in_time(&self, run: impl Future<Output = ()>) {
        let patience = self
            .members
            .first()
            .and_then(|member| member.job.patience());
        let Some(patience) = patience else {
            return run.await;
        };
        let mut run = pin!(run);
        let end = self.inner.timers.after(patience);
        if within(run.as_mut(), end).await.is_none() && !self.is_told() {
            run.await;
        }
    }

    /// Gives every id that has nothing what there is instead; false where some have to wait on.
    fn is_told(&self) -> bool {
        let open = |(index, member): (usize, &Member<V, E, F>)| {
            let outcome = member.is_open().then(|| member.job.instead(&member.around));
            outcome.map(|outcome| Some((index, outcome?)))
        };
        let told: Option<Vec<_>> = self.members.iter().enumerate().filter_map(open).collect();
        let Some(told) = told else {
            return false;
        };
        for (index, outcome) in told {
            self.finish(index, outcome);
        }
        true
    }

    fn finish(&self, index: usize, outcome: Outcome<V, E>) {
        let finished = self.members[index].becomes(State::Done(outcome));
        if finished && self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }

    fn is_done(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    fn is_wanted(&self) -> bool {
        match &self.mode {
            Mode::Detached(wanted) => wanted.is_wanted(),
            Mode::Inline | Mode::Blocking => true,
        }
    }

    fn outcomes(&self) -> Vec<Outcome<V, E>> {
        let outcome = |member: &Member<V, E, F>| {
            let outcome = member.take();
            outcome.expect("a batch ends when every id has something")
        };
        self.members.iter().map(outcome).collect()
    }

    fn flights(&self) -> &Arc<Flights> {
        match self.mode {
            Mode::Inline | Mode::Detached(_) => &self.inner.flights,
            Mode::Blocking => &self.inner.blocking_flights,
        }
    }

    /// What `future`, which asks the backend, comes to; `None`: there is nothing to run it on.
    async fn asked<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let future = Box::pin(future);
        if self.inner.backend.is_none() {
            return Some(future.await);
        }
        match self.mode {
            Mode::Inline | Mode::Detached(_) => background::with_runtime(future).await.ok(),
            // The thread of a runtime that is blocked drives nothing.
            Mode::Blocking => AbortOnDrop(background::spawn(future).ok()?)
                .join()
                .await
                .ok(),
        }
    }
}
