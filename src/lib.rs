//! Annotate a function; choose where its results live when you deploy.
//!
//! ```
//! use cachekit::cached;
//!
//! #[cached(ttl = "10m")] // all arguments form the key
//! async fn profile(id: u64) -> Result<String, std::io::Error> {
//!     Ok(format!("profile of {id}")) // a query, a request, a long computation
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! profile(42).await?; // computed
//! profile(42).await?; // cached
//! profile::remove(42).await?; // companions live beside the function
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! The environment decides where entries live; the code does not:
//!
//! | set | entries live |
//! |---|---|
//! | nothing | in this process |
//! | `CACHEKIT_FILE_CACHE_DIR=…` | in files that processes share |
//! | `CACHEKIT_MEMCACHED_SERVERS='["mc1:11211","mc2:11211"]'` | in memcached, over all servers |
//!
//! [`cached`] tells all of the attribute; [`Cache`] is the cache without it. The variables are in
//! `docs/environment.md`; [`init`] reports what is wrong with them.
//!
//! | feature | default | what for |
//! |---|---|---|
//! | `memcached` | yes | the memcached backend |
//! | `file` | yes | the file backend |
//! | `tls` | no | TLS to memcached: `CACHEKIT_MEMCACHED_TLS=true` |
//! | `messagepack` | no | the MessagePack codec: `#[cached(codec = cachekit::codec::MessagePack)]` |
//! | `json` | no | the JSON codec, for reading entries by eye |
//! | `lz4` | no | values of 1 KiB and more compressed, where that saves a tenth; for all processes alike |
//! | `testkit` | no | the suite that tests a backend, and a clock that a test moves |

mod deployment;

pub use cachekit_core::backend::{self, Backend, Ttl};
pub use cachekit_core::cache::{Arguments, Cache, Context, Form, Function, Key, Policy, Stats};
pub use cachekit_core::key::StoreKey;
#[cfg(feature = "testkit")]
pub use cachekit_core::testkit;
pub use cachekit_core::{Error, ErrorKind, Result, clock, codec, config, env};
pub use cachekit_macros::cached;

pub use deployment::{BACKEND, Deployment, Place, variables};

#[cfg(feature = "file")]
pub use cachekit_file as file;
#[cfg(feature = "memcached")]
pub use cachekit_memcached as memcached;

use cachekit_core::env::Problems;

/// Sets up the cache of this process as the environment says. Call it first in `main`, to hear of
/// a bad configuration before the first request does.
///
/// Connects to nothing. Without this call the first cached function sets up the cache; a bad
/// configuration then means in process, with an error logged and [`Cache::health`] down.
///
/// # Errors
/// Everything that is wrong with the environment, at once. The cache is then in process.
pub fn init() -> Result<&'static Cache, Problems> {
    let mut found = None;
    let cache =
        Cache::global(|| chosen().unwrap_or_else(|problems| misconfigured(found.insert(problems))));
    found.map_or(Ok(cache), Err)
}

/// The cache of this process: the one that [`init`] or [`install`] has set up, or now the one
/// that the environment says.
#[inline]
#[must_use]
pub fn cache() -> &'static Cache {
    Cache::global(|| chosen().unwrap_or_else(|problems| misconfigured(&problems)))
}

fn chosen() -> Result<Cache, Problems> {
    Deployment::from_env()?.build().map_err(|error| {
        let mut problems = Problems::default();
        problems.add(BACKEND.name, None, error.to_string());
        problems
    })
}

/// Makes `cache` the cache of this process: for a backend of your own. Once, before the first
/// cached function is called.
///
/// # Errors
/// `cache` itself, if there is one already.
pub fn install(cache: Cache) -> Result<(), Cache> {
    let mut given = Some(cache);
    Cache::global(|| given.take().unwrap_or_else(Cache::in_process));
    given.map_or(Ok(()), Err)
}

fn misconfigured(problems: &Problems) -> Cache {
    tracing::error!(%problems, "bad configuration; caching in process");
    Cache::builder().misconfigured(problems.to_string()).build()
}

/// What `#[cached]` expands to. Not for use by hand: it changes with the macro.
#[doc(hidden)]
pub mod __private {
    pub use cachekit_core::__private::*;

    pub use crate::cache as default_cache;
}
