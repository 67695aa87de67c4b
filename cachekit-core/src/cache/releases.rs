//! Which releases of a function have entries in the store, so that an invalidation in one reaches
//! the entries of all.
//!
//! Entries of different types lie under different keys. Each function keeps one small entry in the
//! store, the list of its recent releases. A process adds its own release *before* it computes
//! anything: an invalidation that does not see it there has happened before the computation began,
//! which then reads the new truth.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::backend::{Backend, Lead, Lookup, Stored, Ttl, Want};
use crate::cache::Inner;
use crate::cache::form::Release;
use crate::error::{Error, ErrorKind, Result};
use crate::key::StoreKey;

/// The list may be evicted: every process looks again after this long, in milliseconds.
const RECHECK_MS: u64 = 60_000;
/// A list that could not be reached is left alone for this long, in milliseconds: a node that does
/// not answer would hold up every call of the function for its timeout, one after the other.
const RETRY_MS: u64 = 1_000;
/// Older releases than this many are forgotten; their entries end by their ttl.
const MOST: usize = 16;
/// How often a process that is disturbed by others tries to add itself.
const ATTEMPTS: usize = 8;
/// A process may take two seconds to write the list.
const LEAD: Want = Want::Lead {
    hold: Ttl::from_secs(2),
    early: Duration::ZERO,
    patience: Duration::ZERO,
};
const PAUSE: Duration = Duration::from_millis(5);

/// What this process has registered: the releases of each function.
#[derive(Debug, Default)]
pub(crate) struct Releases(Mutex<HashMap<(String, Release), Arc<Registration>>>);

/// One release of one function. One caller at a time adds it; those who came meanwhile share how
/// that went.
#[derive(Debug, Default)]
struct Registration {
    attempts: AtomicU64,
    state: tokio::sync::Mutex<Registered>,
}

#[derive(Debug, Default)]
struct Registered {
    /// When it was last seen in the list.
    seen_ms: Option<u64>,
    /// What became of the last attempt, if it failed, and when that was.
    failure: Option<(Error, u64)>,
}

impl Releases {
    /// Makes sure that `release` of the function `head` is in the store's list. Once it was, that
    /// the list cannot be looked at again is counted and otherwise ignored.
    ///
    /// # Errors
    /// Those of the backend. Nothing may be stored then: an invalidation in another release would
    /// not reach it.
    pub(crate) async fn register(
        &self,
        inner: &Arc<Inner>,
        head: &str,
        release: Release,
    ) -> Result<()> {
        if inner.backend.is_none() {
            return Ok(());
        }
        let registration = self.of(head, release);
        if registration.is_known(inner) {
            return Ok(());
        }
        let (of, head) = (Arc::clone(inner), head.to_owned());
        let look = async move { registration.look(&of, &head, release).await };
        inner.apart(look).await?
    }

    fn of(&self, head: &str, release: Release) -> Arc<Registration> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry((head.to_owned(), release)).or_default())
    }
}

impl Registration {
    /// Whether it was seen not long ago, as far as that can be told without waiting.
    fn is_known(&self, inner: &Inner) -> bool {
        let state = self.state.try_lock();
        state.is_ok_and(|state| state.is_known(inner.clock.monotonic_ms()))
    }

    async fn look(&self, inner: &Inner, head: &str, release: Release) -> Result<()> {
        let Some(backend) = &inner.backend else {
            return Ok(());
        };
        let attempts = self.attempts.load(Ordering::SeqCst);
        let mut state = self.state.lock().await;
        let now_ms = inner.clock.monotonic_ms();
        let attempted = self.attempts.load(Ordering::SeqCst) != attempts;
        if !attempted && !state.is_known(now_ms) && !state.has_failed(now_ms) {
            let added = add(inner, backend, head, &release.to_string()).await;
            self.attempts.fetch_add(1, Ordering::SeqCst);
            if added.is_ok() {
                state.seen_ms = Some(now_ms);
            }
            let failure = added.inspect_err(|error| inner.trouble(error)).err();
            state.failure = failure.map(|error| (error, now_ms));
        }
        match (&state.seen_ms, &state.failure) {
            (None, Some((failure, _))) => Err(failure.clone()),
            _ => Ok(()),
        }
    }
}

