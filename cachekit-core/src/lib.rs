//! What every backend author needs: the [`Backend`](backend::Backend) trait, the cache in front of
//! it, and the kit that tests both. Users of the cache name the crate `cachekit` instead.

pub mod backend;
pub mod clock;
pub mod codec;
pub mod env;
pub mod envelope;
pub mod error;
pub mod key;
pub mod schema;
