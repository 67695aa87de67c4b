//! Tags: names that entries have in common, so that one call ends all entries of a name.
//!
//! An entry keeps, for each of its tags, the [token](crate::cache::tokens) that the tag had before
//! the computation began. It is valid as long as the store has the same ones: an invalidation that
//! comes while it is computed, and one that comes later, leave it behind alike.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use crate::cache::Inner;
use crate::cache::tokens::{self, TokenState};
use crate::envelope::TagVersion;
use crate::error::Error;
use crate::key::StoreKey;

/// The most tags that one entry may have.
pub const MAX_TAGS: usize = 8;

/// Of how many tags a process remembers the tokens that it has seen (about 2 MB).
const MAX_SEEN: usize = 1 << 16;

/// The names of the tags of one call.
///
/// ```
/// use cachekit_core::cache::Tags;
///
/// let mut tags = Tags::new();
/// tags.push("catalog");
/// tags.begin();
/// tags.text("user:");
/// tags.placeholder(&42);
/// assert_eq!(tags.len(), 2); // `catalog` and `user:42`
/// ```
///
/// An entry has at most [`MAX_TAGS`]; one that would have more is not stored. `Debug` does not
/// show the names.
#[derive(Clone, Default)]
pub struct Tags(Vec<String>);

impl Tags {
    /// No tags.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a name.
    pub fn push(&mut self, name: &str) {
        self.begin();
        self.text(name);
    }

    /// Begins another name, which [`text`](Self::text) and [`placeholder`](Self::placeholder)
    /// write.
    pub fn begin(&mut self) {
        self.0.push(String::new());
    }

    /// A literal part of the name.
    pub fn text(&mut self, literal: &str) {
        self.placeholder(&literal);
    }

    /// What `value` displays, as it is: whoever invalidates the tag writes it with `format!`.
    /// Should two tags come to one name by that, each ends the entries of both.
    pub fn placeholder(&mut self, value: &dyn fmt::Display) {
        use fmt::Write;
        if let Some(name) = self.0.last_mut() {
            // A String never fails; a `Display` that does leaves what it wrote so far.
            let _ = write!(name, "{value}");
        }
    }

    /// How many names were written, the same one as often as it was.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hash of each name, once.
    pub(crate) fn hashes(&self) -> Vec<u64> {
        let mut hashes: Vec<u64> = self.0.iter().map(|name| hash(name)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tags({})", self.len())
    }
}

/// What stands for a name everywhere. Should two names have one hash, each ends the entries of
/// both.
pub(crate) fn hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

/// What the store says of some tags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions(Vec<(u64, TokenState)>);

/// What the tags of an entry come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Valid,
    /// One of its tags was invalidated, or may have been: it is not served again.
    Invalid,
    /// Nobody can say: it may be served as what is in grace is, and not as fresh.
    Stale,
}

impl Versions {
    /// The tags of an entry whose computation begins after this: with a token for each of `names`,
    /// or none, if the entry cannot be stored.
    pub(crate) fn captured(&self, names: &[u64]) -> Option<Vec<TagVersion>> {
        let version = |&name| {
            let token = self.state(name)?.known()?;
            Some(TagVersion { name, token })
        };
        let fit = names.len() <= MAX_TAGS;
        fit.then(|| names.iter().map(version).collect())?
    }

    /// What is known of these alone.
    pub(crate) fn of(&self, names: &[u64]) -> Self {
        let known = |&name| Some((name, self.state(name)?.clone()));
        Self(names.iter().filter_map(known).collect())
    }

