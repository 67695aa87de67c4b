//! Tokens: random numbers in the store that stand for what many entries have in common, a tag or a
//! namespace. To remove the token invalidates all of them, however many and wherever they lie.
//!
//! A token is never used twice and only compared, so nothing depends on anybody's clock: one that
//! was evicted, damaged or lost with its node is missing, and whoever needs it then makes another
//! one, to which no entry that is there belongs. It is removed, not replaced: a store sees to it
//! that a removal arrives (where a node that is away comes back, where another one stood in).
//!
//! It is made by the one reader whom the store gives the lead, and used once the store has said
//! that it is there. Without a fence, a write that was sent twice and delayed could bring a token
//! back that was removed in the meantime, and the entries with it; a store that cannot lead is
//! exposed to that.

use std::hash::{BuildHasher, RandomState};
use std::process;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::backend::{Backend, Lead, Lookup, NewEntry, Stored, Ttl, Want};
use crate::cache::Inner;
use crate::error::{Error, Result};
use crate::key::{KeyBuffer, StoreKey};

/// How often a process that is disturbed by others tries to make a token.
const ATTEMPTS: usize = 8;
const PAUSE: Duration = Duration::from_millis(5);
/// A process may take two seconds to write one. One that is cancelled in between keeps the others
/// from making it for so long; what they compute is not stored.
const LEAD: Want = Want::Lead {
    hold: Ttl::from_secs(2),
    early: Duration::ZERO,
    patience: Duration::ZERO,
};

/// What the store says of a token.
#[derive(Clone, Debug)]
pub(crate) enum TokenState {
    Known(u64),
    /// It is not there, or not whole: what was stored under it is invalid.
    Missing,
    /// Nobody can say.
    Unreachable(Error),
}

impl TokenState {
    pub(crate) fn known(&self) -> Option<u64> {
        match self {
            Self::Known(token) => Some(*token),
            Self::Missing | Self::Unreachable(_) => None,
        }
    }
}

/// The key of the token of the tag with this hash. A reader that finds a tag in an entry knows no
/// more than the hash.
///
/// # Errors
/// None that a namespace or a hash can cause.
pub(crate) fn tag_key(namespace: &str, hash: u64) -> Result<StoreKey> {
    key(namespace, "#tag", &format_args!("{hash:016x}"))
}

/// The key of the token of a namespace of functions.
///
/// # Errors
/// As of [`tag_key`].
pub(crate) fn namespace_key(namespace: &str, name: &str) -> Result<StoreKey> {
    key(namespace, "#namespace", &name)
}

/// Below the namespace of the cache. No key of an entry has a `#` there: it would be escaped.
fn key(namespace: &str, kind: &str, name: &dyn std::fmt::Display) -> Result<StoreKey> {
    let mut key = KeyBuffer::new();
    if !namespace.is_empty() {
        key.push_escaped(&namespace);
        key.push(b':');
    }
    key.extend(kind.as_bytes());
    key.push(b':');
    key.push_escaped(name);
    StoreKey::new(String::from_utf8_lossy(key.bytes()))
}

/// Reads the token of each of `keys`, in one call of the backend.
pub(crate) async fn read(backend: &Arc<dyn Backend>, keys: &[StoreKey]) -> Vec<TokenState> {
    if keys.is_empty() {
        return Vec::new();
    }
    let lookups = backend.get_many(keys, Want::Value).await;
    let state = |(key, lookup): (&StoreKey, Result<Lookup>)| match lookup {
        Ok(lookup) => whole(key, &lookup).map_or(TokenState::Missing, TokenState::Known),
        Err(error) => TokenState::Unreachable(error),
    };
    keys.iter().zip(lookups).map(state).collect()
}

/// Makes the token of each of `keys` that has none; those that there are stay. One that others
/// keep this process from making is [`Missing`](TokenState::Missing) still.
pub(crate) async fn make(
    inner: &Inner,
    backend: &Arc<dyn Backend>,
    keys: &[StoreKey],
) -> Vec<TokenState> {
    let mut states = vec![TokenState::Missing; keys.len()];
    for attempt in 0..ATTEMPTS {
        let missing: Vec<usize> = (0..keys.len())
            .filter(|&index| matches!(states[index], TokenState::Missing))
            .collect();
        if missing.is_empty() {
            break;
        }
        if attempt > 0 {
            inner.clock.sleep(PAUSE).await;
        }
        try_to_make(inner, backend, keys, &missing, &mut states).await;
    }
    states
}

/// Asks once for the lead of those that are `missing`, and makes those that it is given for.
async fn try_to_make(
    inner: &Inner,
    backend: &Arc<dyn Backend>,
    keys: &[StoreKey],
    missing: &[usize],
    states: &mut [TokenState],
) {
    let asked: Vec<StoreKey> = missing.iter().map(|&index| keys[index].clone()).collect();
    let lookups = backend.get_many(&asked, LEAD).await;
    let (mut led, mut entries, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
    for ((&index, key), lookup) in missing.iter().zip(asked).zip(lookups) {
        match lookup.map(|lookup| (whole(&key, &lookup), lookup.lead)) {
            Err(error) => states[index] = TokenState::Unreachable(error),
            Ok((Some(token), _)) => states[index] = TokenState::Known(token),
            Ok((None, Lead::Other)) => {}
            // Nobody is given the lead of what is there, though it cannot be read.
            Ok((None, Lead::None)) => damaged.push(key),
            Ok((None, lead)) => {
                let token = random(inner);
                led.push((index, token));
                entries.push(entry(key, token, lead));
            }
        }
    }
    if !damaged.is_empty() {
        // One that cannot be removed is found damaged again.
        backend.remove_many(&damaged).await;
    }
    if !entries.is_empty() {
        let outcomes = backend.set_many(entries).await;
        for ((index, token), outcome) in led.into_iter().zip(outcomes) {
            states[index] = written(token, outcome);
        }
    }
}

/// What a token is once it was written.
fn written(token: u64, outcome: Result<Stored>) -> TokenState {
    match outcome {
        Ok(Stored::Stored) => TokenState::Known(token),
        Ok(Stored::Superseded(_)) => TokenState::Missing,
        Err(error) => TokenState::Unreachable(error),
    }
}

fn entry(key: StoreKey, token: u64, lead: Lead) -> NewEntry {
    NewEntry {
        value: write(&key, token),
        key,
        ttl: Ttl::NEVER,
        lead: lead.token(),
    }
}

/// As random as the keys of the hash tables of this process, which no other has.
fn random(inner: &Inner) -> u64 {
    RandomState::new().hash_one((process::id(), inner.clock.unix_ms()))
}

/// A checksum and the token: text, to be read by eye.
fn write(key: &StoreKey, token: u64) -> Bytes {
    format!("{:016x} {token:016x}", checksum(key, token)).into()
}

/// The token of `key`, if it is there and whole.
fn whole(key: &StoreKey, lookup: &Lookup) -> Option<u64> {
    let found = lookup.found.as_ref().filter(|found| !found.stale)?;
    let (_, token) = std::str::from_utf8(&found.value).ok()?.split_once(' ')?;
    let token = u64::from_str_radix(token, 16).ok()?;
    (found.value == write(key, token)).then_some(token)
}

/// Of the key as well: a token that is found under another key is not whole.
fn checksum(key: &StoreKey, token: u64) -> u64 {
    xxh3_64(format!("{} {token:016x}", key.as_str()).as_bytes())
}
