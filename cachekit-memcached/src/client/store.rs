//! Writing items.

use std::borrow::Cow;

use bytes::Bytes;
use cachekit_core::backend::Ttl;
use cachekit_core::error::{ErrorKind, Result};
use tokio::time::Instant;

use super::{Answered, Client, Cluster, Target, delete, unexpected};
use crate::error::Failure;
use crate::protocol::{Code, Dialect, Mode, Request, Set, max_value_len};

const SET: &str = "memcached set";
const SET_MANY: &str = "memcached set_many";
const ADD: &str = "memcached add";
const REPLACE: &str = "memcached replace";
const CAS: &str = "memcached cas";

/// Bytes to be written, and their client flags. Whatever turns into [`Bytes`] turns into a payload
/// with flags of zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The bytes.
    pub data: Bytes,
    /// Client flags: what clients of other languages use for the type of the bytes. Most of them
    /// take zero for bytes or text, and fail on flags that they do not know.
    pub flags: u32,
}

/// What became of an [`add`](Client::add) or a [`replace`](Client::replace).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Stored {
    /// It is stored.
    Stored,
    /// It is not: to an `add` there was an item, to a `replace` none.
    NotStored,
}

/// What became of a [`cas`](Client::cas).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Swapped {
    /// It is stored.
    Stored,
    /// It is not: the item was written since it was read.
    Exists,
    /// It is not: the item is gone.
    NotFound,
}

impl Payload {
    /// These bytes with these client flags.
    #[must_use]
    pub fn new(data: impl Into<Bytes>, flags: u32) -> Self {
        let data = data.into();
        Self { data, flags }
    }
}

impl<T: Into<Bytes>> From<T> for Payload {
    fn from(data: T) -> Self {
        Self::new(data, 0)
    }
}

impl Client {
    /// Writes an item, to be gone after `ttl`, whatever was there.
    ///
    /// # Errors
    /// See [`Client`]. A value over the server's limit is `TooLarge`, which names the limit, and
    /// the item that it was to replace is removed: keeping it would serve what the caller replaced.
    pub async fn set(
        &self,
        key: impl AsRef<[u8]>,
        value: impl Into<Payload>,
        ttl: Ttl,
    ) -> Result<()> {
        let code = self.store(key.as_ref(), value.into(), ttl, Mode::Set, None);
        let outcome = code.await.and_then(done);
        outcome.map_err(|failure| failure.into_error(SET))
    }

    /// [`set`](Self::set) for many items, all servers at the same time. Results are in the order of
    /// `items`, each with its own error: a server that is away fails its own items and no other.
    pub async fn set_many<K, V>(
        &self,
        items: impl IntoIterator<Item = (K, V)>,
        ttl: Ttl,
    ) -> Vec<Result<()>>
    where
        K: AsRef<[u8]>,
        V: Into<Payload>,
    {
        let (keys, values): (Vec<K>, Vec<Payload>) = items
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .unzip();
        let sets = keys.iter().zip(values);
        let sets = sets
            .map(|(key, value)| self.new_set(key.as_ref(), value, ttl, Mode::Set, None))
            .collect();
        let outcomes = self.cluster.store_many(sets, &self.routes(&keys)).await;
        let result = |outcome: Result<Answered, Failure>| {
            let outcome = outcome.and_then(|answered| code(&answered)).and_then(done);
            outcome.map_err(|failure| failure.into_error(SET_MANY))
        };
        outcomes.into_iter().map(result).collect()
    }

    /// Writes an item where there is none. What holds the place of an entry that is being computed
    /// by a cache over the same servers counts as an item.
    ///
    /// # Errors
    /// See [`Client`]. `TooLarge` leaves what is there, unless the server finds it out by itself:
    /// one that tells no limit, and has a smaller one than the configuration says.
    pub async fn add(
        &self,
        key: impl AsRef<[u8]>,
        value: impl Into<Payload>,
        ttl: Ttl,
    ) -> Result<Stored> {
        let code = self.store(key.as_ref(), value.into(), ttl, Mode::Add, None);
        let outcome = code.await.and_then(stored);
        outcome.map_err(|failure| failure.into_error(ADD))
    }

    /// Writes an item where there is one.
    ///
    /// # Errors
    /// As of [`set`](Self::set).
    pub async fn replace(
        &self,
        key: impl AsRef<[u8]>,
        value: impl Into<Payload>,
        ttl: Ttl,
    ) -> Result<Stored> {
        let code = self.store(key.as_ref(), value.into(), ttl, Mode::Replace, None);
        let outcome = code.await.and_then(stored);
        outcome.map_err(|failure| failure.into_error(REPLACE))
    }

    /// Writes over the item that was read with the number `cas` (see [`Value::cas`]), if nothing
    /// was written there since.
    ///
    /// A server that counts no such numbers (`-C`) answers [`Swapped::Exists`] always.
    ///
    /// # Errors
    /// See [`Client`]. On `TooLarge` the item that was read is removed; what was written since
    /// stays, but for a server that has only the classic commands.
    ///
    /// [`Value::cas`]: crate::Value::cas
    pub async fn cas(
        &self,
        key: impl AsRef<[u8]>,
        value: impl Into<Payload>,
        ttl: Ttl,
        cas: u64,
    ) -> Result<Swapped> {
        let code = self.store(key.as_ref(), value.into(), ttl, Mode::Set, Some(cas));
        let outcome = code.await.and_then(swapped);
        outcome.map_err(|failure| failure.into_error(CAS))
    }

