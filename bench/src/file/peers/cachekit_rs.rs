//! cachekit-rs: the file backend alone. It syncs every write, and has no cap.

use std::time::Duration;

use bytes::Bytes;
use cachekit_rs::backend::Backend as _;
use cachekit_rs::backend::file::FileBackend;

use crate::Failed;
use crate::file::cell::Cell;
use crate::file::keys::{Key, check};
use crate::file::store::Store;

const TTL: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
pub(crate) struct Shared(FileBackend);

impl Store for Shared {
    async fn open(cell: &Cell) -> Result<Self, Failed> {
        let builder = FileBackend::builder().cache_dir(&cell.directory);
        Ok(Self(builder.build()?))
    }

    async fn get(&mut self, key: &Key, size: usize) -> Result<bool, Failed> {
        check(key, self.0.get(&key.text).await?, size)
    }

    async fn put(&mut self, key: &Key, value: &Bytes) -> Result<(), Failed> {
        Ok(self.0.set(&key.text, value.to_vec(), Some(TTL)).await?)
    }
}
