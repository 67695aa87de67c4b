//! The shape of a serde type: what a positional codec relies on, without a derive of ours.
//!
//! [`Shape::of`] drives the type's `Deserialize` with a deserializer that has no bytes: it notes
//! what is asked for and answers with samples, in as many passes as it takes to see every variant
//! of every enum. The [fingerprint](Shape::fingerprint) of what it saw is part of an entry's key,
//! so that releases whose types differ never read each other's bytes; [`Shape::checked`] makes
//! sure that `Serialize` writes what `Deserialize` was seen to read.
//!
//! Whatever a type does, tracing ends: passes, steps, slots and depth are limited, and a panic of
//! the type's own code over a sample is caught (its message appears on standard error; where
//! panics abort, it aborts). What stays unknown is refused for positional codecs. One thing cannot
//! be seen: a `Deserialize` that reads one type or another depending on a value, where no sample
//! leads to the other. Such a type needs a version of its own in its key.

mod access;
mod blame;
mod checked;
mod enums;
mod explore;
mod graph;
mod parts;
mod refusal;
mod samples;
mod text;
mod trace;
mod tracer;
mod verdict;

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::checked::Checked;
pub use self::refusal::Refusal;

use self::graph::Graph;

/// The shape of a type as its `Deserialize` shows it to one kind of codec.
#[derive(Debug)]
pub struct Shape {
    graph: Graph,
    positional: bool,
    fingerprint: u64,
    refusal: Option<Refusal>,
}

/// A type, and the kind of codec that looks at it.
type Viewpoint = (TypeId, bool, bool);

static SHAPES: RwLock<Option<HashMap<Viewpoint, &'static Shape>>> = RwLock::new(None);

impl Shape {
    /// The shape of `T` for codecs that are (or are not) `positional` and `human_readable`: the
    /// constants of [`Codec`](crate::codec::Codec).
    ///
    /// The first call for a type traces it (some microseconds for a plain struct, more for large
    /// enums) and keeps the shape for the life of the process; the others look it up.
    #[must_use]
    pub fn of<T: DeserializeOwned + 'static>(
        positional: bool,
        human_readable: bool,
    ) -> &'static Self {
        let viewpoint = (TypeId::of::<T>(), positional, human_readable);
        let known = SHAPES.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(shape) = known.as_ref().and_then(|shapes| shapes.get(&viewpoint)) {
            return shape;
        }
        drop(known);
        // Traced outside the lock: the type's own code may ask for a shape.
        let shape = Self::trace::<T>(positional, human_readable);
        let mut shapes = SHAPES.write().unwrap_or_else(PoisonError::into_inner);
        let shapes = shapes.get_or_insert_default();
        shapes
            .entry(viewpoint)
            .or_insert_with(|| Box::leak(Box::new(shape)))
    }

    /// The same, traced anew.
    #[must_use]
    pub fn trace<T: DeserializeOwned>(positional: bool, human_readable: bool) -> Self {
        let (graph, refusal) = explore::explore::<T>(positional, human_readable);
        let fingerprint = text::fingerprint(&graph);
        Self {
            graph,
            positional,
            fingerprint,
            refusal,
        }
    }

    /// A hash of the shape alone: of the names and order of fields and variants, of the types of
    /// leaves, of nesting and of lengths. It is the same in every process, build and machine, and
    /// does not depend on the names of types.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Why codecs of this kind cannot carry the type, if they cannot.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// `value`, which fails to serialize where it does not serialize what this shape reads.
    ///
    /// A positional codec would read such bytes as other values without noticing: a field left
    /// out by `skip_serializing_if`, a variant skipped on one side only. For other codecs nothing
    /// but the [refusal](Self::refusal) is checked.
    pub fn checked<'a, T: Serialize + ?Sized>(&'a self, value: &'a T) -> Checked<'a, T> {
        Checked::new(self, value)
    }
}
