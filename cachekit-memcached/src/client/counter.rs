//! Counting.

use std::borrow::Cow;

use cachekit_core::backend::Ttl;
use cachekit_core::error::Result;
use tokio::time::Instant;

use super::{Client, Cluster, Target, unexpected};
use crate::error::Failure;
use crate::protocol::{Arithmetic, Code, Create, Dialect, Direction, Key, Mode, Request, Set};

const INCREMENT: &str = "memcached increment";
const DECREMENT: &str = "memcached decrement";

impl Client {
    /// Adds `by` to the number under `key` and tells the sum; `None` where there is no item. The
    /// item's time to live stays. After the largest `u64` comes 0.
    ///
    /// A number is an item of decimal digits, as [`set`](Self::set) or another client stores it.
    /// One that has become shorter is read by [`get`](Self::get) with spaces behind it.
    ///
    /// # Errors
    /// See [`Client`]. `Rejected` if the item is no number, or holds the place of an entry that a
    /// cache over the same servers computes. It is never sent twice.
    pub async fn increment(&self, key: impl AsRef<[u8]>, by: u64) -> Result<Option<u64>> {
        self.count(key.as_ref(), Direction::Up, by).await
    }

    /// [`increment`](Self::increment); where there is no item, `initial` is stored for `ttl`, and
    /// told.
    ///
    /// # Errors
    /// As of [`increment`](Self::increment).
    pub async fn increment_or_create(
        &self,
        key: impl AsRef<[u8]>,
        by: u64,
        initial: u64,
        ttl: Ttl,
    ) -> Result<u64> {
        self.count_or_create(key.as_ref(), Direction::Up, by, initial, ttl)
            .await
    }

    /// Takes `by` from the number under `key` and tells the rest, at least 0; `None` where there is
    /// no item. See [`increment`](Self::increment).
    ///
    /// # Errors
    /// As of [`increment`](Self::increment).
    pub async fn decrement(&self, key: impl AsRef<[u8]>, by: u64) -> Result<Option<u64>> {
        self.count(key.as_ref(), Direction::Down, by).await
    }

    /// [`decrement`](Self::decrement); where there is no item, `initial` is stored for `ttl`, and
    /// told.
    ///
    /// # Errors
    /// As of [`increment`](Self::increment).
    pub async fn decrement_or_create(
        &self,
        key: impl AsRef<[u8]>,
        by: u64,
        initial: u64,
        ttl: Ttl,
    ) -> Result<u64> {
        self.count_or_create(key.as_ref(), Direction::Down, by, initial, ttl)
            .await
    }

    async fn count(&self, key: &[u8], direction: Direction, by: u64) -> Result<Option<u64>> {
        let number = async { self.step(key, direction, by)?.run(None).await };
        number
            .await
            .map_err(|failure| failure.into_error(operation(direction)))
    }

    async fn count_or_create(
        &self,
        key: &[u8],
        direction: Direction,
        by: u64,
        initial: u64,
        ttl: Ttl,
    ) -> Result<u64> {
        let number = async {
            let step = self.step(key, direction, by)?;
            let exptime = self.cluster.exptime(ttl);
            step.run_or_begin(Create { initial, exptime }).await
        };
        number
            .await
            .map_err(|failure| failure.into_error(operation(direction)))
    }

    fn step<'a>(
        &'a self,
        key: &'a [u8],
        direction: Direction,
        by: u64,
    ) -> Result<Step<'a>, Failure> {
        Ok(Step {
            cluster: &self.cluster,
            key: self.cluster.keys.wire(key)?,
            route: self.route(key),
            direction,
            by,
            deadline: self.cluster.deadline(),
        })
    }
}

/// A step of a counter.
struct Step<'a> {
    cluster: &'a Cluster,
    key: Key<'a>,
    route: Cow<'a, str>,
    direction: Direction,
    by: u64,
    deadline: Instant,
}

impl Step<'_> {
    /// Takes the step, and tells the new number. `None`: there is no item, and the server begins
    /// none by itself.
    async fn run(&self, create: Option<Create>) -> Result<Option<u64>, Failure> {
        let request = |target: Target<'_>| {
            let begins = target.dialect() == Dialect::Meta;
            let create = create.filter(|_| begins).map(|create| Create {
                exptime: target.exptime(create.exptime),
                ..create
            });
            Ok(Request::Arithmetic(Arithmetic {
                key: self.key.borrowed(),
                direction: self.direction,
                by: self.by,
                create,
            }))
        };
        let answered = self.cluster.call(&self.route, self.deadline, request);
        let answered = answered.await?;
        let meta = answered.meta().ok_or_else(unexpected)?;
        match (meta.code, &meta.value) {
            (Code::NotFound, _) => Ok(None),
            (Code::Value, Some(digits)) => number(digits).map(Some).ok_or_else(unexpected),
            _ => Err(unexpected()),
        }
    }

    /// [`run`](Self::run); where there is no item, the counter begins.
    async fn run_or_begin(&self, create: Create) -> Result<u64, Failure> {
        loop {
            if let Some(number) = self.run(Some(create)).await? {
                return Ok(number);
            }
            // The server does not begin counters by itself. Where another caller is faster, what
            // it began is counted on.
            if self.begin(create).await? {
                return Ok(create.initial);
            }
        }
    }

    /// Stores the first number, unless there is an item by now: whether it did.
    async fn begin(&self, create: Create) -> Result<bool, Failure> {
        let first = Set {
            key: self.key.borrowed(),
            value: create.initial.to_string().into(),
            exptime: create.exptime,
            client_flags: 0,
            cas: None,
            mode: Mode::Add,
        };
        let stored = self.cluster.store(&first, &self.route, self.deadline);
        let stored = stored.await?;
        Ok(stored.meta().is_some_and(|meta| meta.code == Code::Done))
    }
}

const fn operation(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => INCREMENT,
        Direction::Down => DECREMENT,
    }
}

/// A number that has become shorter has spaces behind it.
fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits.trim_ascii_end())
        .ok()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_without_the_spaces_behind_it() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number(b"9 "), Some(9));
        for wrong in [b"".as_slice(), b" 9", b"x", b"-1", b"18446744073709551616"] {
            assert_eq!(number(wrong), None);
        }
    }
}
