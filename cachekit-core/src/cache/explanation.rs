//! What a call would find, and why: the answer of [`Cache::explain`](crate::cache::Cache::explain).

use std::fmt;
use std::time::Duration;

use crate::cache::entry::Miss;
use crate::cache::stats::Event;
use crate::error::Error;

/// What a call would find at this moment, and why.
///
/// `Debug` and `Display` show neither arguments nor values: keys and tags are told by digests, the
/// same ones that are in logs. `Display` is for people, and its form may change.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The name of the function, with its module.
    pub function: String,
    /// What a call would come to.
    pub outcome: Outcome,
    /// Why not to a fresh value, where it would not.
    pub reason: Option<Reason>,
    /// What this process has.
    pub here: Here,
    /// Whether the key is being computed in this process.
    pub computing: bool,
    /// What the backend has; `None` where there is none, and for values that stay in the process.
    pub stored: Option<StoredEntry>,
}

/// What a call comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A fresh value, from this process or from the backend.
    Hit,
    /// A value in grace, without waiting for a new one.
    Stale,
    /// The answer that there is nothing, remembered from a computation that said so. Where the
    /// error of the function cannot say so it is computed.
    Absent,
    /// The result of a computation that this process has begun.
    Coalesced,
    /// A computation of its own.
    Miss,
    /// A computation past the cache.
    Bypass,
}

/// Why there is no fresh value. The words are those of [`Stats`](crate::cache::Stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// There is nothing, or no longer.
    Cold,
    /// The ttl is over. In this process also: somebody has expired it.
    Expired,
    /// Somebody has expired it.
    Invalidated,
    /// A tag was removed, is not in the entry, or cannot be read.
    Tag,
    /// The entry is damaged.
    Corrupt,
    /// The entry is that of another key.
    OtherKey,
    /// The entry is in another form: another codec, or bytes of another type.
    Schema,
    /// The entry has a format from the future.
    UnknownVersion,
    /// The backend cannot be reached.
    Away,
    /// Results of this key are not stored: they are for one caller alone, or cannot be.
    NotStored,
}

/// What this process has of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Here {
    /// A fresh value.
    Fresh {
        /// For how long it stays so.
        left: Duration,
    },
    /// A fresh value that one caller is to compute anew before its time.
    Early {
        /// For how long it stays fresh.
        left: Duration,
    },
    /// A value in grace.
    Grace {
        /// Whether it is given out for now, because a computation failed not long ago.
        throttled: bool,
    },
    /// The answer that there is nothing.
    Absent,
    /// The note that results of this key are not stored.
    Pass,
    /// The note that a computation has failed not long ago: what the backend has in grace is given
    /// out for now.
    Failed,
    /// Nothing.
    Nothing,
}

/// What a backend has of a key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredEntry {
    /// The digest of the key in the store. Empty if nobody knows the key, because the token of its
    /// namespace is missing or cannot be read.
    pub key: String,
    /// Format, codec and schema of the values, as they are in the key.
    pub release: String,
    /// The node that has the key, where the backend has nodes.
    pub owner: Option<String>,
    /// The entry, if there is one that can be read.
    pub entry: Option<EntryFacts>,
    /// Why it is no fresh one, if it is not.
    pub reason: Option<Reason>,
    /// Why the backend could not be asked.
    pub error: Option<Error>,
}

/// What an entry tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EntryFacts {
    /// How long ago it was computed, by the clocks of who computed it and of this process.
    pub age: Duration,
    /// The ttl that it was stored with.
    pub ttl: Duration,
    /// For how long it is fresh; zero: it is in grace.
    pub fresh: Duration,
    /// For how long it is in grace after that.
    pub grace: Duration,
    /// How long its computation took.
    pub cost: Duration,
    /// Its size, encoded.
    pub bytes: usize,
    /// Whether it says that there is nothing.
    pub absent: bool,
    /// Its tags, and those that it should have.
    pub tags: Vec<TagFacts>,
}

