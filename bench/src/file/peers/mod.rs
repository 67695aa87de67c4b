//! Other caches and stores of Rust, as their documentation has them used.

#[cfg(feature = "file-peers")]
pub(super) mod cacache;
pub(super) mod cachekit_rs;
#[cfg(feature = "file-peers")]
pub(super) mod fjall;
#[cfg(feature = "file-peers")]
pub(super) mod foyer;
#[cfg(feature = "file-peers")]
pub(super) mod redb;
