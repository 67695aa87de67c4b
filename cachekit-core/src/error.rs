//! The one error of every crate of the workspace.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in which operation, and whether asking again can help.
///
/// An `Error` never shows a key, a value or a secret. It is one pointer wide and cheap to clone,
/// so that the waiters of one computation can each have it.
///
/// `Display` prints the operation, the kind and the detail; the cause is behind
/// [`source`](StdError::source) and is not repeated in the text.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    detail: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of an [`Error`]: what a caller may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store is not there: refused, closed, its directory gone. Nothing was done.
    Unavailable,
    /// No answer in time; nothing was sent, or what was sent changes nothing. Also: a caller's
    /// time for its computation is over.
    Timeout,
    /// Sent, and no answer: the change may or may not have happened.
    Ambiguous,
    /// An invalidation did not arrive. This process remembers it, repeats it before it uses that
    /// node again, and reads nothing from there until then; other processes may still read what
    /// was to go, and the process must live until the node is back.
    Pending,
    /// A bound of ours is reached (queue, bytes in flight, places for computations):
    /// nothing was sent, and nothing computed.
    Overloaded,
    /// The store understood and refused: out of memory, read-only, not permitted.
    Rejected,
    /// The value is over the store's limit. The entry it was to replace is removed.
    TooLarge,
    /// The key cannot be used with this store.
    InvalidKey,
    /// An argument or a configuration is outside its range.
    InvalidInput,
    /// The store broke its protocol; the connection is closed.
    Protocol,
    /// A value cannot be encoded by the codec.
    Codec,
    /// An operation that the store cannot do.
    Unsupported,
    /// The computation ended without a result: it panicked or its task was aborted.
    ComputationLost,
    /// A key was asked for inside its own computation, or two computations wait for each other.
    Reentrant,
    /// The origin has said, not long ago, that there is nothing.
    NotFound,
}

impl ErrorKind {
    /// Whether the same operation can succeed later without anything being changed by the caller.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Unavailable
                | Self::Timeout
                | Self::Ambiguous
                | Self::Pending
                | Self::Overloaded
                | Self::ComputationLost
        )
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "timed out",
            Self::Ambiguous => "sent, but not answered",
            Self::Pending => "not delivered yet",
            Self::Overloaded => "overloaded",
            Self::Rejected => "rejected by the store",
            Self::TooLarge => "value too large",
            Self::InvalidKey => "invalid key",
            Self::InvalidInput => "invalid input",
            Self::Protocol => "protocol violated",
            Self::Codec => "value cannot be encoded",
            Self::Unsupported => "not supported",
            Self::ComputationLost => "computation lost",
            Self::Reentrant => "asked for inside its own computation",
            Self::NotFound => "not found",
        }
    }
}

impl Error {
    /// An error of `kind` in `operation`, such as `"memcached get"`.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self::build(kind, operation, Cow::Borrowed(""), None)
    }

    /// The same with a detail: numbers, limits, names of nodes; never keys, values or secrets.
    #[must_use]
    pub fn with_detail(
        kind: ErrorKind,
        operation: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::build(kind, operation, detail.into(), None)
    }

    /// The same with the cause.
    #[must_use]
    pub fn with_source(
        kind: ErrorKind,
        operation: &'static str,
        detail: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::build(kind, operation, detail.into(), Some(source.into()))
    }

    fn build(
        kind: ErrorKind,
        operation: &'static str,
        detail: Cow<'static, str>,
        source: Option<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner {
            kind,
            operation,
            detail,
            source,
        }))
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that failed.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Whether asking again later can succeed: see [`ErrorKind::is_retryable`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.operation, self.0.kind.as_str())?;
        if !self.0.detail.is_empty() {
            write!(f, " ({})", self.0.detail)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.0.operation)
            .field("detail", &self.0.detail)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_a_source_and_not_repeated_in_the_text() {
        let cause = std::io::Error::other("connection refused");
        let error = Error::with_source(ErrorKind::Unavailable, "memcached get", "node a", cause);
        assert_eq!(error.to_string(), "memcached get: unavailable (node a)");
        assert_eq!(error.source().unwrap().to_string(), "connection refused");
        assert!(error.is_retryable());
    }
}
