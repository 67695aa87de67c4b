//! What goes wrong below the backend.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use cachekit_core::error::{Error, ErrorKind};

/// A call that failed: what kind of failure, and at which node.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// What the server may have seen of it.
    pub(crate) written: Written,
    /// Whose fault it is that the server was not reached.
    pub(crate) fault: Fault,
    node: Option<Arc<str>>,
    detail: Cow<'static, str>,
}

/// What a server may have seen of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Nothing.
    Nothing,
    /// Perhaps all of it; to take effect twice is no different from once.
    Repeatable,
    /// Perhaps all of it, and it must not take effect twice.
    Once,
}

/// Why a server was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody listens there: there is no use in waiting for it.
    Refused,
    /// It may be the server, or what lies between.
    Theirs,
    /// This process or its machine has no file, no memory or no network left. That tells nothing
    /// about the server.
    Ours,
}

impl Fault {
    fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        /// `ENFILE` and `EMFILE`, which the standard library has no kind for.
        const NO_FILES: [i32; 2] = [23, 24];
        match error.kind() {
            Kind::ConnectionRefused | Kind::ConnectionReset | Kind::NotFound => Self::Refused,
            Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::AddrNotAvailable
            | Kind::OutOfMemory
            | Kind::PermissionDenied => Self::Ours,
            _ if error
                .raw_os_error()
                .is_some_and(|os| NO_FILES.contains(&os)) =>
            {
                Self::Ours
            }
            _ => Self::Theirs,
        }
    }
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            written: Written::Nothing,
            fault: Fault::Theirs,
            node: None,
            detail: detail.into(),
        }
    }

    /// A connection that could not be made.
    pub(crate) fn unreached(error: &io::Error) -> Self {
        Self {
            fault: Fault::of(error),
            ..Self::new(ErrorKind::Unavailable, error.to_string())
        }
    }

    /// The same, of another kind.
    pub(crate) fn turned(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// The same, of a request of which the server may have seen this.
    pub(crate) fn written(self, written: Written) -> Self {
        Self { written, ..self }
    }

    /// The same, known to have happened at `node`.
    pub(crate) fn at(mut self, node: &Arc<str>) -> Self {
        self.node = Some(Arc::clone(node));
        self
    }

    pub(crate) const fn detail(&self) -> &Cow<'static, str> {
        &self.detail
    }

    /// The error that the caller of `operation` sees.
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        match self.node {
            Some(node) => {
                Error::with_detail(self.kind, operation, format!("{node}: {}", self.detail))
            }
            None => Error::with_detail(self.kind, operation, self.detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_files_or_network_has_not_been_refused() {
        let fault = |os| Fault::of(&io::Error::from_raw_os_error(os));
        assert_eq!(fault(24), Fault::Ours);
        let fault = |kind: io::ErrorKind| Fault::of(&kind.into());
        assert_eq!(fault(io::ErrorKind::NetworkUnreachable), Fault::Ours);
        assert_eq!(fault(io::ErrorKind::ConnectionRefused), Fault::Refused);
        assert_eq!(fault(io::ErrorKind::HostUnreachable), Fault::Theirs);
    }
}