    /// Adds what was read of other tags.
    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Those tags of entries that nothing is known of yet: the code does not declare them.
    pub(crate) fn unread(&self, entries: &[TagVersion]) -> Vec<u64> {
        let names = entries.iter().map(|tag| tag.name);
        let mut names: Vec<u64> = names.filter(|&name| self.state(name).is_none()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Why some could not be read.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.0.iter().find_map(|(_, state)| match state {
            TokenState::Unreachable(error) => Some(error),
            TokenState::Known(_) | TokenState::Missing => None,
        })
    }

    fn state(&self, name: u64) -> Option<&TokenState> {
        let of_name = self.0.iter().find(|(known, _)| *known == name);
        of_name.map(|(_, state)| state)
    }
}

/// What becomes of an entry with these tags, where the code declares those.
pub(crate) fn check(entry: &[TagVersion], declared: &[u64], read: &Versions) -> Verdict {
    let lacks = |name: &u64| entry.iter().all(|tag| tag.name != *name);
    if declared.iter().any(lacks) {
        return Verdict::Invalid;
    }
    let mut verdict = Verdict::Valid;
    for tag in entry {
        match read.state(tag.name) {
            Some(TokenState::Known(token)) if *token == tag.token => {}
            Some(TokenState::Known(_) | TokenState::Missing) => return Verdict::Invalid,
            Some(TokenState::Unreachable(_)) | None => verdict = Verdict::Stale,
        }
    }
    verdict
}

/// Reads the tokens of the tags `names`, in one call of the backend. Without a backend: nothing.
pub(crate) async fn read(inner: &Inner, names: &[u64]) -> Versions {
    ask(inner, names, false).await
}

/// The same for a computation that is to begin: missing tokens are made.
pub(crate) async fn capture(inner: &Inner, versions: &mut Versions) {
    let missing =
        |(name, state): &(u64, TokenState)| matches!(state, TokenState::Missing).then_some(*name);
    let names: Vec<u64> = versions.0.iter().filter_map(missing).collect();
    for (name, state) in ask(inner, &names, true).await.0 {
        if let Some(known) = versions.0.iter_mut().find(|(known, _)| *known == name) {
            known.1 = state;
        }
    }
}

/// What is known of the tags `names`, that a computation has named while it ran, since it began at
/// `started_ms`, monotonic: the tokens that this process had seen before and that have stayed. One
/// that it sees now for the first time may stand for what an invalidation has left behind
/// meanwhile; the next computation may use it.
pub(crate) async fn late(inner: &Inner, names: &[u64], started_ms: u64) -> Versions {
    let before: Vec<Option<u64>> = {
        let seen = inner.seen_tags.lock();
        let before = |name| seen.get(name).filter(|seen| seen.since_ms < started_ms);
        names
            .iter()
            .map(|name| before(name).map(|seen| seen.token))
            .collect()
    };
    let mut versions = read(inner, names).await;
    capture(inner, &mut versions).await;
    for ((_, state), before) in versions.0.iter_mut().zip(before) {
        if state.known() != before {
            *state = TokenState::Missing;
        }
    }
    versions
}

/// What these tags, as they were when a computation began, come to now. The store has to be asked
/// only if the computation took longer than the bound of L1.
pub(crate) async fn check_again(inner: &Inner, stored: &[TagVersion]) -> Verdict {
    let names: Vec<u64> = stored.iter().map(|tag| tag.name).collect();
    check(stored, &[], &read(inner, &names).await)
}

async fn ask(inner: &Inner, names: &[u64], make: bool) -> Versions {
    let Some(backend) = inner.backend.as_ref().filter(|_| !names.is_empty()) else {
        return Versions::default();
    };
    let namespace = &inner.config.namespace;
    let place = |name: &u64| Some((*name, tokens::tag_key(namespace, *name).ok()?));
    let (names, keys): (Vec<u64>, Vec<StoreKey>) = names.iter().filter_map(place).unzip();
    let states = if make {
        tokens::make(inner, backend, &keys).await
    } else {
        tokens::read(backend, &keys).await
    };
    let versions = Versions(names.into_iter().zip(states).collect());
    inner.seen_tags.note(&versions, inner.clock.monotonic_ms());
    versions
}

/// The tokens that this process has seen, and since when. Bounded: all are forgotten when there
/// are too many, and seen again.
#[derive(Debug, Default)]
pub(crate) struct SeenTags(Mutex<HashMap<u64, Seen>>);

#[derive(Clone, Copy, Debug)]
struct Seen {
    token: u64,
    since_ms: u64,
}

impl SeenTags {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, versions: &Versions, now_ms: u64) {
        let mut all = self.lock();
        for (name, state) in &versions.0 {
            let Some(token) = state.known() else {
                continue;
            };
            if all.len() >= MAX_SEEN && !all.contains_key(name) {
                all.clear();
            }
            let seen = Seen {
                token,
                since_ms: now_ms,
            };
            let noted = all.entry(*name).or_insert(seen);
            if noted.token != token {
                *noted = seen;
            }
        }
    }
}

#[cfg(test)]
mod tests;
