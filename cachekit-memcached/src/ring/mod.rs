//! Which node a key lies on, and which node stands in when that one is away: pure data, no I/O.

mod murmur3;
mod rendezvous;

pub use murmur3::murmur3_32;
pub use rendezvous::Rendezvous;
