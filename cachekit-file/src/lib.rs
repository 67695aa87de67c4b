//! One file an entry, in a directory that processes share.
//!
//! Entries survive restarts; any number of processes on one machine may use one directory; a crash
//! at any instant leaves every entry whole or absent; the directory is kept under its caps by the
//! processes that write, without a daemon.
//!
//! Below the directory lies `v1/hh/<64 hex digits>`: the BLAKE3 of the key in 256 folders. Key
//! text never becomes a path. The modules, in the order of a write: `backend` (async, hops to the
//! blocking pool), `store` (what an operation does), `directory` (whose it is), `layout` (key →
//! path), `entry` (bytes of a file), `write` (temp file, rename), `sweep` (caps).
//!
//! This store does not lead: it answers [`Lead::Unfenced`](cachekit_core::backend::Lead::Unfenced)
//! and ignores tokens. Unix only.
//!
//! ```
//! use bytes::Bytes;
//! use cachekit_core::backend::{Backend, Ttl, Want};
//! use cachekit_core::key::StoreKey;
//! use cachekit_file::{Config, FileBackend};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cachekit_core::Result<()> {
//! # let directory = std::env::temp_dir().join(format!("cachekit-file-doc-{}", std::process::id()));
//! let backend = FileBackend::new(Config { directory, ..Config::default() })?;
//! let key = StoreKey::new("user:42")?;
//! backend.set(&key, Bytes::from("Ada"), Ttl::from_secs(60), None).await?;
//! let found = backend.get(&key, Want::Value).await?.found;
//! assert_eq!(found.unwrap().value, "Ada");
//! # std::fs::remove_dir_all(&backend.config().directory).unwrap();
//! # Ok(())
//! # }
//! ```

mod backend;
mod budget;
pub mod config;
mod directory;
mod entry;
mod error;
mod file;
mod folder;
mod given;
mod head;
mod layout;
mod leads;
mod lock;
mod owner;
mod pool;
mod read;
mod report;
mod scan;
mod store;
mod touch;
mod usage;
mod verify;
mod warm;
mod write;

pub use backend::FileBackend;
pub use config::{Config, SyncMode};
pub use report::Report;
