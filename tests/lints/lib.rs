//! Functions of every kind as a crate with every lint writes them: `#[cached]` adds none.
//!
//! There is nothing to run; `cargo clippy --example lints` must find nothing.

#![deny(
    warnings,
    missing_debug_implementations,
    missing_docs,
    single_use_lifetimes,
    unnameable_types,
    unreachable_pub,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    clippy::restriction
)]
#![allow(
    clippy::arbitrary_source_item_ordering,
    clippy::blanket_clippy_restriction_lints,
    clippy::impl_trait_in_params,
    clippy::missing_trait_methods,
    clippy::needless_return,
    reason = "this file's own: kinds of functions in an order that can be read, with a written \
              return, because one lint asks for what another one forbids"
)]

extern crate alloc;

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::time::Duration;
use std::collections::HashMap;
use std::fs::read_to_string;
use std::io;

use async_trait::async_trait;
use cachekit::{Cache, cached, removes};
use tokio::task::yield_now;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct User {
    /// Its number.
    pub id: u64,
}

/// The length of a file.
fn length(path: &str) -> Result<usize, io::Error> {
    return read_to_string(path).map(|text| return text.len());
}

/// A sync function.
#[cached(ttl = "10m", namespace = "lints", version = 3)]
#[must_use]
#[inline]
pub fn doubled(id: u64) -> u64 {
    return id.wrapping_mul(2).max(length("").map_or(0, |_| return 1));
}

/// Arguments that only the key uses.
#[cached]
#[must_use]
#[inline]
pub fn keyed(path: &str, size: u64, modified: (u64, u32)) -> usize {
    return length(path).unwrap_or(0);
}

/// Arguments that only options use.
#[cached(key = "{path}", ttl = Duration::from_secs(seconds), condition = on, cache = cache)]
#[inline]
pub async fn optional(path: String, seconds: u64, on: bool, cache: &Cache) -> usize {
    yield_now().await;
    return path.len();
}

/// A private function, with borrowed arguments.
#[cached]
fn repeated(name: &str, count: usize) -> String {
    return name.repeat(count.min(length(name).unwrap_or(1)));
}

/// As many arguments as the lints allow.
///
/// # Errors
/// If the file is not there.
#[cached]
#[inline]
pub fn many(
    one: u8,
    two: u8,
    three: u8,
    four: u8,
    five: u8,
    six: u8,
    path: &str,
) -> Result<usize, io::Error> {
    let sum = [one, two, three, four, five, six]
        .into_iter()
        .map(usize::from)
        .sum();
    return length(path).map(|bytes| return bytes.min(sum));
}

/// An async function that owns its arguments.
///
/// # Errors
/// If it is zero.
#[cached(ttl = 60)]
#[inline]
pub async fn load(id: u64) -> Result<User, String> {
    yield_now().await;
    if id == 0 {
        return Err(repeated("zero", 1));
    }
    return Ok(User { id });
}

/// An async function that borrows, with every option that is an expression.
#[cached(
    condition = !name.is_empty(),
    unless = result.is_none(),
    key = (name, tags),
    ttl = Duration::from_secs(5),
    cache = cachekit::cache(),
    cache_none
)]
#[inline]
pub async fn tagged(name: &str, tags: &[&str]) -> Option<String> {
    yield_now().await;
    return tags.first().map(|tag| return repeated(tag, name.len()));
}

/// Patterns.
#[cached]
#[must_use]
#[inline]
pub fn pattern((left, right): (u64, u64), mut list: Vec<u64>, _: bool) -> Vec<u64> {
    list.push(left.wrapping_add(right));
    return list;
}

/// Patterns, and a body in place.
#[cached(companions = false)]
#[must_use]
#[inline]
pub fn pattern_in_place((left, right): (u64, u64), mut list: Vec<u64>, _: bool) -> Vec<u64> {
    list.push(left.wrapping_add(right));
    return list;
}

/// A text for a key, and values that stay.
#[cached(key = "user:{id}:{name}", local)]
#[must_use]
#[inline]
pub fn text(id: u64, mut name: String) -> Arc<String> {
    name.push_str(&id.to_string());
    return Arc::new(name);
}

/// Arguments that only tags use, and every option of the line of time.
///
/// # Errors
/// Never.
#[cached(
    key = "{id}",
    grace = "1h",
    timeout = 5,
    negative_ttl = 30,
    stale_while_refresh,
    tags = ["user:{id}", "tenant:{tenant}"]
)]
#[inline]
pub async fn lasting(id: u64, tenant: String) -> Result<Option<u64>, cachekit::Error> {
    yield_now().await;
    return Ok(id.checked_add(1));
}

/// A task of its own, and a body in place.
#[cached(companions = false)]
#[inline]
pub async fn in_place(id: u64) -> Option<u64> {
    yield_now().await;
    return id.checked_add(1);
}

/// Generic.
#[cached]
#[inline]
pub fn generic<T, const N: usize>(value: T, more: impl Into<u64> + serde::Serialize) -> Vec<u64>
where
    T: Into<u64> + serde::Serialize,
{
    let mut all = Vec::with_capacity(N);
    all.push(value.into());
    all.push(more.into());
    return all;
}

