//! What happens, for the `metrics` facade: `docs/observability.md` has the names. Nothing is
//! registered before it happens.

use std::collections::HashMap;
use std::ptr;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, counter, histogram};

use crate::cache::function::Function;
use crate::cache::stats::Event;

/// A function that something has happened with, and how many of its hits were told.
struct Told {
    function: &'static Function,
    hits: u64,
}

static TOLD: LazyLock<Mutex<HashMap<usize, Told>>> = LazyLock::new(Mutex::default);

/// Tells of an event, and of the hits in this process that were not told yet.
pub(crate) fn count(function: &'static Function, event: Event) {
    let path = function.path();
    counter_of(path, event).increment(1);
    let mut all = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let told = all.entry(ptr::from_ref(function).addr());
    told.or_insert(Told { function, hits: 0 }).tell();
}

/// Tells of all hits in this process that were not told yet.
pub(crate) fn flush() {
    let mut all = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    all.values_mut().for_each(Told::tell);
}

pub(crate) fn spent(function: &Function, cost: Duration) {
    histogram!("cachekit_computation_seconds", "function" => function.path()).record(cost);
}

pub(crate) fn saved(function: &Function, cost: Duration) {
    histogram!("cachekit_saved_seconds", "function" => function.path()).record(cost);
}

impl Told {
    fn tell(&mut self) {
        let hits = self.function.stats().hits;
        // What was lost between two threads may make it fewer than before.
        let more = hits.saturating_sub(self.hits);
        if more > 0 {
            let path = self.function.path();
            counter!("cachekit_hits_total", "function" => path, "layer" => "process")
                .increment(more);
            self.hits = hits;
        }
    }
}

fn counter_of(path: String, event: Event) -> Counter {
    match event {
        Event::BackendHit => {
            counter!("cachekit_hits_total", "function" => path, "layer" => "backend")
        }
        Event::Computed => counter!("cachekit_computations_total", "function" => path),
        Event::Cold
        | Event::Expired
        | Event::Invalidated
        | Event::Tag
        | Event::Corrupt
        | Event::OtherKey
        | Event::Schema
        | Event::UnknownVersion
        | Event::Uncacheable => {
            counter!("cachekit_misses_total", "function" => path, "reason" => event.name())
        }
        _ => counter!("cachekit_events_total", "function" => path, "event" => event.name()),
    }
}
