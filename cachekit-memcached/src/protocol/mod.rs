//! The commands of memcached as bytes: what is written, what is read, and what may be written
//! at all. Knows no socket, no runtime and nothing of the cache.
//!
//! Source: `doc/protocol.txt` of memcached 1.6. Everything that goes out is valid by type
//! ([`Key`], [`Exptime`], [`max_value_len`]), so a server that answers `CLIENT_ERROR` tells of a
//! mistake in here, and the connection cannot be trusted any more.

mod arithmetic;
pub(crate) mod base64;
mod body;
mod classic;
mod decoder;
mod dialect;
mod expected;
mod exptime;
mod item;
mod key;
mod key_line;
mod large;
mod line;
mod meta;
mod reply;
mod request;
#[cfg(test)]
pub(crate) mod samples;
mod version;
mod write;

pub use arithmetic::{Arithmetic, Create, Direction};
pub use body::LARGE_VALUE;
pub use decoder::Decoder;
pub use dialect::Dialect;
pub use expected::{Expected, Words};
pub use exptime::Exptime;
pub use item::max_value_len;
pub use key::{InvalidKey, Key, KeyPlace, MAX_BASE64_KEY_LEN, MAX_KEY_LEN};
pub use key_line::KeyLine;
pub use reply::{Code, Item, Malformed, Meta, Over, Reply};
pub use request::{Delete, Get, GetMany, Mode, Request, Set, Statistics, Vivify};
pub use version::Version;