/// Calls itself.
#[cached]
#[must_use]
#[inline]
pub fn fibonacci(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    return fibonacci(n.wrapping_sub(1)).wrapping_add(fibonacci(n.wrapping_sub(2)));
}

/// Calls itself, async.
#[cached]
#[inline]
pub async fn factorial(n: u64) -> u64 {
    if n < 2 {
        return 1;
    }
    let before = Box::pin(factorial(n.wrapping_sub(1))).await;
    return n.wrapping_mul(before);
}

/// What the user expects of the lints is still expected where the body is.
#[cached]
#[expect(clippy::unwrap_used, reason = "that there is one to be expected")]
#[must_use]
#[inline]
pub fn expecting(text: &str) -> u64 {
    return text.parse().unwrap();
}

/// An entry for each id.
///
/// # Errors
/// If there is none.
#[cached(many, tags = ["user:{ids}", "{tenant}"])]
#[inline]
pub async fn each(ids: Vec<u64>, tenant: String) -> Result<HashMap<u64, String>, String> {
    yield_now().await;
    if ids.is_empty() {
        return Err(tenant);
    }
    return Ok(ids
        .into_iter()
        .map(|id| return (id, tenant.clone()))
        .collect());
}

/// An entry for each id, without a task.
#[cached(many = ids, companions = false, ttl = Duration::from_secs(seconds), condition = seconds > 0)]
#[must_use]
#[inline]
pub fn each_in_place(seconds: u64, mut ids: Vec<u64>, more: &[u64]) -> HashMap<u64, u64> {
    ids.extend(more);
    return ids.into_iter().map(|id| return (id, seconds)).collect();
}

/// Removes before and after the result is there.
///
/// # Errors
/// If it is zero.
#[removes(load(id), load(result.id), text(id, name), tag = "user:{id}", namespace = "lints")]
#[inline]
pub async fn store(id: u64, name: String) -> Result<User, String> {
    yield_now().await;
    if id == 0 {
        return Err(name);
    }
    return Ok(User { id });
}

/// Returns nothing, and uses one argument only for what it removes.
#[removes(load(id), tag = "users")]
#[inline]
pub fn touch(id: u64) {}

/// Methods.
#[derive(Debug)]
#[non_exhaustive]
pub struct Users {
    /// Which ones.
    tenant: u64,
}

impl Users {
    /// A method with a key.
    #[cached(key = "{self.tenant}:{id}")]
    #[must_use]
    #[inline]
    pub fn keyed(&self, id: u64) -> u64 {
        return self.tenant.wrapping_add(doubled(id));
    }

    /// An async method that instances share.
    ///
    /// # Errors
    /// If the name is empty.
    #[cached(skip(self), ttl = "1s")]
    #[inline]
    pub async fn shared(&self, name: Cow<'_, str>) -> Result<Option<User>, String> {
        let id = u64::try_from(name.len()).unwrap_or(self.tenant);
        return load(id).await.map(Some);
    }

    /// Private.
    #[cached(skip(self))]
    fn private(self: &Arc<Self>, id: u64) -> u64 {
        return self.tenant.wrapping_add(doubled(id));
    }

    /// Public, for the private one.
    #[must_use]
    #[inline]
    pub fn public(self: &Arc<Self>) -> u64 {
        return self.private(1).max(self.private(2));
    }

    /// Removes what another method caches.
    #[removes(self.keyed(id), Self::of(id))]
    #[inline]
    pub fn renumber(&mut self, id: u64) -> &Self {
        self.tenant = id;
        return self;
    }

    /// An associated function.
    #[cached]
    #[must_use]
    #[inline]
    pub fn of(id: u64) -> u64 {
        return Self { tenant: id }.keyed(1);
    }
}

/// A trait with a cached default.
pub trait Load {
    /// Sync.
    fn sync(&self, id: u64) -> u64;

    /// Cached for each type.
    #[cached(skip(self))]
    #[inline]
    fn defaulted(&self, id: u64) -> u64 {
        return self.sync(id);
    }
}

impl Load for Users {
    #[cached(key = (self.tenant, id))]
    #[inline]
    fn sync(&self, id: u64) -> u64 {
        return self.tenant.wrapping_add(id);
    }
}

/// A trait under `#[async_trait]`.
#[async_trait]
pub trait BoxedLoad {
    /// Async.
    async fn boxed(&self, id: u64, name: &str) -> Result<u64, String>;

    /// Removes what the other one caches.
    async fn change(&self, id: u64) -> Result<u64, String>;
}

#[async_trait]
impl BoxedLoad for Users {
    #[cached(key = (self.tenant, id, name))]
    #[inline]
    async fn boxed(&self, id: u64, name: &str) -> Result<u64, String> {
        let user = load(id).await;
        let bytes = u64::try_from(name.len()).unwrap_or(self.tenant);
        return user.map(|found| return found.id.wrapping_add(bytes));
    }

    #[removes(self.keyed(id), self.keyed(*result))]
    #[inline]
    async fn change(&self, id: u64) -> Result<u64, String> {
        return load(id).await.map(|found| return found.id);
    }
}
