//! What is called, and how what it computes goes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Compute {
        key: u8,
        detached: bool,
        origin: Origin,
    },
    ComputeMany {
        keys: Vec<u8>,
        detached: bool,
        origin: Origin,
    },
    Get {
        key: u8,
    },
    GetMany {
        keys: Vec<u8>,
    },
    Set {
        key: u8,
    },
    Expire {
        key: u8,
    },
    Remove {
        key: u8,
    },
    RemoveTag {
        tag: u8,
    },
    RemoveNamespace,
}

/// How a computation goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) after: Duration,
    pub(crate) mood: Mood,
    pub(crate) says: Says,
    /// What it asks for before it answers: the first of these, whose computation asks for the next.
    pub(crate) asks: Vec<Ask>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) key: u8,
    pub(crate) detached: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Answers,
    Fails,
    Panics,
    NeverReturns,
}

/// What is said of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Says {
    Nothing,
    /// It is for its caller alone.
    NoStore,
    /// It is for those who wait, and not to be stored.
    Unless,
}

impl Operation {
    /// Which of so many keys a writer means, who has raised their versions in the source of truth
    /// before.
    pub(crate) fn writes(&self, keys: u8) -> Vec<u8> {
        match *self {
            Self::Compute { .. }
            | Self::ComputeMany { .. }
            | Self::Get { .. }
            | Self::GetMany { .. } => Vec::new(),
            Self::Set { key } | Self::Expire { key } | Self::Remove { key } => vec![key],
            Self::RemoveTag { tag } => (0..keys).filter(|key| tag_of(*key) == tag).collect(),
            Self::RemoveNamespace => (0..keys).collect(),
        }
    }

    /// How what it may compute goes.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Compute { origin, .. } | Self::ComputeMany { origin, .. } => Some(origin),
            _ => None,
        }
    }

    /// Whether it may compute `key`.
    pub(crate) fn computes(&self, key: u8) -> bool {
        match self {
            Self::Compute { key: computed, .. } => *computed == key,
            Self::ComputeMany { keys, .. } => keys.contains(&key),
            _ => false,
        }
    }
}

/// The tag of a key, where entries have tags.
pub(crate) fn tag_of(key: u8) -> u8 {
    key % 2
}

/// Whether the origin does not have a key in this version, as far as calls for many are told.
pub(crate) fn is_absent(version: u32) -> bool {
    version % 4 == 3
}
