//! Ending many entries at once: those of a tag, those of a namespace.

use crate::cache::{Cache, Invalidations};
use crate::error::Result;

impl Cache {
    /// Removes every entry of `tag`, of whatever function: none of them is served again, and what
    /// is computed now is not stored. In this process at once, elsewhere within the bound of the
    /// layer in the process (`CACHEKIT_L1_MAX_AGE`).
    ///
    /// Costs the same for any number of entries. They stay where they are until their ttl is over.
    ///
    /// # Errors
    /// Those of the backend; the entries may then still be served by other processes.
    ///
    /// # Cancel safety
    /// Dropped early it may or may not have happened.
    pub async fn remove_tag(&self, tag: &str) -> Result<()> {
        let mut invalidations = Invalidations::new();
        invalidations.remove_tag(tag);
        invalidations.send(self).await
    }

    /// [`remove_tag`](Self::remove_tag), blocking this thread.
    ///
    /// # Errors
    /// As of [`remove_tag`](Self::remove_tag).
    pub fn remove_tag_blocking(&self, tag: &str) -> Result<()> {
        let mut invalidations = Invalidations::new();
        invalidations.remove_tag(tag);
        invalidations.send_blocking(self)
    }

    /// Removes every entry of the functions whose [namespace](crate::cache::Function::namespace)
    /// this is. Otherwise as [`remove_tag`](Self::remove_tag); in this process it looks at every
    /// entry once. Empty: none, functions without a namespace have nothing in common.
    ///
    /// # Errors
    /// As of [`remove_tag`](Self::remove_tag).
    ///
    /// # Cancel safety
    /// Dropped early it may or may not have happened.
    pub async fn remove_namespace(&self, namespace: &str) -> Result<()> {
        let mut invalidations = Invalidations::new();
        invalidations.remove_namespace(namespace);
        invalidations.send(self).await
    }

    /// [`remove_namespace`](Self::remove_namespace), blocking this thread.
    ///
    /// # Errors
    /// As of [`remove_namespace`](Self::remove_namespace).
    pub fn remove_namespace_blocking(&self, namespace: &str) -> Result<()> {
        let mut invalidations = Invalidations::new();
        invalidations.remove_namespace(namespace);
        invalidations.send_blocking(self)
    }
}
