//! What is written down.

use std::sync::{Mutex, PoisonError};

use crate::testkit::history::{History, Record};

/// Where everybody writes what happened.
#[derive(Debug, Default)]
pub struct Told(Mutex<Whole>);

/// All that was written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// What happened.
    pub history: History,
    /// Calls that failed, or never ended.
    pub failed: Vec<String>,
}

impl Told {
    /// Something happened.
    pub fn record(&self, record: Record) {
        self.with(|whole| whole.history.records.push(record));
    }

    pub(super) fn failed(&self, what: String) {
        self.with(|whole| whole.failed.push(what));
    }

    pub(super) fn whole(&self) -> Whole {
        self.with(|whole| whole.clone())
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Whole) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
