//! A value on its way in: a read of the backend, or a computation.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::l1::look::Mark;
use crate::l1::span::Span;
use crate::l1::tags::LocalTags;
use crate::l1::{Key, L1};

/// A value on its way in. Dropped, it leaves what is there as it is.
pub(crate) struct Fill {
    l1: Arc<L1>,
    key: Key,
    generation: u64,
    /// The tags of the value, as of the moment at which the fill began.
    tags: LocalTags,
}

impl Fill {
    pub(super) fn begin(l1: &Arc<L1>, key: &Key) -> Self {
        let tags = l1.tags().capture(&[]);
        let generation = l1.stripe(key).begin(key);
        Self {
            l1: Arc::clone(l1),
            key: Arc::clone(key),
            generation,
            tags,
        }
    }

    /// The same fill once more: lets in what is there meanwhile, and leaves the place of this one
    /// to what comes of it.
    pub(crate) fn twin(&self) -> Self {
        self.l1.stripe(&self.key).begin(&self.key);
        Self {
            l1: Arc::clone(&self.l1),
            key: Arc::clone(&self.key),
            generation: self.generation,
            tags: self.tags.clone(),
        }
    }

    /// Adds tags, by the hashes of their names, whenever they become known.
    pub(crate) fn tag(&mut self, names: &[u64]) {
        self.tags.add(names);
    }

    /// Whether neither its key was invalidated or written, nor one of its tags removed, since it
    /// began.
    pub(crate) fn stands(&self) -> bool {
        let current = self
            .l1
            .stripe(&self.key)
            .is_current(&self.key, self.generation);
        current && self.l1.tags().stand(&self.tags)
    }

    /// Lets `value` in, unless an invalidation or a write came in between. What it replaces goes,
    /// also if it is itself gone at once.
    pub(crate) fn complete<T: Send + Sync + 'static>(
        mut self,
        value: Arc<T>,
        span: Span,
        bytes: usize,
    ) {
        let tags = std::mem::take(&mut self.tags);
        let l1 = &self.l1;
        let mut stripe = l1.stripe(&self.key);
        if stripe.is_current(&self.key, self.generation) {
            l1.insert(&mut stripe, &self.key, value, span, bytes, tags);
        }
        drop(stripe);
        l1.sweep_next(&self.key);
    }

    /// The same for a value that was written or computed, not read: other fills that are under way
    /// may hold what it replaced, and do not enter any more.
    pub(crate) fn complete_written<T: Send + Sync + 'static>(
        mut self,
        value: Arc<T>,
        span: Span,
        bytes: usize,
    ) {
        let l1 = Arc::clone(&self.l1);
        let mut stripe = l1.stripe(&self.key);
        if stripe.is_current(&self.key, self.generation) {
            stripe.supersede(&self.key);
            self.generation += 1;
        }
        drop(stripe);
        self.complete(value, span, bytes);
    }

    /// The same for a value that is in the store now, whatever came in between: what was let in
    /// since may be what it has replaced, and goes.
    pub(crate) fn complete_stored<T: Send + Sync + 'static>(
        self,
        value: Arc<T>,
        span: Span,
        bytes: usize,
    ) {
        let mut stripe = self.l1.stripe(&self.key);
        if !stripe.is_current(&self.key, self.generation) {
            stripe.supersede(&self.key);
            self.l1.discard(&mut stripe, &self.key);
        }
        drop(stripe);
        self.complete_written(value, span, bytes);
    }

    /// Leaves a mark for `age` where the value would have been.
    pub(crate) fn complete_mark(self, mark: Mark, age: Duration) {
        self.complete(Arc::new(mark), Span::fresh_only(age), 0);
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        self.l1.stripe(&self.key).end(&self.key);
    }
}

impl fmt::Debug for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fill(generation {})", self.generation)
    }
}
