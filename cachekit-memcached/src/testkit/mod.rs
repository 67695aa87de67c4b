//! Servers for tests: feature `testkit`, unix only.
//!
//! - [`Server`]: a real memcached process, started and killed by the test.
//! - [`MetaServer`]: the same commands in memory, at a time that the test says.
//! - [`MemoryServer`]: one of these at an address, behind [ways](Way) that may be slow or cut.
//! - [`seed_jitter`]: the same jitter each time.
//!
//! ```
//! use cachekit_memcached::testkit::Server;
//!
//! let mut server = Server::start();
//! assert!(server.address().starts_with("127.0.0.1:"));
//! server.kill();
//! server.restart(); // empty, at the same address
//! ```

mod memory;
mod meta;
mod server;

pub use memory::{MemoryServer, Way};
pub(crate) use memory::{Path, path_to};
pub use meta::{MetaServer, Options, Session};
pub use server::{Server, addresses};

/// Makes the jitter that this thread draws from now on a consequence of `seed`: of the pauses before
/// a server that is down is tried again, and before a lead is taken over.
pub fn seed_jitter(seed: u64) {
    crate::chance::seed_thread(seed);
}
