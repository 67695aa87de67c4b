//! Who takes part.

use serde::{Deserialize, Serialize};

use crate::versions;

/// One contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Who {
    /// Our backend, outside of tokio.
    Ours,
    /// On tokio's runtime of one thread.
    OursTokio,
    /// On tokio's runtime with two workers.
    OursWorkers,
    /// A reader beside a writer that has room.
    Beside,
    /// A reader beside a writer that makes the collector work.
    BesideCollector,
    Bare,
    /// Through tokio's pool for what blocks.
    Hop,
    Cacache,
    CachekitRs,
    Diskcache,
    RedbShared,
    Redb,
    Fjall,
    Foyer,
}

/// What a contender is to the bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Ours,
    Limit,
    /// A peer that several processes can share.
    Shared,
    /// A peer that one process has for itself.
    Alone,
}

/// Where its calls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A thread without tokio.
    Thread,
    /// Tokio's runtime of one thread.
    Current,
    /// Tokio's runtime with two workers.
    Workers,
}

impl Who {
    pub(super) const fn role(self) -> Role {
        match self {
            Self::Ours
            | Self::OursTokio
            | Self::OursWorkers
            | Self::Beside
            | Self::BesideCollector => Role::Ours,
            Self::Bare | Self::Hop => Role::Limit,
            Self::Cacache | Self::CachekitRs | Self::Diskcache | Self::RedbShared => Role::Shared,
            Self::Redb | Self::Fjall | Self::Foyer => Role::Alone,
        }
    }

    pub(super) const fn place(self) -> Place {
        match self {
            Self::OursTokio | Self::Hop | Self::CachekitRs => Place::Current,
            Self::OursWorkers | Self::Foyer => Place::Workers,
            _ => Place::Thread,
        }
    }

    /// The one whose directory it uses.
    pub(super) const fn owner(self) -> Self {
        match self {
            Self::OursTokio | Self::OursWorkers | Self::Beside | Self::BesideCollector => {
                Self::Ours
            }
            Self::Hop => Self::Bare,
            Self::RedbShared => Self::Redb,
            own => own,
        }
    }

    /// Whether this binary has it.
    pub(super) const fn is_built(self) -> bool {
        cfg!(feature = "file-peers")
            || !matches!(
                self,
                Self::Cacache | Self::Redb | Self::RedbShared | Self::Fjall | Self::Foyer
            )
    }

    /// How it is called in tables.
    pub(super) fn name(self) -> String {
        let peer = |name, how: &str| format!("{}{how}", versions::named(name));
        match self {
            Self::Ours => "cachekit".to_owned(),
            Self::OursTokio => "cachekit, tokio, one thread".to_owned(),
            Self::OursWorkers => "cachekit, tokio, two workers".to_owned(),
            Self::Beside => "cachekit, beside a writer with room".to_owned(),
            Self::BesideCollector => "cachekit, beside a writer at the cap".to_owned(),
            Self::Bare => "limit: bare calls".to_owned(),
            Self::Hop => "limit: bare calls through tokio's pool".to_owned(),
            Self::Cacache => peer("cacache", ""),
            Self::CachekitRs => peer("cachekit-rs", ""),
            Self::Diskcache => "diskcache".to_owned(),
            Self::RedbShared => peer("redb", ", several writers, synced"),
            Self::Redb => peer("redb", ", not synced"),
            Self::Fjall => peer("fjall", ""),
            Self::Foyer => peer("foyer", ", hybrid"),
        }
    }
}
