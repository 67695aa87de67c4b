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
//! With [`caches!`] some functions have a cache of their own, with variables of its own. A test puts
//! a cache in the place of all of them by [`with_cache`].
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
//! | `metrics` | no | what happens, for the `metrics` facade: the names are in `docs/observability.md` |
//! | `testkit` | no | the suite that tests a backend, and a clock that a test moves |

mod deployment;
mod named;
mod process;

pub use cachekit_core::backend::{self, Backend, Ttl};
pub use cachekit_core::cache::explanation::{self, Explanation};
pub use cachekit_core::cache::{
    Arguments, Cache, CacheRef, Context, Form, Function, Invalidations, Key, Policy, Stats,
    with_cache, with_cache_sync,
};
pub use cachekit_core::key::StoreKey;
#[cfg(feature = "testkit")]
pub use cachekit_core::testkit;
pub use cachekit_core::{Error, ErrorKind, Result, clock, codec, config, env};
pub use cachekit_macros::{cached, removes};

pub use deployment::{BACKEND, Deployment, Place, variables};
pub use process::{cache, init, install};

#[cfg(feature = "file")]
pub use cachekit_file as file;
#[cfg(feature = "memcached")]
pub use cachekit_memcached as memcached;

/// What `#[cached]` expands to. Not for use by hand: it changes with the macro.
#[doc(hidden)]
pub mod __private {
    pub use cachekit_core::__private::*;

    pub use crate::named::{Named, is_name};
    pub use crate::process::{cache as default_cache, init_named};
}

/// The pages for those who come from elsewhere are true as long as their examples compile and hold.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../docs/from-cached.md")]
    struct FromCached;
    #[doc = include_str!("../docs/from-moka.md")]
    struct FromMoka;
}
