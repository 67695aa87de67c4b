//! What goes wrong below the backend.

use std::borrow::Cow;
use std::sync::Arc;

use cachekit_core::error::{Error, ErrorKind};

/// A call that failed: what kind of failure, and at which node.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    node: Option<Arc<str>>,
    detail: Cow<'static, str>,
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            node: None,
            detail: detail.into(),
        }
    }

    /// The same, known to have happened at `node`.
    pub(crate) fn at(mut self, node: &Arc<str>) -> Self {
        self.node = Some(Arc::clone(node));
        self
    }

    pub(crate) fn detail(&self) -> &str {
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
