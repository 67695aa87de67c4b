//! What a function returns, and how the waiters of a failed computation get its error.
//!
//! Both are found by method resolution on an expression, which sees through aliases: a
//! `type Fallible<T> = Result<T, MyError>` is a `Result`. Of several candidates the one that needs
//! the fewest dereferences wins, so the most special is implemented for the most references.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};

/// How the declared return type is made of a value and an error.
#[diagnostic::on_unimplemented(
    message = "callers cannot share the values of `{Self}`",
    label = "must be `Clone`, `Send`, `Sync` and `'static`",
    note = "derive `Clone`, or return an `Arc`; a value that borrows or stays on its thread cannot be \
            cached"
)]
pub trait Kind: Copy + Send + Sync + 'static {
    /// What the function returns.
    type Returned;
    /// What is stored.
    type Value: Clone + Send + Sync + 'static;
    /// What is not.
    type Error;

    /// Takes the result apart.
    ///
    /// # Errors
    /// That of the function.
    fn split(returned: Self::Returned) -> Result<Self::Value, Self::Error>;
    /// Puts it together again.
    fn join(result: Result<Self::Value, Self::Error>) -> Self::Returned;
    /// Whether the value is a `None`.
    fn is_none(value: &Self::Value) -> bool;
    /// What says that there is nothing, where that is no error of ours.
    #[must_use]
    fn absent() -> Option<Self::Error> {
        None
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident<$($p:ident),+>, $of:ident($($probe:tt)+):
        $returned:ty = $value:ty | $error:ty, $split:expr, $join:expr, $none:expr;)*) => {$(
        $(#[doc = $doc])+
        pub struct $kind<$($p),+>(PhantomData<fn() -> ($($p,)+)>);

        impl<$($p),+> Clone for $kind<$($p),+> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($p),+> Copy for $kind<$($p),+> {}

        impl<$($p),+> fmt::Debug for $kind<$($p),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($kind))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($p: 'static),+> Kind for $kind<$($p),+>
        where
            $value: Clone + Send + Sync,
        {
            type Returned = $returned;
            type Value = $value;
            type Error = $error;

            fn split(returned: Self::Returned) -> Result<Self::Value, Self::Error> {
                $split(returned)
            }

            fn join(result: Result<Self::Value, Self::Error>) -> Self::Returned {
                $join(result)
            }

            fn is_none(value: &Self::Value) -> bool {
                $none(value)
            }
        }

        /// Finds the kind of a probe.
        pub trait $of {
            /// The kind.
            type Kind;
            /// The kind.
            fn kind(&self) -> Self::Kind;
        }

        impl<$($p),+> $of for $($probe)+ {
            type Kind = $kind<$($p),+>;

            #[inline]
            fn kind(&self) -> Self::Kind {
                $kind(PhantomData)
            }
        }
    )*};
}

fn unwrap<V>(result: Result<V, Infallible>) -> V {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

kinds! {
    /// `Result<Option<V>, E>`
    OptionalResult<V, E>, OfOptionalResult(&&&Probe<Result<Option<V>, E>>):
        Result<Option<V>, E> = Option<V> | E, |r| r, |r| r, Option::is_none;
    /// `Result<V, E>`
    PlainResult<V, E>, OfResult(&&Probe<Result<V, E>>):
        Result<V, E> = V | E, |r| r, |r| r, |_| false;
    /// `Option<V>`
    Optional<V>, OfOption(&Probe<Option<V>>):
        Option<V> = Option<V> | Infallible, Ok, unwrap, Option::is_none;
    /// Any other type.
    Plain<V>, OfPlain(Probe<V>):
        V = V | Infallible, Ok, unwrap, |_| false;
}

/// A declared return type that may be a `None`.
#[diagnostic::on_unimplemented(
    message = "`cache_none` and `negative_ttl` are about a `None`, and `{Self}` has none",
    label = "must be an `Option` or a `Result` of one",
    note = "remove the option, or return `Option<T>` or `Result<Option<T>, E>`",
    note = "an error that says that there is nothing is remembered where the body says so: \
            `cachekit::Context::current().not_found_for(ttl)`"
)]
pub trait MayBeNone {}

#[diagnostic::do_not_recommend]
impl<V> MayBeNone for Option<V> {}

#[diagnostic::do_not_recommend]
impl<V, E> MayBeNone for Result<Option<V>, E> {}

/// Compiles if `R` may be a `None`.
#[inline]
pub const fn may_be_none<R: MayBeNone>() {}

impl<V, E> PlainResult<V, E> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

/// A declared return type, to ask for its kind: `(&&&&Probe::<R>::new()).kind()`.
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    /// A probe of `R`.
    #[inline]
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only written out by the macro")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R> fmt::Debug for Probe<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

/// An error as it is kept for waiters.
pub(crate) type Kept = Arc<dyn Any + Send + Sync>;

/// How waiters get the error of a computation that was not theirs.
pub struct Share<E> {
    keep: fn(&E) -> Option<Kept>,
    give: fn(&Kept) -> Option<E>,
}

