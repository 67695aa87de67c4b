//! One file an entry, in a directory that processes share.
//!
//! Entries survive restarts; any number of processes on one machine may use one directory; a crash
//! at any instant leaves every entry whole or absent; the directory is kept under its caps by the
//! processes that write, without a daemon.
//!
//! Below the directory lies `v1/hh/<64 hex digits>`: the BLAKE3 of the key in 256 folders. Key
//! text never becomes a path. The modules, in the order of a write: `backend` (async), `pool` (the
//! blocking pool), `store` (what an operation does), `directory` (whose it is), `layout` (key →
//! path), `entry` (bytes of a file), `budget` (caps), `folder` (its lock, counts and leads), `write`
//! (the file's content and name); a read takes `warm` and `read` instead.
//!
//! Whoever writes or leads has the lock of one of the folders meanwhile, which takes some
//! microseconds; who reads a fresh entry takes none. A process that is stopped while it has that
//! lock costs those who write there a second, after which they fail with
//! [`Timeout`](cachekit_core::ErrorKind::Timeout).
//!
//! This store leads, among all processes: see [`Backend`](cachekit_core::backend::Backend). Holds
//! end by the system's clock; the leads of a process that ended are given to the next reader at
//! once. The directory must be on a file system of this machine: file systems of a network do not
//! keep the locks that this needs. Unix only.
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
mod queue;
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
