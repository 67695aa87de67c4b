//! What no store that keeps a file for an entry can beat: the system's calls alone, on the paths
//! of entries as ours are laid out. Nothing is locked, checked, counted or capped.

use std::fs;

use bytes::Bytes;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{Errno, read, write};

use crate::Failed;
use crate::file::cell::Cell;
use crate::file::keys::{Key, check};
use crate::file::store::Store;

const FOLDERS: u32 = 256;
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);
const CREATE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::CLOEXEC);

/// The calls, where the caller is.
#[derive(Debug)]
pub(super) struct Bare {
    /// Where the folders are, and behind it the file of the last call.
    path: String,
    root: usize,
    /// The name of a file that is being written, in the folder of the entry.
    temporary: String,
    value: Vec<u8>,
}

impl Bare {
    fn new(cell: &Cell) -> Result<Self, Failed> {
        let root = cell.directory.join("v1");
        if !root.exists() {
            for folder in 0..FOLDERS {
                fs::create_dir_all(root.join(format!("{folder:02x}")))?;
            }
        }
        let path = format!("{}/", root.display());
        Ok(Self {
            root: path.len(),
            path,
            temporary: format!(".tmp-{}", std::process::id()),
            value: vec![0; cell.size + 1],
        })
    }

    fn path(&mut self, key: &Key) -> &str {
        self.path.truncate(self.root);
        self.path.push_str(&key.path);
        &self.path
    }

    /// Where the value of `key` is written before it gets its name.
    fn temporary(&self, key: &Key) -> String {
        let folder = key.path.split('/').next().unwrap_or_default();
        [&self.path[..self.root], folder, "/", &self.temporary].concat()
    }
}

/// Open, read, close: how many bytes came.
fn read_file(path: &str, value: &mut [u8]) -> Result<Option<usize>, Failed> {
    let file = match rustix::fs::openat(CWD, path, READ, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(other) => return Err(other.into()),
    };
    Ok(Some(read(&file, value)?))
}

/// Create, write, close, rename.
fn write_file(path: &str, temporary: &str, value: &[u8]) -> Result<(), Failed> {
    let file = rustix::fs::openat(CWD, temporary, CREATE, Mode::RUSR | Mode::WUSR)?;
    if write(&file, value)? != value.len() {
        return Err("only a part was written".into());
    }
    drop(file);
    Ok(rustix::fs::renameat(CWD, temporary, CWD, path)?)
}

impl Store for Bare {
    async fn open(cell: &Cell) -> Result<Self, Failed> {
        Self::new(cell)
    }

    async fn get(&mut self, key: &Key, size: usize) -> Result<bool, Failed> {
        self.path(key);
        let length = read_file(&self.path, &mut self.value)?;
        check(key, length.map(|length| &self.value[..length]), size)
    }

    async fn put(&mut self, key: &Key, value: &Bytes) -> Result<(), Failed> {
        let temporary = self.temporary(key);
        write_file(self.path(key), &temporary, value)
    }
}

/// The same calls, in tokio's pool for what blocks.
#[derive(Debug)]
pub(super) struct Hop(Bare);

impl Store for Hop {
    async fn open(cell: &Cell) -> Result<Self, Failed> {
        Ok(Self(Bare::new(cell)?))
    }

    async fn get(&mut self, key: &Key, size: usize) -> Result<bool, Failed> {
        let path = self.0.path(key).to_owned();
        let read = move || {
            let mut value = vec![0; size + 1];
            let length = read_file(&path, &mut value)?;
            Ok::<_, Failed>(length.map(|length| {
                value.truncate(length);
                value
            }))
        };
        check(key, tokio::task::spawn_blocking(read).await??, size)
    }

    async fn put(&mut self, key: &Key, value: &Bytes) -> Result<(), Failed> {
        let temporary = self.0.temporary(key);
        let (path, value) = (self.0.path(key).to_owned(), value.clone());
        tokio::task::spawn_blocking(move || write_file(&path, &temporary, &value)).await?
    }
}