impl<E> Share<E> {
    pub(crate) const fn new(keep: fn(&E) -> Option<Kept>, give: fn(&Kept) -> Option<E>) -> Self {
        Self { keep, give }
    }

    /// Not at all: the waiters compute for themselves.
    pub(crate) const NONE: Self = Self {
        keep: |_| None,
        give: |_| None,
    };

    pub(crate) fn keep(self, error: &E) -> Option<Kept> {
        (self.keep)(error)
    }

    pub(crate) fn give(self, kept: &Kept) -> Option<E> {
        (self.give)(kept)
    }
}

impl<E> Clone for Share<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Share<E> {}

impl<E> fmt::Debug for Share<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share")
    }
}

/// What can be told to callers whose errors are `E`: the error of another's computation, and
/// errors of ours.
pub struct Voice<E> {
    share: Share<E>,
    say: Option<fn(Error) -> E>,
}

impl<E> Voice<E> {
    /// Errors are shared in this way, and ours told in that.
    #[inline]
    #[must_use]
    pub const fn new(share: Share<E>, say: Option<fn(Error) -> E>) -> Self {
        Self { share, say }
    }

    /// Nothing: waiters of a failed computation compute for themselves, and nobody is told of what
    /// is ours.
    pub(crate) const NONE: Self = Self::new(Share::NONE, None);

    pub(crate) const fn share(self) -> Share<E> {
        self.share
    }

    pub(crate) const fn can_say(self) -> bool {
        self.say.is_some()
    }

    pub(crate) fn say(self, error: impl FnOnce() -> Error) -> Option<E> {
        self.say.map(|say| say(error()))
    }
}

impl<E: From<Error> + fmt::Display> Voice<E> {
    /// Errors of ours are told, and those of others as a source of one.
    pub(crate) fn of_ours() -> Self {
        Self::new((&&ErrorProbe(PhantomData)).share(), Some(E::from))
    }
}

impl<E> Clone for Voice<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Voice<E> {}

impl<E> fmt::Debug for Voice<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Voice")
    }
}

/// The error type of a kind, to ask how it can be shared: `(&&&ErrorProbe::new(kind)).share()`, and
/// whether it can be made of ours: `(&&ErrorProbe::new(kind)).say()`.
pub struct ErrorProbe<E>(PhantomData<fn() -> E>);

impl<E> ErrorProbe<E> {
    /// A probe of the error type of `kind`.
    #[inline]
    #[must_use]
    pub fn new<K: Kind<Error = E>>(_kind: K) -> Self {
        Self(PhantomData)
    }
}

impl<E> fmt::Debug for ErrorProbe<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorProbe")
    }
}

/// An error that can be cloned.
pub trait ShareClone<E> {
    /// Each waiter gets a clone.
    fn share(&self) -> Share<E>;
}

impl<E: Clone + Send + Sync + 'static> ShareClone<E> for &&ErrorProbe<E> {
    fn share(&self) -> Share<E> {
        Share {
            keep: |error| Some(Arc::new(error.clone())),
            give: |kept| kept.downcast_ref::<E>().cloned(),
        }
    }
}

/// An error that can be made of one of ours.
pub trait ShareFrom<E> {
    /// Each waiter gets one of ours, with the text of the error as its source.
    fn share(&self) -> Share<E>;
}

impl<E: From<Error> + fmt::Display> ShareFrom<E> for &ErrorProbe<E> {
    fn share(&self) -> Share<E> {
        Share {
            keep: |error| {
                let detail = "the computation that this call waited for failed";
                let kind = ErrorKind::ComputationLost;
                let ours = Error::with_source(kind, "cached function", detail, error.to_string());
                Some(Arc::new(ours))
            },
            give: |kept| kept.downcast_ref::<Error>().cloned().map(E::from),
        }
    }
}

/// Any other error.
pub trait ShareNone<E> {
    /// The waiters compute for themselves.
    fn share(&self) -> Share<E>;
}

impl<E> ShareNone<E> for ErrorProbe<E> {
    fn share(&self) -> Share<E> {
        Share::NONE
    }
}

/// An error that can be made of one of ours.
pub trait SayFrom<E> {
    /// How.
    fn say(&self) -> Option<fn(Error) -> E>;
}

impl<E: From<Error>> SayFrom<E> for &ErrorProbe<E> {
    #[inline]
    fn say(&self) -> Option<fn(Error) -> E> {
        Some(E::from)
    }
}

/// Any other error.
pub trait SayNothing<E> {
    /// Not at all.
    fn say(&self) -> Option<fn(Error) -> E>;
}

impl<E> SayNothing<E> for ErrorProbe<E> {
    #[inline]
    fn say(&self) -> Option<fn(Error) -> E> {
        None
    }
}

#[cfg(test)]
#[expect(
    clippy::needless_borrow,
    reason = "written as the macro writes it, for every type alike"
)]
mod tests;
