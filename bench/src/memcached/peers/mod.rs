//! Other clients of Rust, as their documentation has them used.

pub(super) mod async_memcached;
pub(super) mod cachekit_rs;
pub(super) mod mcmc;
pub(super) mod memcache;
pub(super) mod memcache_async;
mod pool;

/// Connections of a peer that has a pool, to each server.
pub(super) const POOL: usize = 16;

/// How long what is set lives.
const TTL_SECONDS: u32 = 3_600;
