//! cacache: its calls that block. Values have names by their content, and stay there when a key
//! gets another one.

use bytes::Bytes;

use crate::Failed;
use crate::file::cell::Cell;
use crate::file::keys::{Key, check};
use crate::file::store::Store;

#[derive(Debug)]
pub(crate) struct Directory(std::path::PathBuf);

impl Store for Directory {
    async fn open(cell: &Cell) -> Result<Self, Failed> {
        Ok(Self(cell.directory.clone()))
    }

    async fn get(&mut self, key: &Key, size: usize) -> Result<bool, Failed> {
        match cacache::read_sync(&self.0, &key.text) {
            Ok(value) => check(key, Some(value), size),
            Err(cacache::Error::EntryNotFound(..)) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    async fn put(&mut self, key: &Key, value: &Bytes) -> Result<(), Failed> {
        cacache::write_sync(&self.0, &key.text, value)?;
        Ok(())
    }

    async fn clear(&mut self, _: &Cell) -> Result<(), Failed> {
        Ok(cacache::clear_sync(&self.0)?)
    }
}
