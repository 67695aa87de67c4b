//! The ends of waits, by the thousand: one sleep for all of them.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::Clock;

/// Waits on one clock. A task of the background sleeps until the earliest end, and there is none
/// while nobody waits.
#[derive(Clone)]
pub(crate) struct Timers(Arc<Inner>);

struct Inner {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Who waits, by the end and in the order of coming.
    waiting: BTreeMap<(u64, u64), Waker>,
    next: u64,
    /// When the sleepers wake: the earliest end, and those that were the earliest before.
    watched_ms: BTreeSet<u64>,
}

impl Timers {
    pub(crate) fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            state: Mutex::default(),
        }))
    }

    /// A wait of `duration` from now. It costs nothing until it is polled.
    pub(crate) fn after(&self, duration: Duration) -> Timer {
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timer {
            timers: self.clone(),
            end_ms: self.0.clock.monotonic_ms().saturating_add(duration_ms),
            number: None,
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has somebody look at `end_ms`.
    fn watch(&self, end_ms: u64) {
        let timers = self.clone();
        // Without background threads there are no timers, and who waits has no end.
        let _ = self.0.clock.spawn(async move {
            let mut end_ms = Some(end_ms);
            while let Some(until_ms) = end_ms {
                let left_ms = until_ms.saturating_sub(timers.0.clock.monotonic_ms());
                timers.0.clock.sleep(Duration::from_millis(left_ms)).await;
                end_ms = timers.woken_at(until_ms);
            }
        });
    }

    /// Wakes those whose wait is over; answers until when the sleeper of `until_ms` sleeps next.
    fn woken_at(&self, until_ms: u64) -> Option<u64> {
        let mut state = self.state();
        let now_ms = self.0.clock.monotonic_ms();
        let later = state.waiting.split_off(&(now_ms + 1, 0));
        let over = std::mem::replace(&mut state.waiting, later);
        state.watched_ms.remove(&until_ms);
        let earliest = state.waiting.keys().next().map(|(end_ms, _)| *end_ms);
        let next = earliest.filter(|end_ms| state.is_unwatched(*end_ms));
        state.watched_ms.extend(next);
        drop(state);
        over.into_values().for_each(Waker::wake);
        next
    }
}

impl State {
    /// Whether every sleeper wakes too late for this end.
    fn is_unwatched(&self, end_ms: u64) -> bool {
        self.watched_ms
            .first()
            .is_none_or(|until_ms| end_ms < *until_ms)
    }
}

/// One wait.
pub(crate) struct Timer {
    timers: Timers,
    end_ms: u64,
    /// Its place among those who wait.
    number: Option<u64>,
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.timers.0.clock.monotonic_ms() >= self.end_ms {
            return Poll::Ready(());
        }
        let (timers, end_ms) = (self.timers.clone(), self.end_ms);
        let mut state = timers.state();
        let number = *self.number.get_or_insert_with(|| {
            state.next += 1;
            state.next
        });
        let replaced = state
            .waiting
            .insert((end_ms, number), context.waker().clone());
        let unwatched = state.is_unwatched(end_ms);
        if unwatched {
            state.watched_ms.insert(end_ms);
        }
        drop(state);
        drop(replaced); // not under the lock: a waker is an executor's
        if unwatched {
            timers.watch(end_ms);
        }
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let left = self.timers.state().waiting.remove(&(self.end_ms, number));
            drop(left);
        }
    }
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timers({} waiting)", self.state().waiting.len())
    }
}
