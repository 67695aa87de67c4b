//! foyer: memory in front of files that it divides itself. A put is queued for the disk.

use bytes::Bytes;
use foyer::{
    BlockEngineConfig, DeviceBuilder as _, FsDeviceBuilder, HybridCache, HybridCacheBuilder,
    HybridCachePolicy,
};

use crate::Failed;
use crate::file::cell::Cell;
use crate::file::keys::{Key, check};
use crate::file::store::Store;

/// What its documentation has in its first example.
const MEMORY: usize = 64 << 20;
/// More than any case has: the files are as large as what is in them.
const DISK: usize = 16 << 30;

#[derive(Debug)]
pub(crate) struct Hybrid(HybridCache<String, Bytes>);

impl Store for Hybrid {
    async fn open(cell: &Cell) -> Result<Self, Failed> {
        let device = FsDeviceBuilder::new(&cell.directory)
            .with_capacity(DISK)
            .build()?;
        let builder = HybridCacheBuilder::new()
            .with_policy(HybridCachePolicy::WriteOnInsertion)
            .memory(MEMORY)
            .with_weighter(|key: &String, value: &Bytes| key.len() + value.len())
            .storage()
            .with_engine_config(BlockEngineConfig::new(device));
        Ok(Self(builder.build().await?))
    }

    async fn get(&mut self, key: &Key, size: usize) -> Result<bool, Failed> {
        let entry = self.0.get(&key.text).await?;
        check(key, entry.as_ref().map(|entry| entry.value()), size)
    }

    async fn put(&mut self, key: &Key, value: &Bytes) -> Result<(), Failed> {
        self.0.insert(key.text.clone(), value.clone());
        Ok(())
    }

    /// It drops what comes faster than it can be written.
    async fn settle(&mut self) -> Result<(), Failed> {
        self.0.storage().wait().await;
        Ok(())
    }

    async fn clear(&mut self, _: &Cell) -> Result<(), Failed> {
        Ok(self.0.clear().await?)
    }

    async fn close(self) -> Result<(), Failed> {
        Ok(self.0.close().await?)
    }
}
