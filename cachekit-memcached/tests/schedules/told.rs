//! What is written down.

use std::sync::{Mutex, PoisonError};

use cachekit_core::testkit::history::{History, Record};

#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Whole>);

/// All that was written down.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Whole {
    pub(crate) history: History,
    /// Calls that failed, or never ended.
    pub(crate) failed: Vec<String>,
}

impl Told {
    pub(crate) fn record(&self, record: Record) {
        self.with(|whole| whole.history.records.push(record));
    }

    pub(crate) fn failed(&self, what: String) {
        self.with(|whole| whole.failed.push(what));
    }

    pub(crate) fn whole(&self) -> Whole {
        self.with(|whole| whole.clone())
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Whole) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
