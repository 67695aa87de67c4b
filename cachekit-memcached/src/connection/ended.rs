//! How connections end.

use std::io;

use crate::protocol::Malformed;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("closed by the server")]
    ByServer,
    #[error("closed by the server, within a reply")]
    Cut,
    #[error("closed: no reply comes in time")]
    Overdue,
    #[error("no longer used")]
    Unused,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("a reply that nobody asked for")]
    Unasked,
    #[error("the server did not understand a request: {0}")]
    Refused(String),
    #[error("the server does not let us in")]
    NotAdmitted,
}

impl Ended {
    pub(super) fn tell(&self) {
        match self {
            Self::Unused => {}
            Self::Refused(_) => {
                tracing::error!(ended = %self, "memcached connection ended: a mistake of this client");
            }
            Self::Malformed(_) | Self::Unasked => {
                tracing::warn!(ended = %self, "memcached connection ended: protocol violated");
            }
            _ => tracing::debug!(ended = %self, "memcached connection ended"),
        }
    }
}
