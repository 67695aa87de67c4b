//! What happens is counted, and told to those who listen: `tracing`, and the `metrics` facade.

use std::time::Duration;

use crate::backend::{Reason, Stored};
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::entry::Entry;
use crate::cache::function::Function;
use crate::cache::hits::LaneOfThread;
use crate::cache::metrics;
use crate::cache::stats::Event;
use crate::error::Error;
use crate::l1::Look;

impl Inner {
    /// The value of `key`, as a plain hit of L1.
    #[inline]
    pub(crate) fn hit_of<V: Clone + 'static, F>(&self, key: &Key<V, F>) -> Option<V> {
        let value = self.l1.get(key.bytes())?;
        self.hit_here(key.function());
        Some(value)
    }

    /// The fresh value of `key` that this process has.
    pub(crate) fn here<V: Clone + 'static, F>(&self, key: &Key<V, F>) -> Option<V> {
        self.hit_of(key)
            .or_else(|| match self.l1.look(key.bytes()) {
                Look::Fresh { value, .. } | Look::Early { value, .. } => {
                    self.hit_here(key.function());
                    Some(value)
                }
                Look::Grace { .. } | Look::Marked(_) | Look::Nothing => None,
            })
    }

    /// Counts a fresh value that was found in this process. Nobody is told: that would cost more
    /// than the hit.
    #[inline]
    pub(crate) fn hit_here(&self, function: &Function) {
        let lane = LaneOfThread::current();
        self.counters.hit(lane);
        function.counters().hit(lane);
    }

    /// Counts a hit in the backend.
    pub(crate) fn hit<V>(&self, function: &'static Function, entry: &Entry<V>) {
        self.count(function, Event::BackendHit);
        self.counters.add_saved(entry.cost);
        function.counters().add_saved(entry.cost);
        metrics::saved(function, entry.cost);
    }

    /// Counts what a computation has cost.
    pub(crate) fn spent(&self, function: &'static Function, cost: Duration) {
        self.counters.add_origin(cost);
        function.counters().add_origin(cost);
        metrics::spent(function, cost);
    }

    pub(crate) fn count(&self, function: &'static Function, event: Event) {
        self.counters.add(event);
        function.counters().add(event);
        metrics::count(function, event);
        if event.is_trouble() {
            tracing::debug!(function = function.path(), event = event.name(), "cache");
        } else {
            tracing::trace!(function = function.path(), event = event.name(), "cache");
        }
    }

    /// Counts what has become of a result that was sent to the backend.
    pub(crate) fn filled(&self, function: &'static Function, stored: Stored) {
        match stored {
            Stored::Stored => {
                function.pressure().notes(false);
            }
            Stored::Superseded(Reason::Gone) => self.superseded(function, Event::SupersededGone),
            Stored::Superseded(Reason::Moved) => self.superseded(function, Event::SupersededMoved),
            Stored::Superseded(_) => self.superseded(function, Event::SupersededOvertaken),
        }
    }

    /// Counts a result that something newer has overtaken.
    pub(crate) fn superseded(&self, function: &'static Function, event: Event) {
        self.count(function, event);
        let pressure = function.pressure();
        if !pressure.notes(true) {
            return;
        }
        self.count(function, Event::InvalidationPressure);
        if pressure.is_news(self.clock.monotonic_ms()) {
            let function = function.path();
            tracing::warn!(
                function,
                "most results are overtaken before they are stored"
            );
        }
    }

    pub(crate) fn backend_failed(&self, function: &'static Function, error: &Error) {
        function.counters().add(Event::BackendError);
        metrics::count(function, Event::BackendError);
        self.trouble(error);
    }

    /// Counts a failure of the backend that is of no one function.
    pub(crate) fn trouble(&self, error: &Error) {
        self.counters.add(Event::BackendError);
        tracing::debug!(%error, "backend failed");
    }
}
