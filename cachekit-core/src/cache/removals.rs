//! What a function removes when it has changed something: the runtime side of `#[removes]`.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::background;
use crate::cache::Cache;
use crate::cache::arguments::Key;
use crate::cache::form::Form;
use crate::cache::invalidations::Invalidations;
use crate::error::Error;

/// The removals of one call, by the caches that they are for. Dropped, it removes nothing.
#[derive(Debug, Default)]
pub struct Removals(Vec<(Cache, Invalidations)>);

impl Removals {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The entry of `key`.
    pub(crate) fn entry<V: 'static, F: Form<V>>(&mut self, cache: &Cache, key: &Key<V, F>) {
        self.of(cache).remove(key);
    }

    /// Everything that has this tag.
    pub fn tag(&mut self, cache: &Cache, name: &str) {
        self.of(cache).remove_tag(name);
    }

    /// Everything of the functions of this namespace.
    pub fn namespace(&mut self, cache: &Cache, name: &str) {
        self.of(cache).remove_namespace(name);
    }

    fn of(&mut self, cache: &Cache) -> &mut Invalidations {
        let same = |(other, _): &(Cache, _)| Arc::ptr_eq(&other.inner, &cache.inner);
        let index = self.0.iter().position(same).unwrap_or_else(|| {
            self.0.push((cache.clone(), Invalidations::new()));
            self.0.len() - 1
        });
        &mut self.0[index].1
    }

    /// Removes all; what fails is logged, and counted by its cache.
    ///
    /// # Cancel safety
    /// Once polled it goes on although it is dropped: what was to be removed is no longer true.
    pub async fn send(self) {
        let task = match Handle::try_current() {
            Ok(runtime) => Ok(runtime.spawn(self.send_each())),
            Err(_) => background::spawn(self.send_each()),
        };
        match task {
            Ok(task) => drop(task.await), // its panic is not ours
            Err(error) => failed(&error),
        }
    }

    /// [`send`](Self::send), blocking this thread.
    pub fn send_blocking(self) {
        if let Err(error) = background::block_on(self.send_each()) {
            failed(&error);
        }
    }

    async fn send_each(self) {
        for (cache, invalidations) in self.0 {
            if let Err(error) = invalidations.send(&cache).await {
                failed(&error);
            }
        }
    }
}

fn failed(error: &Error) {
    tracing::error!(%error, "a removal failed; what it was to remove may still be served");
}
