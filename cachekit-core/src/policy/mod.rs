//! What decides, without I/O: how long an entry lives, who computes, who waits.

pub(crate) mod bulkhead;
pub(crate) mod computing;
pub(crate) mod flight;
pub(crate) mod freshness;
pub(crate) mod lock;
pub(crate) mod pressure;
pub(crate) mod race;
pub(crate) mod reentry;
#[cfg(test)]
mod tests;
pub(crate) mod ttl;
