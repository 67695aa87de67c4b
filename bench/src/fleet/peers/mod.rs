//! Others as readers of the same origin. What is no longer true they delete, the one way that they
//! all have.

pub(super) mod cachekit_rs;
pub(super) mod dalli;
pub(super) mod memcache;