/// How a tag of an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagFacts {
    /// The hash of its name.
    pub digest: u64,
    /// How it stands.
    pub standing: TagStanding,
}

/// How a tag of an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagStanding {
    /// It was not removed since the entry was computed.
    Valid,
    /// It was removed, or its token in the store is lost.
    Removed,
    /// The function declares it, and the entry does not have it.
    NotInEntry,
    /// Nobody can say.
    Unknown,
}

impl Reason {
    /// The word for it that metrics and logs have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cold => Event::Cold.name(),
            Self::Expired => Event::Expired.name(),
            Self::Invalidated => Event::Invalidated.name(),
            Self::Tag => Event::Tag.name(),
            Self::Corrupt => Event::Corrupt.name(),
            Self::OtherKey => Event::OtherKey.name(),
            Self::Schema => Event::Schema.name(),
            Self::UnknownVersion => Event::UnknownVersion.name(),
            Self::Away => "away",
            Self::NotStored => "not_stored",
        }
    }
}

impl From<Miss> for Reason {
    fn from(miss: Miss) -> Self {
        match miss.event() {
            Event::Expired => Self::Expired,
            Event::Invalidated => Self::Invalidated,
            Event::Tag => Self::Tag,
            Event::OtherKey => Self::OtherKey,
            Event::Schema => Self::Schema,
            Event::UnknownVersion => Self::UnknownVersion,
            Event::Corrupt => Self::Corrupt,
            Event::Uncacheable => Self::NotStored,
            _ => Self::Cold,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.function, self.outcome)?;
        if let Some(reason) = self.reason {
            write!(f, " ({})", reason.as_str())?;
        }
        write!(f, "\n  in this process: {}", self.here)?;
        if self.computing {
            f.write_str(", being computed")?;
        }
        match &self.stored {
            Some(stored) => write!(f, "\n  {stored}"),
            None => f.write_str("\n  kept in this process only"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Absent => "absent",
            Self::Coalesced => "coalesced",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        })
    }
}

impl fmt::Display for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh { left } => write!(f, "fresh for {left:?}"),
            Self::Early { left } => write!(f, "fresh for {left:?}, about to be refreshed"),
            Self::Grace { throttled: false } => f.write_str("in grace"),
            Self::Grace { throttled: true } => f.write_str("in grace, served for now"),
            Self::Absent => f.write_str("known to be absent"),
            Self::Pass => f.write_str("known not to be stored"),
            Self::Failed => f.write_str("known to have failed, left alone for now"),
            Self::Nothing => f.write_str("nothing"),
        }
    }
}

impl fmt::Display for StoredEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "backend: key {}, release {}", self.key, self.release)?;
        if let Some(owner) = &self.owner {
            write!(f, ", on {owner}")?;
        }
        match (&self.entry, self.reason, &self.error) {
            (_, _, Some(error)) => write!(f, "\n    {error}"),
            (Some(entry), None, _) => write!(f, "\n    {entry}"),
            (Some(entry), Some(reason), _) => write!(f, "\n    {}: {entry}", reason.as_str()),
            (None, Some(reason), _) => write!(f, "\n    {}", reason.as_str()),
            (None, None, _) => Ok(()),
        }
    }
}

impl fmt::Display for EntryFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            age,
            ttl,
            fresh,
            grace,
            cost,
            bytes,
            ..
        } = self;
        write!(
            f,
            "computed {age:?} ago in {cost:?}, ttl {ttl:?}: fresh for {fresh:?}, then in grace for \
             {grace:?}; {bytes} bytes"
        )?;
        if self.absent {
            f.write_str("; says that there is nothing")?;
        }
        for TagFacts { digest, standing } in &self.tags {
            write!(f, "\n    tag {digest:016x}: {standing}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TagStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "valid",
            Self::Removed => "removed",
            Self::NotInEntry => "not in the entry",
            Self::Unknown => "unknown",
        })
    }
}
