//! A mutex that a panic leaves usable.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// No code of a user runs while it is held, so what is behind it is whole even if it is poisoned.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