impl Registered {
    fn is_known(&self, now_ms: u64) -> bool {
        let recent = |seen_ms| now_ms.saturating_sub(seen_ms) < RECHECK_MS;
        self.seen_ms.is_some_and(recent)
    }

    fn has_failed(&self, now_ms: u64) -> bool {
        let failure = self.failure.as_ref();
        failure.is_some_and(|(_, at_ms)| now_ms.saturating_sub(*at_ms) < RETRY_MS)
    }
}

/// The releases of the function `head` that the store knows of.
///
/// # Errors
/// Those of the backend.
pub(crate) async fn listed(backend: &Arc<dyn Backend>, head: &str) -> Result<Vec<String>> {
    let lookup = backend.get(&list_key(head)?, Want::Value).await?;
    Ok(parse(&lookup))
}

fn list_key(head: &str) -> Result<StoreKey> {
    StoreKey::new(format!("{head}:releases"))
}

/// Adds `release` to the list. Writers are kept apart by the lead: each expires the list that is
/// there, leads, and writes with its token, which fails if another came in between.
async fn add(inner: &Inner, backend: &Arc<dyn Backend>, head: &str, release: &str) -> Result<()> {
    let key = list_key(head)?;
    for _ in 0..ATTEMPTS {
        let seen = backend.get(&key, Want::Value).await?;
        let known = parse(&seen);
        let stale = seen.found.as_ref().is_some_and(|found| found.stale);
        if known.iter().any(|known| known == release) && !stale {
            return Ok(());
        }
        let led = lead(backend, &key, seen.found.is_some()).await?;
        let list = with_first(release, known.into_iter().chain(parse(&led)));
        if matches!(led.lead, Lead::None | Lead::Other) {
            inner.clock.sleep(PAUSE).await;
            continue;
        }
        let fenced = matches!(led.lead, Lead::Mine(_));
        let token = led.lead.token();
        let set = backend.set(&key, write(&list), Ttl::NEVER, token.as_ref());
        if set.await? == Stored::Stored && fenced {
            return Ok(());
        }
        // Overtaken, or written without a fence: look again.
    }
    let detail = "other processes kept this one out of the list of releases";
    Err(Error::with_detail(ErrorKind::Overloaded, "cache", detail))
}

/// Asks for the list and the lead.
async fn lead(backend: &Arc<dyn Backend>, key: &StoreKey, is_there: bool) -> Result<Lookup> {
    if is_there {
        // Only so that the read below is given the lead. While the owner of the list is away this
        // is an error, although the node that stands in for it has got it.
        let _ = backend.expire(key).await;
    }
    backend.get(key, LEAD).await
}

/// `release`, and behind it the others that are `known`, once each.
fn with_first(release: &str, known: impl Iterator<Item = String>) -> Vec<String> {
    let mut list = vec![release.to_owned()];
    for known in known {
        if !list.contains(&known) {
            list.push(known);
        }
    }
    list.truncate(MOST);
    list
}

/// A checksum and the releases, separated by spaces: text, to be read by eye.
fn write(releases: &[String]) -> Bytes {
    let releases = releases.join(" ");
    format!("{:016x} {releases}", xxh3_64(releases.as_bytes())).into()
}

fn parse(lookup: &Lookup) -> Vec<String> {
    let Some(found) = &lookup.found else {
        return Vec::new();
    };
    let Ok(text) = std::str::from_utf8(&found.value) else {
        return Vec::new();
    };
    match text.split_once(' ') {
        Some((checksum, releases))
            if checksum == format!("{:016x}", xxh3_64(releases.as_bytes())) =>
        {
            releases.split(' ').map(str::to_owned).collect()
        }
        _ => Vec::new(), // damaged: as if it had been evicted
    }
}
