//! A hashing client over many memcached servers, and the backend made of it.
//!
//! [`Client`] is the client, on its own:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cachekit_memcached::Result<()> {
//! use cachekit_memcached::{Client, Config, Ttl};
//!
//! # let server = cachekit_memcached::testkit::Server::start();
//! # let server = server.address();
//! // Any number of servers: `host`, `host:port`, `[v6]:port`, `unix:/path`, each with or without
//! // `name=` in front and `*weight` behind.
//! let client = Client::new(Config::of_servers([server])?)?;
//! client.set("greeting", "hello", Ttl::from_secs(60)).await?;
//! let found = client.get("greeting").await?;
//! assert_eq!(found.map(|value| value.data), Some("hello".into()));
//! # Ok(())
//! # }
//! ```
//!
//! [`Memcached`] is the [`Backend`](cachekit_core::backend::Backend) made of it; users of the cache
//! choose it with `CACHEKIT_MEMCACHED_SERVERS` and never name this crate.
//!
//! From the key of the cache to the socket, each module uses those below it:
//!
//! | module | |
//! |---|---|
//! | `backend` | keys, times, leads and errors of the cache, translated |
//! | `client` | where a key goes, what happens when a server is away, many keys at once |
//! | [`ring`] | key → order of the servers, as pymemcache or libmemcached places them; pure |
//! | `node` | one server: whether it is up, and the connections to it |
//! | `connection` | one socket that many callers share |
//! | [`protocol`] | the commands as bytes, meta and classic; pure |
//! | [`config`] | what a deployment decides, and its variables |

mod backend;
mod chance;
mod client;
pub mod config;
mod connection;
mod error;
mod node;
pub mod protocol;
pub mod ring;
#[cfg(all(feature = "testkit", unix))]
pub mod testkit;

pub use backend::Memcached;
pub use cachekit_core::backend::Ttl;
pub use cachekit_core::error::{Error, ErrorKind, Result};
pub use client::{Client, Item, Payload, Stats, Stored, Swapped, Told, Value};
pub use config::{BinaryKeys, Config, Credentials, Failover, Hashing, Protocol, Server, Tls};
pub use connection::{Latency, TrafficStats};
pub use node::{NodeStats, State};
pub use protocol::Statistics;
