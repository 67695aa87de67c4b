//! How connections end.

use std::io;

use super::traffic::Traffic;
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
    // Without what the server says: it may repeat the request, and so the key.
    #[error("the server did not understand a request")]
    Refused,
    #[error("the server does not let us in")]
    NotAdmitted,
}

impl Ended {
    /// Counts it, and tells it to whoever listens.
    pub(super) fn tell(&self, traffic: &Traffic) {
        let node = &*traffic.node;
        match self {
            Self::Unused => return,
            Self::Refused => {
                traffic.refused();
                tracing::error!(node, ended = %self, "memcached connection ended: a mistake of this client");
            }
            Self::Malformed(_) | Self::Unasked => {
                traffic.violated();
                tracing::warn!(node, ended = %self, "memcached connection ended: protocol violated");
            }
            Self::ByServer | Self::Cut | Self::Overdue | Self::Io(_) | Self::NotAdmitted => {
                tracing::debug!(node, ended = %self, "memcached connection ended");
            }
        }
        traffic.lost();
    }
}
