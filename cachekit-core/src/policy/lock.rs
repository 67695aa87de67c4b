//! A mutex for what is looked at quickly.

use std::sync::{Mutex, PoisonError};

/// No code of a user runs while it is held, and nothing waits: what is behind it is whole even
/// after a panic.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(behind: T) -> Self {
        Self(Mutex::new(behind))
    }

    /// Looks at what is behind it, alone.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(test)]
        crate::policy::tests::model::others_may_go_on();
        let result = look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        #[cfg(test)]
        crate::policy::tests::model::others_may_go_on();
        result
    }
}
