//! What decides, without I/O: how long an entry lives, who computes, who waits.

pub(crate) mod flight;
pub(crate) mod reentry;
pub(crate) mod ttl;
