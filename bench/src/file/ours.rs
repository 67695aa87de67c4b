//! The file backend, as the cache calls it.

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Ttl, Want};
use cachekit_core::key::StoreKey;
use cachekit_file::{Config, FileBackend};

use crate::Failed;
use crate::file::cell::{Caps, Cell};
use crate::file::keys::{Key, check};
use crate::file::store::Store;

/// How long what is set lives.
const TTL: Ttl = Ttl::from_secs(3_600);

/// One process's backend. Calls make a `StoreKey` from the text, as the cache does.
#[derive(Debug)]
pub(super) struct Ours(pub(super) FileBackend);

impl Ours {
    /// Of a size that is not known.
    pub(super) async fn get_any(&self, key: &Key) -> Result<(), Failed> {
        let name = StoreKey::new(key.text.as_str())?;
        if let Some(found) = self.0.get(&name, Want::Value).await?.found {
            check(key, Some(&found.value), found.value.len())?;
        }
        Ok(())
    }

    /// How far what is counted is from what is there, of bytes or of entries, whichever is worse,
    /// in percent. An error if an entry is not what was put. Nobody may write meanwhile.
    pub(super) fn drift(&self) -> Result<f64, Failed> {
        let found = self.0.verify(|_| {})?;
        if found.damaged() > 0 {
            return Err(format!("damaged entries: {found:?}").into());
        }
        let far = |believed: u64, there: u64| {
            let there = there.max(1);
            believed.abs_diff(there) as f64 * 1e2 / there as f64
        };
        let entries = far(found.believed_entries, found.entries());
        Ok(entries.max(far(found.believed_bytes, found.bytes)))
    }
}

impl Store for Ours {
    async fn open(cell: &Cell) -> Result<Self, Failed> {
        let Caps { bytes, entries } = cell.caps;
        let config = Config {
            directory: cell.directory.clone(),
            max_size: bytes,
            max_entries: entries,
            ..Config::default()
        };
        let max_value = config.max_value.min(bytes / 2);
        let config = Config {
            max_value,
            ..config
        };
        Ok(Self(FileBackend::new(config)?))
    }

    async fn get(&mut self, key: &Key, size: usize) -> Result<bool, Failed> {
        let name = StoreKey::new(key.text.as_str())?;
        let found = self.0.get(&name, Want::Value).await?.found;
        check(key, found.as_ref().map(|found| &found.value), size)
    }

    async fn put(&mut self, key: &Key, value: &Bytes) -> Result<(), Failed> {
        let key = StoreKey::new(key.text.as_str())?;
        self.0.set(&key, value.clone(), TTL, None).await?;
        Ok(())
    }

    async fn clear(&mut self, _: &Cell) -> Result<(), Failed> {
        Ok(self.0.clear()?)
    }
}
