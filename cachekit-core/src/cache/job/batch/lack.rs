//! One id of a batch, as a function of its own would return it.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::cache::kind::{Kept, Kind, Share, Voice};
use crate::error::Error;

/// Why there is no value for an id.
#[derive(Debug)]
pub(crate) enum Lack<E> {
    /// The origin has answered, and has nothing for it.
    Absent,
    /// The origin has failed.
    Failed {
        /// Of its error, which may be one for many ids, one of them has it.
        error: Option<E>,
        /// What those who wait for the id are told.
        kept: Option<Kept>,
    },
    /// The computation of another caller has failed.
    Shared(Kept),
    /// An error of ours.
    Ours(Error),
}

/// A value, or why there is none.
pub(crate) struct One<V, E>(PhantomData<fn() -> (V, E)>);

impl<V, E> One<V, E> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<V, E> Clone for One<V, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V, E> Copy for One<V, E> {}

impl<V, E> Kind for One<V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    type Returned = Result<V, Lack<E>>;
    type Value = V;
    type Error = Lack<E>;

    fn split(returned: Self::Returned) -> Self::Returned {
        returned
    }

    fn join(result: Self::Returned) -> Self::Returned {
        result
    }

    fn is_none(_value: &V) -> bool {
        false
    }

    fn absent() -> Option<Lack<E>> {
        Some(Lack::Absent)
    }
}

/// What can be told of an id where `voice` can be told of its batch.
pub(crate) fn of_one<E>(voice: Voice<E>) -> Voice<Lack<E>> {
    let keep = |lack: &Lack<E>| match lack {
        Lack::Failed { kept, .. } => kept.clone(),
        Lack::Shared(kept) => Some(Arc::clone(kept)),
        Lack::Ours(error) => Some(Arc::new(error.clone()) as Kept),
        Lack::Absent => None,
    };
    let give = |kept: &Kept| Some(Lack::Shared(Arc::clone(kept)));
    let ours: fn(Error) -> Lack<E> = Lack::Ours;
    Voice::new(Share::new(keep, give), voice.can_say().then_some(ours))
}
