//! How flights end, and what those who wait are told.

use std::any::Any;
use std::sync::Arc;

/// A result that many may have.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// How a flight ended.
#[derive(Debug)]
pub(crate) enum Landing {
    /// With a value for everybody who was there.
    Value(Shared),
    /// With a value in grace for everybody who was there.
    Stale(Shared),
    /// With the answer that there is nothing.
    Absent,
    /// With a value for the starter alone.
    Private(Shared),
    /// With a value that something newer has overtaken: the starter may have it, and who waited for
    /// another flight before; the others read again.
    Superseded(Shared),
    /// With an error: for the starter as it is, for the others as far as it can be shared.
    Failed {
        original: Option<Box<dyn Any + Send>>,
        shared: Option<Shared>,
    },
    /// With a panic, for the starter to go on with.
    Panicked(Option<Box<dyn Any + Send>>),
}

/// What a waiter is told.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// The result, or what the leader has offered: that is new enough, and the flight goes on.
    Value(Shared),
    /// The same, in grace. Who started the flight is not told so by its landing: it landed it itself.
    Stale(Shared),
    /// There is nothing.
    Absent,
    /// The error itself: this waiter started the flight.
    OwnError(Box<dyn Any + Send>),
    /// An error as far as it can be shared.
    SharedError(Shared),
    /// The computation panicked, and this waiter started it.
    Panicked(Box<dyn Any + Send>),
    /// The computation of somebody else panicked.
    Lost,
    /// Begin again: the leader is gone, or its result is overtaken.
    Again,
    /// Compute for yourself: the flight is overdue, or its result cannot be shared.
    Alone,
    /// The wait was too long for a caller that is itself part of a computation: that one may be
    /// what the flight waits for.
    Reentrant,
}

/// Which results a waiter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It brought the computation: all of them, as they are.
    Starter,
    /// It has come for the first time.
    First,
    /// It waited for another flight before this one began: what was true then will do.
    Again,
}

impl Landing {
    pub(super) fn arrival(&mut self, claim: Claim) -> Arrival {
        let own = claim == Claim::Starter;
        match self {
            Self::Value(value) => Arrival::Value(Arc::clone(value)),
            Self::Stale(value) if own => Arrival::Value(Arc::clone(value)),
            Self::Stale(value) => Arrival::Stale(Arc::clone(value)),
            Self::Absent => Arrival::Absent,
            Self::Private(value) if own => Arrival::Value(Arc::clone(value)),
            Self::Private(_) => Arrival::Alone,
            Self::Superseded(_) if claim == Claim::First => Arrival::Again,
            Self::Superseded(value) => Arrival::Value(Arc::clone(value)),
            Self::Panicked(payload) => payload
                .take_if(|_| own)
                .map_or(Arrival::Lost, Arrival::Panicked),
            Self::Failed { original, shared } => match (original.take_if(|_| own), shared) {
                (Some(error), _) => Arrival::OwnError(error),
                (None, Some(error)) => Arrival::SharedError(Arc::clone(error)),
                (None, None) => Arrival::Alone,
            },
        }
    }
}
