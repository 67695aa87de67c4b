//! Servers for tests: feature `testkit`, unix only.
//!
//! - [`Server`]: a real memcached process, started and killed by the test.
//! - [`MetaServer`]: the same commands in memory, at a time that the test says.
//!
//! ```
//! use cachekit_memcached::testkit::Server;
//!
//! let mut server = Server::start();
//! assert!(server.address().starts_with("127.0.0.1:"));
//! server.kill();
//! server.restart(); // empty, at the same address
//! ```

mod meta;
mod server;

pub use meta::{MetaServer, Options, Session};
pub use server::{Server, addresses};
