//! A hashing client over many memcached servers, and the backend made of it.

mod backend;
mod client;
pub mod config;
mod connection;
mod error;
mod node;
pub mod protocol;
pub mod ring;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use backend::Memcached;
pub use config::{Config, Failover, Protocol, Server};