    async fn store(
        &self,
        key: &[u8],
        value: Payload,
        ttl: Ttl,
        mode: Mode,
        cas: Option<u64>,
    ) -> Result<Code, Failure> {
        let set = self.new_set(key, value, ttl, mode, cas)?;
        let deadline = self.cluster.deadline();
        let answered = self.cluster.store(&set, &self.route(key), deadline).await?;
        code(&answered)
    }

    fn new_set<'k>(
        &self,
        key: &'k [u8],
        value: Payload,
        ttl: Ttl,
        mode: Mode,
        cas: Option<u64>,
    ) -> Result<Set<'k>, Failure> {
        Ok(Set {
            key: self.cluster.keys.wire(key)?,
            value: value.data,
            exptime: self.cluster.exptime(ttl),
            client_flags: value.flags,
            cas,
            mode,
        })
    }
}

impl Cluster {
    /// Writes `set`. If it is refused for its size, what it was to replace is removed; where that
    /// fails, it is the graver failure.
    pub(crate) async fn store(
        &self,
        set: &Set<'_>,
        route: &str,
        deadline: Instant,
    ) -> Result<Answered, Failure> {
        let outcome = self.call(route, deadline, |target| target.fit(set)).await;
        self.cleaned(set, route, deadline, outcome).await
    }

    /// [`store`](Self::store) for many.
    async fn store_many(
        &self,
        sets: Vec<Result<Set<'_>, Failure>>,
        routes: &[Cow<'_, str>],
    ) -> Vec<Result<Answered, Failure>> {
        let deadline = self.deadline();
        let request = |index: usize, target: Target<'_>| match &sets[index] {
            Ok(set) => target.fit(set),
            Err(failure) => Err(failure.clone()),
        };
        let outcomes = self.call_many(routes, deadline, request).await;
        let mut results = Vec::with_capacity(outcomes.len());
        for ((outcome, set), route) in outcomes.into_iter().zip(&sets).zip(routes) {
            results.push(match set {
                Ok(set) => self.cleaned(set, route, deadline, outcome).await,
                Err(failure) => Err(failure.clone()),
            });
        }
        results
    }

    async fn cleaned(
        &self,
        set: &Set<'_>,
        route: &str,
        deadline: Instant,
        outcome: Result<Answered, Failure>,
    ) -> Result<Answered, Failure> {
        match outcome {
            Err(failure) if failure.kind == ErrorKind::TooLarge => {
                self.remove_replaced(set, route, deadline).await?;
                Err(failure)
            }
            outcome => outcome,
        }
    }

    /// Removes what `set` was to replace.
    async fn remove_replaced(
        &self,
        set: &Set<'_>,
        route: &str,
        deadline: Instant,
    ) -> Result<(), Failure> {
        match (set.mode, set.cas) {
            (Mode::Add, _) => {}
            (_, Some(cas)) => {
                // Where no deletion spares what is newer, all goes.
                let request = |target: Target<'_>| {
                    let spares = target.dialect() == Dialect::Meta;
                    Ok(delete(&set.key, spares.then_some(cas), false))
                };
                self.call(route, deadline, request).await?;
            }
            (_, None) => {
                let routes = [Cow::Borrowed(route)];
                let request = |_| delete(&set.key, None, false);
                let removed = self.invalidate_many(&routes, deadline, request);
                removed.await.swap_remove(0)?;
            }
        }
        Ok(())
    }
}

impl Target<'_> {
    /// `set` as it is written here: living no longer than it may, and no larger than the server
    /// takes, else [`ErrorKind::TooLarge`].
    pub(crate) fn fit<'k>(&self, set: &'k Set<'_>) -> Result<Request<'k>, Failure> {
        let item_size_max = self.node.item_size_max(self.link);
        let limit = max_value_len(item_size_max, set.key.stored_len(), set.client_flags);
        if set.value.len() > limit {
            self.node.refused_value();
            let length = set.value.len();
            let detail = format!("{length} bytes; the limit for this key is {limit}");
            return Err(Failure::new(ErrorKind::TooLarge, detail).at(self.node.name()));
        }
        Ok(Request::Set(Set {
            key: set.key.borrowed(),
            value: set.value.clone(),
            exptime: self.exptime(set.exptime),
            ..*set
        }))
    }
}

fn code(answered: &Answered) -> Result<Code, Failure> {
    let meta = answered.meta().ok_or_else(unexpected)?;
    Ok(meta.code)
}

fn done(code: Code) -> Result<(), Failure> {
    match code {
        Code::Done => Ok(()),
        _ => Err(unexpected()),
    }
}

fn stored(code: Code) -> Result<Stored, Failure> {
    match code {
        Code::Done => Ok(Stored::Stored),
        Code::NotStored => Ok(Stored::NotStored),
        _ => Err(unexpected()),
    }
}

fn swapped(code: Code) -> Result<Swapped, Failure> {
    match code {
        Code::Done => Ok(Swapped::Stored),
        Code::Exists => Ok(Swapped::Exists),
        Code::NotFound => Ok(Swapped::NotFound),
        _ => Err(unexpected()),
    }
}
